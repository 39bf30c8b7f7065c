/** One step through a provider's library: our request in its words, its stream in ours. No retry, no tools run, no loop of its own. */
import type {
  EmbeddingModelV4, JSONSchema7, LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart, SharedV4ProviderOptions
} from '@ai-sdk/provider'
import {
  ProviderError, type Embeddings, type ModelInfo, type ProviderSettings, type StepRequest, type ToolSpec, type Transport
} from '../model.ts'
import { failureOf } from './failure.ts'
import { promptOf, type Signatures } from './prompt.ts'
import { createReply, type SignatureReader } from './reply.ts'
import { createUpstream, type Fetch, type KeyHeader } from './upstream.ts'

/** What differs between the wire formats. */
export interface SdkKind {
  readonly keyHeader?: KeyHeader
  readonly signatures: Signatures & { readonly read: SignatureReader }
  readonly model: (modelId: string, fetch: Fetch) => LanguageModelV4
  readonly embedding?: (modelId: string, fetch: Fetch) => EmbeddingModelV4
  /** What only this vendor has or refuses. */
  readonly options: (model: ModelInfo, request: StepRequest, options: LanguageModelV4CallOptions) => LanguageModelV4CallOptions
}

export type Reasoning = NonNullable<LanguageModelV4CallOptions['reasoning']>

/** Stands where a library insists on a key; the real one, if any, is written into the headers. */
export const placeholderKey = 'unused'

const reasoningLevels: { readonly [thinking: string]: Reasoning } = {
  off: 'none', none: 'none', minimal: 'minimal', low: 'low', medium: 'medium', high: 'high', xhigh: 'xhigh', max: 'max'
}

/** Read by us, so not a part of the request's body. */
const ownParams = new Set(['cacheRetention'])

export interface Params { readonly [name: string]: unknown }

export const paramsOf = (settings: ProviderSettings, model: ModelInfo): Params => ({ ...settings.params, ...model.params })

export function createSdkTransport (settings: ProviderSettings, kind: SdkKind, now: () => number = Date.now): Transport {
  const upstream = createUpstream(settings, kind.keyHeader)
  return {
    async step (model, request, tell) {
      const params = bodyParams(paramsOf(settings, model))
      const reply = createReply(kind.signatures.read, tell)
      const ending = endingOf(request.signal)
      try {
        const options = kind.options(model, request, { ...optionsOf(settings, model, request, kind), abortSignal: ending.signal })
        const { stream } = await kind.model(model.id, upstream.fetch(params)).doStream(options)
        await eachPart(stream, reply.take)
        return reply.result()
      } catch (error) {
        if (request.signal.aborted) throw new ProviderError('aborted', 'the step was aborted', { partial: reply.hasTold(), cause: error })
        throw failureOf(error, reply.hasTold(), now)
      } finally {
        ending.end()
      }
    },
    ...(kind.embedding
      ? { embed: (model, inputs, signal) => embedAll(kind.embedding!(model, upstream.fetch()), inputs, signal, now) }
      : {}),
    close: async () => upstream.close()
  }
}

const bodyParams = (params: Params): Params => Object.fromEntries(Object.entries(params).filter(([name]) => !ownParams.has(name)))

type Part = LanguageModelV4StreamPart

async function eachPart (stream: ReadableStream<Part>, take: (part: Part) => void): Promise<void> {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    take(value)
  }
}

/** The step's own signal: it follows the caller's, and it closes the socket of a step that failed halfway. */
function endingOf (signal: AbortSignal): { signal: AbortSignal, end: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    end () {
      signal.removeEventListener('abort', abort)
      controller.abort()
    }
  }
}

type Options = LanguageModelV4CallOptions

function optionsOf (settings: ProviderSettings, model: ModelInfo, request: StepRequest, kind: SdkKind): Options {
  const { tools, toolChoice, json, temperature, topP, stop } = request
  const reasoning = model.reasoning && request.thinking !== undefined ? reasoningLevels[request.thinking] : undefined
  return {
    prompt: promptOf(model, request, kind.signatures),
    maxOutputTokens: request.maxOutputTokens ?? settings.maxTokens ?? model.maxTokens,
    ...(tools.length > 0 ? { tools: tools.map(toolOf), toolChoice: choiceOf(toolChoice) } : {}),
    ...(json === undefined ? {} : { responseFormat: { type: 'json' as const, ...(json === true ? {} : { schema: json as JSONSchema7 }) } }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined || stop.length === 0 ? {} : { stopSequences: [...stop] }),
    ...(reasoning === undefined ? {} : { reasoning })
  }
}

const toolOf = ({ name, description, parameters }: ToolSpec): NonNullable<Options['tools']>[number] =>
  ({ type: 'function', name, description, inputSchema: parameters as JSONSchema7 })

const choiceOf = (choice: StepRequest['toolChoice'] = 'auto'): NonNullable<Options['toolChoice']> =>
  typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name }

/** Options of one vendor, added to what is there for it. */
export const withVendor = (options: Options, vendor: string, more: SharedV4ProviderOptions[string]): Options =>
  ({ ...options, providerOptions: { ...options.providerOptions, [vendor]: { ...options.providerOptions?.[vendor], ...more } } })

async function embedAll (model: EmbeddingModelV4, inputs: readonly string[], signal: AbortSignal, now: () => number): Promise<Embeddings> {
  const size = await model.maxEmbeddingsPerCall ?? inputs.length
  const vectors: number[][] = []
  let input = 0
  try {
    for (let at = 0; at < inputs.length; at += size) {
      const { embeddings, usage } = await model.doEmbed({ values: inputs.slice(at, at + size), abortSignal: signal })
      vectors.push(...embeddings)
      input += usage?.tokens ?? 0
    }
  } catch (error) {
    if (signal.aborted) throw new ProviderError('aborted', 'the embedding was aborted', { cause: error })
    throw failureOf(error, false, now)
  }
  if (vectors.length !== inputs.length) throw new ProviderError('server_error', `the provider answered ${inputs.length} texts with ${vectors.length} vectors`)
  return { vectors, usage: { input } }
}
