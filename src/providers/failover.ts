/** One step on whichever model of a route can serve it: the same model again while that may help, then the next one. */
import type { Logger } from '../log/logger.ts'
import type { Cooldown, Cooldowns } from './cooldowns.ts'
import {
  ProviderError, type Attempt, type FallbackListener, type ModelInfo, type ModelRoute, type RoutedResult, type StepEvent, type StepRequest,
  type StepResult
} from './model.ts'
import { retryDelayMs } from './retry.ts'

export interface FailoverParts {
  readonly cooldowns: Cooldowns
  /** Why the model cannot even be asked. */
  problem (model: ModelInfo): ProviderError | undefined
  ask (model: ModelInfo, request: StepRequest, tell: Tell): Promise<StepResult>
  /** True when the credential of the model was renewed since it was read, so that asking once more makes sense. */
  renewed (model: ModelInfo): Promise<boolean>
  /** A demonstration that fails does so because it was told to. */
  patient (model: ModelInfo): boolean
  hasInlineKey (model: ModelInfo): boolean
  now (): number
  /** Comes back early when the signal fires. */
  sleep (ms: number, signal: AbortSignal): Promise<void>
  random (): number
  readonly log: Logger
}

type Tell = (event: StepEvent) => void

export type Failover = (route: ModelRoute, request: StepRequest, tell: Tell, onFallback?: FallbackListener) => Promise<RoutedResult>

/** The same request is no better with another model, or must not be made again. */
const final: ReadonlySet<ProviderError['kind']> = new Set(['aborted', 'refusal', 'context_overflow'])

export function createFailover (parts: FailoverParts): Failover {
  const askPatiently = createPatience(parts)
  return async (route, request, tell, onFallback) => {
    const failed: Array<{ model: ModelInfo, error: ProviderError }> = []
    for (const { model, cooling } of inOrder(route, parts.cooldowns)) {
      const previous = failed.at(-1)
      if (previous) onFallback?.(previous.model, model, previous.error)
      try {
        const known = parts.problem(model) ?? cooling
        if (known) throw known
        const result = await askPatiently(model, request, tell)
        return { ...result, model, attempts: failed.map(asAttempt) }
      } catch (error) {
        const reason = error as ProviderError
        if (final.has(reason.kind) || reason.partial) throw reason
        failed.push({ model, error: reason })
      }
    }
    throw exhausted(failed)
  }
}

interface Candidate {
  readonly model: ModelInfo
  /** Remembered from the last time: it is not asked at all. */
  readonly cooling?: ProviderError
}

/** Models that cool down come last: when nobody else answers, one that only struggles is asked all the same. */
function inOrder ({ model, fallbacks }: ModelRoute, cooldowns: Cooldowns): readonly Candidate[] {
  if (fallbacks.length === 0) {
    const cooldown = cooldowns.of(model)
    return [cooldown ? coolingCandidate(model, cooldown) : { model }]
  }
  const ready: Candidate[] = []
  const cooling: Candidate[] = []
  for (const candidate of [model, ...fallbacks]) {
    const cooldown = cooldowns.of(candidate)
    if (!cooldown) ready.push({ model: candidate })
    else cooling.push(coolingCandidate(candidate, cooldown))
  }
  return [...ready, ...cooling]
}

const coolingCandidate = (model: ModelInfo, { permanent, error, untilMs }: Cooldown): Candidate =>
  permanent ? { model, cooling: remembered(error, untilMs) } : { model }

const remembered = (error: ProviderError, untilMs: number): ProviderError => new ProviderError(error.kind,
  `${error.message} (not tried again before ${new Date(untilMs).toISOString()} unless its configuration changes)`, { status: error.status })

/** Asks one model until it answers, fails for good, or has failed often enough. */
function createPatience (parts: FailoverParts): (model: ModelInfo, request: StepRequest, tell: Tell) => Promise<StepResult> {
  const { cooldowns, now, sleep, random, log } = parts
  return async (model, request, tell) => {
    const startedMs = now()
    const mayRetry = parts.patient(model) && cooldowns.of(model) === undefined
    let visible = false
    let renewals = 0
    const listen: Tell = event => {
      if (event.type !== 'thinking') visible = true
      tell(event)
    }
    for (let attempts = 1; ; attempts++) {
      if (request.signal.aborted) throw new ProviderError('aborted', 'The step was aborted.')
      try {
        const result = await parts.ask(model, request, listen)
        cooldowns.succeeded(model)
        return result
      } catch (thrown) {
        const error = asProviderError(thrown, request.signal, visible)
        if (error.kind === 'aborted') throw error
        if (error.kind === 'auth' && !visible && renewals++ === 0 && await parts.renewed(model)) continue
        const delayMs = visible || !mayRetry || !(thrown instanceof ProviderError)
          ? undefined
          : retryDelayMs({ error, attempts, elapsedMs: now() - startedMs, jitter: random() })
        if (delayMs === undefined) {
          if (parts.patient(model)) cooldowns.failed(model, error, parts.hasInlineKey(model))
          throw error
        }
        log.warn({ provider: model.provider, model: model.id, kind: error.kind, detail: error.message, attempts, delayMs }, 'model failed, asking again')
        await sleep(delayMs, request.signal)
      }
    }
  }
}

/** `visible` is what counts as told: thinking may be thought again. */
function asProviderError (thrown: unknown, signal: AbortSignal, visible: boolean): ProviderError {
  if (signal.aborted) return new ProviderError('aborted', 'The step was aborted.', { partial: visible, cause: thrown })
  if (!(thrown instanceof ProviderError)) {
    const detail = (thrown as Error)?.message ?? String(thrown)
    return new ProviderError('server_error', `The model could not be asked: ${detail}`, { partial: visible, cause: thrown })
  }
  if (thrown.partial === visible) return thrown
  const { kind, message, status, retryAfterMs } = thrown
  return new ProviderError(kind, message, { status, retryAfterMs, partial: visible, cause: thrown })
}

const asAttempt = ({ model, error }: { model: ModelInfo, error: ProviderError }): Attempt =>
  ({ provider: model.provider, model: model.id, kind: error.kind, detail: error.message })

/** Named after the first failure: that is the model that was meant. */
function exhausted (failed: ReadonlyArray<{ model: ModelInfo, error: ProviderError }>): ProviderError {
  const first = failed[0]!.error
  if (failed.length === 1) return first
  const reasons = failed.map(({ model, error }) => `${model.provider}/${model.id}: ${error.message}`)
  const waits = failed.map(({ error }) => error.retryAfterMs).filter(ms => ms !== undefined)
  return new ProviderError(first.kind, `All models failed (${failed.length}): ${reasons.join(' | ')}`, {
    status: first.status,
    ...(waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
    cause: first
  })
}
