/** Asks a provider for vectors: again when a failure may pass, and not at all for a while when it does not. */
import { setTimeout as delay } from 'node:timers/promises'
import { leftUntil } from '../../lib/clock.ts'
import { ProviderError, type Models } from '../../providers/model.ts'
import { retryDelayMs } from '../../providers/retry.ts'

export interface EmbedderOptions {
  readonly models: Pick<Models, 'embed'>
  readonly now: () => number
}

export interface EmbedRequest {
  readonly model: string
  readonly texts: readonly string[]
  /** For all attempts together. */
  readonly budgetMs: number
  /** No attempt begins after it. */
  readonly retryMs: number
  readonly signal: AbortSignal
}

export interface Embedder {
  /** Throws ProviderError. */
  embed (request: EmbedRequest): Promise<Float32Array[]>
  /** Why the model is left alone at the moment. */
  resting (model: string): string | undefined
  /** Whoever asks by hand wants to know how it is now. */
  wake (model: string): void
}

const restMs = 30_000
const maxAttempts = 4
const maxResting = 64

interface Rest { readonly untilMs: number, readonly message: string }

export function createEmbedder ({ models, now }: EmbedderOptions): Embedder {
  const rests = new Map<string, Rest>()

  function rest (model: string, { message }: ProviderError): void {
    if (rests.size >= maxResting) rests.clear()
    rests.set(model, { untilMs: now() + restMs, message })
  }

  function resting (model: string): string | undefined {
    const known = rests.get(model)
    if (known && leftUntil(known.untilMs, restMs, now()) > 0) return known.message
    rests.delete(model)
    return undefined
  }

  async function attempt ({ model, texts }: EmbedRequest, signal: AbortSignal): Promise<Float32Array[]> {
    try {
      const { vectors } = await models.embed(model, texts, signal)
      if (vectors.length !== texts.length) throw new ProviderError('format', `${model} answered ${vectors.length} vectors for ${texts.length} texts.`)
      return vectors.map(vector => new Float32Array(vector))
    } catch (error) {
      if (error instanceof ProviderError) throw error
      throw new ProviderError('network', error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  return {
    resting,
    wake: model => { rests.delete(model) },
    async embed (request) {
      const { model, budgetMs, retryMs } = request
      const startedAtMs = performance.now()
      const timeout = AbortSignal.timeout(budgetMs)
      const signal = AbortSignal.any([request.signal, timeout])
      for (let attempts = 1; ; attempts++) {
        try {
          const vectors = await attempt(request, signal)
          rests.delete(model)
          return vectors
        } catch (error) {
          request.signal.throwIfAborted()
          const failure = timeout.aborted ? new ProviderError('timeout', `${model} did not answer within ${budgetMs} ms.`) : error as ProviderError
          const elapsedMs = performance.now() - startedAtMs
          const delayMs = timeout.aborted ? undefined : retryDelayMs({ error: failure, attempts, elapsedMs, jitter: Math.random() })
          if (delayMs === undefined || attempts >= maxAttempts || elapsedMs + delayMs > retryMs) {
            rest(model, failure)
            throw failure
          }
          await delay(delayMs, undefined, { signal }).catch(() => {})
        }
      }
    }
  }
}
