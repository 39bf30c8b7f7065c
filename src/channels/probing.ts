/** Asks services whether they know us; what they said last is kept for the health of the gateway. */
import type { AccountStatus, Channels } from './room.ts'
import { nameOf, probedOf, type Probed } from './summary.ts'

export interface Probing {
  /** Every account that could run, or those of one channel, all at once. */
  probe (only: string | undefined, timeoutMs: number): Promise<ReadonlyMap<string, Probed>>
  /** By `channel:account`. */
  last (): ReadonlyMap<string, Probed>
}

export interface ProbingOptions {
  readonly channels: Pick<Channels, 'status' | 'probe'>
  readonly now: () => number
  readonly redact: (text: string) => string
}

export function createProbing ({ channels, now, redact }: ProbingOptions): Probing {
  const last = new Map<string, Probed>()

  async function ask ({ entry: { channel, accountId } }: AccountStatus, timeoutMs: number): Promise<[string, Probed]> {
    const beganAtMs = now()
    const signal = AbortSignal.timeout(timeoutMs)
    const late = new Promise<{ ok: false, error: string }>(resolve => {
      signal.addEventListener('abort', () => resolve({ ok: false, error: `no answer within ${timeoutMs} ms` }))
    })
    const result = await Promise.race([channels.probe(channel, accountId, signal), late])
    return [nameOf(channel, accountId), probedOf(result, now() - beganAtMs, redact)]
  }

  return {
    async probe (only, timeoutMs) {
      const all = channels.status()
      const isMeant = ({ entry, facts }: AccountStatus): boolean =>
        facts.enabled && facts.configured && (only === undefined || only === 'all' || entry.channel === only)
      const answers = await Promise.all(all.filter(isMeant).map(async status => await ask(status, timeoutMs)))
      const known = new Set(all.map(({ entry }) => nameOf(entry.channel, entry.accountId)))
      for (const name of last.keys()) if (!known.has(name)) last.delete(name)
      for (const [name, answer] of answers) last.set(name, answer)
      return new Map(answers)
    },
    last: () => last
  }
}
