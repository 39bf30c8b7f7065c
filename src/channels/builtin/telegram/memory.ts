/** What of an account outlives the gateway: how far messages have been read, the pieces of albums that are not complete yet. */
import type { OpenMemory } from '../../account-memory.ts'
import type { Message } from './wire.ts'

export interface Saved {
  /** The menu of commands is ours, and goes when there is nothing to show in it. */
  readonly hasMenu?: true
  readonly offset?: { readonly botId: number, readonly next: number, readonly atMs: number }
  readonly albums?: { readonly [key: string]: readonly Message[] }
  /** Messages of the albums that were taken in last: whoever delivers them again is late. */
  readonly takenAlbums?: { readonly [key: string]: readonly number[] }
}

export type Memory = OpenMemory<Saved>
