/** Anthropic Messages. Thoughts are signed and go back as they came; the conversation so far is marked for its cache. */
import type { LanguageModelV4CallOptions, LanguageModelV4Message } from '@ai-sdk/provider'
import type { Message, ThinkingPart } from '../../protocol/transcript.ts'
import type { ModelInfo, ProviderSettings, StepRequest, Transport } from '../model.ts'
import type { Metadata } from './reply.ts'
import { createSdkTransport, placeholderKey, withVendor, withVersion } from './transport.ts'

export async function createAnthropic (settings: ProviderSettings): Promise<Transport> {
  const library = await import('@ai-sdk/anthropic')
  const baseURL = withVersion(settings.baseUrl, 'v1')
  return createSdkTransport(settings, {
    keyHeader: { name: 'x-api-key' },
    signatures: { thinking: thoughtOptions, read: { thinking: readSignature } },
    model: (modelId, fetch) => library.createAnthropic({ apiKey: placeholderKey, baseURL, fetch })(modelId),
    hasSnakeCase: true,
    needsLimit: true,
    options: (options, { model, request, params }) => withWishes(request, withUnsignedTurn(model, request, {
      ...options,
      prompt: withCache(options.prompt, cacheTtl(params.cacheRetention))
    }))
  })
}

const withWishes = ({ user, oneCallAtATime }: StepRequest, options: LanguageModelV4CallOptions): LanguageModelV4CallOptions =>
  user === undefined && !oneCallAtATime
    ? options
    : withVendor(options, 'anthropic', {
      ...(user === undefined ? {} : { metadata: { userId: user } }),
      ...(oneCallAtATime ? { disableParallelToolUse: true } : {})
    })

/** A turn that another model began, or that was cut, has no signed thought; with thinking on its tool results would be refused. */
function withUnsignedTurn (model: ModelInfo, { messages }: StepRequest, options: LanguageModelV4CallOptions): LanguageModelV4CallOptions {
  const on = options.reasoning !== undefined && options.reasoning !== 'none'
  return on && messages.at(-1)?.role === 'toolResult' && !turnIsSigned(model, messages) ? { ...options, reasoning: 'none' } : options
}

function turnIsSigned (model: ModelInfo, messages: readonly Message[]): boolean {
  const calling = messages.findLast(message => message.role === 'assistant')
  return calling?.role === 'assistant' && calling.provider === model.provider && calling.model === model.id && calling.api === model.api &&
    calling.content.some(part => part.type === 'thinking' && part.signature !== undefined)
}

const readSignature = ({ signature, redactedData }: Metadata): Pick<ThinkingPart, 'signature' | 'redacted'> => {
  if (typeof redactedData === 'string') return { signature: redactedData, redacted: true }
  return typeof signature === 'string' ? { signature } : {}
}

const thoughtOptions = ({ signature, redacted }: ThinkingPart) =>
  signature === undefined ? undefined : { anthropic: redacted ? { redactedData: signature } : { signature } }

type Ttl = '5m' | '1h'

const cacheTtl = (retention: unknown): Ttl | undefined => retention === 'none' ? undefined : retention === 'long' ? '1h' : '5m'

/** Two marks: what stays the same for a session, and everything up to now, which the next step of the same turn reads again. */
function withCache (prompt: LanguageModelV4Message[], ttl: Ttl | undefined): LanguageModelV4Message[] {
  if (!ttl) return prompt
  const marked = new Set([prompt.findIndex(({ role }) => role === 'system'), prompt.length - 1])
  const providerOptions = { anthropic: { cacheControl: { type: 'ephemeral', ...(ttl === '5m' ? {} : { ttl }) } } }
  return prompt.map((message, index) => marked.has(index) ? { ...message, providerOptions } : message)
}
