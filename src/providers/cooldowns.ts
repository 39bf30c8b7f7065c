/** Who failed lately and is left alone for a while, so that a fallback answers at once and a struggling provider recovers. */
import type { ModelInfo, ProviderError } from './model.ts'
import { leftUntil } from '../lib/clock.ts'

export interface Cooldown {
  readonly untilMs: number
  readonly error: ProviderError
  /** Credentials and money do not come back by asking again. */
  readonly permanent: boolean
}

export interface Cooldowns {
  /** The one that holds now. */
  of (model: ModelInfo): Cooldown | undefined
  /** `inlineKey`: the key is text in the configuration, so whoever repairs it is seen, and a shorter time does. */
  failed (model: ModelInfo, error: ProviderError, inlineKey: boolean): void
  succeeded (model: ModelInfo): void
  /** The provider was configured anew. */
  forget (provider: string): void
  status (provider: string): { readonly cooldownUntilMs?: number, readonly lastError?: string }
}

const transientStepsMs = [30_000, 60_000, 300_000]
const lockedMs = 600_000
const lockedInlineMs = 60_000
const maxRecords = 512

const transient: ReadonlySet<ProviderError['kind']> = new Set(['rate_limit', 'overloaded', 'timeout', 'server_error', 'network'])
const permanent: ReadonlySet<ProviderError['kind']> = new Set(['auth', 'billing'])

interface Held extends Cooldown { readonly provider: string, readonly failures: number, readonly forMs: number }

const isHeld = ({ untilMs, forMs }: Held, nowMs: number): boolean => leftUntil(untilMs, forMs, nowMs) > 0

export function createCooldowns (now: () => number): Cooldowns {
  const held = new Map<string, Held>()
  const lastErrors = new Map<string, string>()
  const modelKey = ({ provider, id }: ModelInfo): string => `${provider}/${id}`
  const current = (key: string): Held | undefined => {
    const found = held.get(key)
    return found && isHeld(found, now()) ? found : undefined
  }
  return {
    of: model => held.size === 0 ? undefined : current(model.provider) ?? current(modelKey(model)),
    failed (model, error, inlineKey) {
      const { provider } = model
      put(lastErrors, provider, error.message)
      if (permanent.has(error.kind)) {
        const forMs = inlineKey ? lockedInlineMs : lockedMs
        put(held, provider, { provider, error, permanent: true, failures: 1, untilMs: now() + forMs, forMs })
      } else if (transient.has(error.kind)) {
        const failures = Math.min((held.get(modelKey(model))?.failures ?? 0) + 1, transientStepsMs.length)
        const stepMs = Math.max(transientStepsMs[failures - 1]!, error.retryAfterMs ?? 0)
        put(held, modelKey(model), { provider, error, permanent: false, failures, untilMs: now() + stepMs, forMs: stepMs })
      }
    },
    succeeded (model) {
      if (lastErrors.size === 0) return
      held.delete(model.provider)
      held.delete(modelKey(model))
      lastErrors.delete(model.provider)
    },
    forget (provider) {
      lastErrors.delete(provider)
      for (const [key, record] of held) if (record.provider === provider) held.delete(key)
    },
    status: provider => statusOf(provider, lastErrors.get(provider), held.values(), now())
  }
}

/** The newest records are the ones that matter. */
function put<T> (records: Map<string, T>, key: string, record: T): void {
  records.delete(key)
  records.set(key, record)
  if (records.size > maxRecords) records.delete(records.keys().next().value!)
}

function statusOf (provider: string, lastError: string | undefined, held: Iterable<Held>, nowMs: number): ReturnType<Cooldowns['status']> {
  const current = [...held].filter(record => record.provider === provider && isHeld(record, nowMs))
  const untilMs = Math.max(...current.map(record => record.untilMs))
  return { ...(untilMs > nowMs ? { cooldownUntilMs: untilMs } : {}), ...(lastError === undefined ? {} : { lastError }) }
}
