/** What of an account outlives the gateway, changed by one after the other. */
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import type { AccountMemory } from './define-channel.ts'

export interface OpenMemory<Saved extends object> {
  readonly saved: Saved
  /** Resolves when it is kept; `saved` is what was kept last. */
  change (change: (saved: Saved) => Saved): Promise<void>
}

export async function openMemory<Saved extends object> (memory: AccountMemory): Promise<OpenMemory<Saved>> {
  const inTurn = createOneAtATime()
  let saved = await memory.get() as Saved
  return {
    get saved () { return saved },
    async change (change) {
      await inTurn(async () => {
        const next = change(saved)
        await memory.put({ ...next } as { readonly [name: string]: unknown })
        saved = next
      })
    }
  }
}
