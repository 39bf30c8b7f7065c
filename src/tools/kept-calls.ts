/** Calls with an idempotency key that change something: done once, also when the gateway was restarted or killed in between. */
import { createHash } from 'node:crypto'
import type { Collection } from '../store/store.ts'
import type { CallScope, Once, Performed } from './invoke.ts'

/** Written before the call begins; the outcome follows when there is one. */
interface KeptCall {
  readonly fingerprint: string
  readonly toolName: string
  readonly atMs: number
  readonly outcome?: Performed['outcome']
}

export interface KeptCallsOptions {
  readonly calls: Collection<KeptCall>
  readonly now: () => number
  readonly log: { warn (fields: object, message: string): void }
  readonly maxCalls?: number
}

const keepMs = 24 * 60 * 60_000
/** A repeated call is told the beginning of a longer result. */
const maxOutcomeChars = 32_768

const idOf = ({ principal, method, key }: CallScope): string =>
  createHash('sha256').update(JSON.stringify([principal, method, key])).digest('base64url')

const wasDone = (text: string): string => `The call was carried out before, and its result was too long to be kept. It began with: ${text}`

function shortened (outcome: Performed['outcome']): Performed['outcome'] {
  if (outcome.kind !== 'done' || JSON.stringify(outcome).length <= maxOutcomeChars) return outcome
  const text = outcome.result.content.map(part => part.type === 'text' ? part.text : `[${part.type}]`).join('\n').slice(0, 1000)
  const { isError } = outcome.result
  return { ...outcome, result: { content: [{ type: 'text', text: wasDone(text) }], ...(isError ? { isError } : {}) } }
}

const unknownEnd = ({ toolName, fingerprint }: KeptCall): Performed => ({
  fingerprint,
  outcome: {
    kind: 'invalid',
    at: 'request',
    toolName,
    message: 'the gateway ended while this call was carried out, and nobody knows how far it came: look, and call again with another idempotencyKey'
  }
})

export async function createKeptCalls ({ calls, now, log, maxCalls = 1000 }: KeptCallsOptions): Promise<Once> {
  /** When each call began, the oldest first. */
  const begun = new Map((await calls.all()).sort((a, b) => a.value.atMs - b.value.atMs).map(({ key, value }) => [key, value.atMs] as const))

  async function forget (id: string): Promise<void> {
    begun.delete(id)
    await calls.delete(id)
  }

  async function makeRoom (): Promise<void> {
    for (const [id, atMs] of begun) {
      if (begun.size < maxCalls && now() - atMs <= keepMs) return
      await forget(id)
    }
  }

  async function perform (id: string, { fingerprint, toolName }: CallScope, work: () => Promise<Performed>): Promise<Performed> {
    await makeRoom()
    const call: KeptCall = { fingerprint, toolName, atMs: now() }
    begun.set(id, call.atMs)
    await calls.put(id, call)
    let performed: Performed
    try {
      performed = await work()
    } catch (error) {
      await forget(id)
      throw error
    }
    // It was done, whatever becomes of the note about it.
    await calls.put(id, { ...call, outcome: shortened(performed.outcome) })
      .catch((err: unknown) => log.warn({ err, tool: toolName }, 'the result of a call could not be kept for those who repeat it'))
    return performed
  }

  return {
    async run (scope, work) {
      const id = idOf(scope)
      const kept = begun.has(id) ? await calls.get(id) : undefined
      if (!kept || now() - kept.atMs > keepMs) return await perform(id, scope, work)
      const { fingerprint, outcome } = kept
      return outcome ? { fingerprint, outcome } : unknownEnd(kept)
    }
  }
}
