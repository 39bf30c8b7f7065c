/** What of an account outlives the gateway: how far messages have been read, and the pieces of albums that are not complete yet. */
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import type { AccountMemory } from '../../define-channel.ts'
import type { Message } from './wire.ts'

export interface Saved {
  readonly offset?: { readonly botId: number, readonly next: number, readonly atMs: number }
  readonly albums?: { readonly [key: string]: readonly Message[] }
  /** Messages of the albums that were taken in last: whoever delivers them again is late. */
  readonly takenAlbums?: { readonly [key: string]: readonly number[] }
}

export interface Memory {
  readonly saved: Saved
  change (change: (saved: Saved) => Saved): Promise<void>
}

export async function openMemory (memory: AccountMemory): Promise<Memory> {
  const inTurn = createOneAtATime()
  let saved: Saved = await memory.get()
  return {
    get saved () { return saved },
    async change (change) {
      await inTurn(async () => {
        const next = change(saved)
        await memory.put({ ...next })
        saved = next
      })
    }
  }
}
