/** OpenAI Responses, stateless: nothing is stored there, so what the model thought comes back encrypted and is sent along. */
import type { ThinkingPart } from '../../protocol/transcript.ts'
import type { ProviderSettings, Transport } from '../model.ts'
import type { Metadata } from './reply.ts'
import { createSdkTransport, placeholderKey, withVendor } from './transport.ts'

export async function createOpenAiResponses (settings: ProviderSettings): Promise<Transport> {
  const { createOpenAI } = await import('@ai-sdk/openai')
  const account = { apiKey: placeholderKey, baseURL: settings.baseUrl }
  return createSdkTransport(settings, {
    signatures: { thinking: thoughtOptions, read: { thinking: readSignature, thoughtId: ({ itemId }) => typeof itemId === 'string' ? itemId : undefined } },
    model: (modelId, fetch) => createOpenAI({ ...account, fetch }).responses(modelId),
    embedding: (modelId, fetch) => createOpenAI({ ...account, fetch }).embeddingModel(modelId),
    hasSnakeCase: true,
    options: (options, { model, request: { thinking, user, sessionId, json, oneCallAtATime } }) => withVendor(options, 'openai', {
      store: false,
      forceReasoning: model.reasoning,
      // A schema may be any; the strict mode takes only a part of them.
      ...(json !== undefined && json !== true ? { strictJsonSchema: json.strict === true } : {}),
      ...(model.reasoning && thinking !== 'off' ? { reasoningSummary: 'auto' } : {}),
      ...(oneCallAtATime ? { parallelToolCalls: false } : {}),
      ...(user === undefined ? {} : { user }),
      ...(sessionId === undefined ? {} : { promptCacheKey: sessionId })
    })
  })
}

/** Without its encrypted content a thought means nothing to a server that stored none. */
const readSignature = ({ itemId, reasoningEncryptedContent }: Metadata): Pick<ThinkingPart, 'signature'> =>
  typeof reasoningEncryptedContent === 'string' ? { signature: JSON.stringify({ itemId, reasoningEncryptedContent }) } : {}

function thoughtOptions ({ signature }: ThinkingPart): { openai: { itemId: string, reasoningEncryptedContent: string } } | undefined {
  if (signature === undefined) return undefined
  try {
    return { openai: JSON.parse(signature) }
  } catch {
    return undefined
  }
}
