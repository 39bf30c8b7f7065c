/** One step through a provider's library: our request in its words, its stream in ours. No retry, no tools run, no loop of its own. */
import type {
  EmbeddingModelV4, JSONSchema7, LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart, SharedV4ProviderOptions
} from '@ai-sdk/provider'
import {
  ProviderError, type Embeddings, type ModelInfo, type ProviderSettings, type StepRequest, type ToolSpec, type Transport
} from '../model.ts'
import { stepFailure } from './failure.ts'
import { paramsOf, type Params } from './params.ts'
import { promptOf, type Signatures } from './prompt.ts'
import { createReply, type SignatureReader } from './reply.ts'
import { createUpstream, type Fetch, type KeyHeader } from './upstream.ts'

/** What differs between the wire formats. */
export interface SdkKind {
  readonly keyHeader?: KeyHeader
  /** Fields of its requests are written like_this. */
  readonly hasSnakeCase: boolean
  /** It refuses a request without a limit. */
  readonly needsLimit?: true
  readonly signatures: Signatures & { readonly read: SignatureReader }
  readonly model: (modelId: string, fetch: Fetch) => LanguageModelV4
  readonly embedding?: (modelId: string, fetch: Fetch) => EmbeddingModelV4
  /** What only this vendor has or refuses. */
  readonly options: (options: LanguageModelV4CallOptions, step: Step) => LanguageModelV4CallOptions
}

/** What one step is made of. */
export interface Step {
  readonly model: ModelInfo
  readonly request: StepRequest
  readonly params: Params
}

type Reasoning = NonNullable<LanguageModelV4CallOptions['reasoning']>

/** Stands where a library insists on a key; the real one, if any, is written into the headers. */
export const placeholderKey = 'unused'

/** The vendors' own clients are given a host, these libraries a version, too. */
export const withVersion = (baseUrl: string, version: string): string => /\/v\d+\w*$/.test(baseUrl) ? baseUrl : `${baseUrl}/${version}`

const reasoningLevels: { readonly [thinking: string]: Reasoning } = {
  off: 'none', none: 'none', minimal: 'minimal', low: 'low', medium: 'medium', high: 'high', xhigh: 'xhigh', max: 'max'
}

export function createSdkTransport (settings: ProviderSettings, kind: SdkKind, now: () => number = Date.now): Transport {
  const upstream = createUpstream(settings, kind.keyHeader)
  return {
    async step (model, request, tell) {
      const params = paramsOf(settings, model, kind.hasSnakeCase)
      const reply = createReply(kind.signatures.read, tell)
      const ending = endingOf(request.signal)
      try {
        const step = { model, request, params }
        const options = kind.options({ ...optionsOf(settings, kind, step), abortSignal: ending.signal }, step)
        const { stream } = await kind.model(model.id, upstream.fetch(params.body)).doStream(options)
        await eachPart(stream, reply.take)
        return reply.result()
      } catch (error) {
        if (request.signal.aborted) throw new ProviderError('aborted', 'The step was aborted.', { partial: reply.hasTold(), cause: error })
        throw stepFailure(error, { settings, partial: reply.hasTold(), nowMs: now() })
      } finally {
        ending.end()
      }
    },
    ...(kind.embedding
      ? {
          embed: (model, inputs, signal, dimensions) =>
            embedAll(settings, kind.embedding!(model, upstream.fetch()), { inputs, signal, dimensions }, now())
        }
      : {}),
    close: async () => upstream.close()
  }
}

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

function optionsOf (settings: ProviderSettings, kind: SdkKind, { model, request, params }: Step): Options {
  const { tools, toolChoice, json, temperature = params.temperature, topP = params.topP, stop } = request
  const { presencePenalty, frequencyPenalty, seed } = request
  const limit = limitOf(settings, model, request.maxOutputTokens ?? params.maxTokens) ?? (kind.needsLimit ? model.maxTokens : undefined)
  const reasoning = model.reasoning && request.thinking !== undefined ? reasoningLevels[request.thinking] : undefined
  return {
    prompt: promptOf(model, request, kind.signatures),
    ...(limit === undefined ? {} : { maxOutputTokens: limit }),
    ...(tools.length > 0 ? { tools: tools.map(toolOf), toolChoice: choiceOf(toolChoice) } : {}),
    ...(json === undefined ? {} : { responseFormat: formatOf(json) }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined || stop.length === 0 ? {} : { stopSequences: [...stop] }),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
    ...(seed === undefined ? {} : { seed }),
    ...(reasoning === undefined ? {} : { reasoning })
  }
}

/** Nothing is said when nobody set a limit: a guess could be more than the model allows. */
function limitOf (settings: ProviderSettings, model: ModelInfo, wanted: number | undefined): number | undefined {
  const ceiling = model.capped ? model.maxTokens : settings.maxTokens
  return wanted === undefined ? ceiling : Math.min(wanted, ceiling ?? wanted)
}

const toolOf = ({ name, description, parameters, strict }: ToolSpec): NonNullable<Options['tools']>[number] =>
  ({ type: 'function', name, description, inputSchema: parameters as JSONSchema7, ...(strict === undefined ? {} : { strict }) })

function formatOf (json: NonNullable<StepRequest['json']>): NonNullable<Options['responseFormat']> {
  if (json === true) return { type: 'json' }
  const { schema, name, description } = json
  return { type: 'json', schema: schema as JSONSchema7, ...(name ? { name } : {}), ...(description ? { description } : {}) }
}

const choiceOf = (choice: StepRequest['toolChoice'] = 'auto'): NonNullable<Options['toolChoice']> =>
  typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name }

/** Options of one vendor, added to what is there for it. */
export const withVendor = (options: Options, vendor: string, more: SharedV4ProviderOptions[string]): Options =>
  ({ ...options, providerOptions: { ...options.providerOptions, [vendor]: { ...options.providerOptions?.[vendor], ...more } } })

interface Wanted { readonly inputs: readonly string[], readonly signal: AbortSignal, readonly dimensions: number | undefined }

/** The vendors' words for how long a vector is to be. */
const lengthOptions = (dimensions: number): SharedV4ProviderOptions =>
  ({ openai: { dimensions }, google: { outputDimensionality: dimensions } })

async function embedAll (
  settings: ProviderSettings, model: EmbeddingModelV4, { inputs, signal, dimensions }: Wanted, nowMs: number
): Promise<Embeddings> {
  const size = await model.maxEmbeddingsPerCall ?? inputs.length
  const vectors: number[][] = []
  let input = 0
  try {
    for (let at = 0; at < inputs.length; at += size) {
      const { embeddings, usage } = await model.doEmbed({
        values: inputs.slice(at, at + size),
        abortSignal: signal,
        ...(dimensions === undefined ? {} : { providerOptions: lengthOptions(dimensions) })
      })
      vectors.push(...embeddings)
      input += usage?.tokens ?? 0
    }
  } catch (error) {
    if (signal.aborted) throw new ProviderError('aborted', 'The embedding was aborted.', { cause: error })
    throw stepFailure(error, { settings, partial: false, nowMs })
  }
  if (vectors.length === inputs.length) return { vectors, usage: { input } }
  throw new ProviderError('server_error', `${settings.id} answered ${inputs.length} texts with ${vectors.length} vectors.`)
}
