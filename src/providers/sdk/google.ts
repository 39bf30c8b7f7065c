/** Google's generateContent. A call is signed and goes back with its signature, or newer models refuse the conversation. */
import type { ProviderSettings, Transport } from '../model.ts'
import { createSdkTransport, placeholderKey, withVendor, withVersion } from './transport.ts'

export async function createGoogle (settings: ProviderSettings): Promise<Transport> {
  const { createGoogle: library } = await import('@ai-sdk/google')
  const account = { apiKey: placeholderKey, baseURL: withVersion(settings.baseUrl, 'v1beta') }
  const signatureOf = ({ thoughtSignature }: { readonly thoughtSignature?: unknown }): string | undefined =>
    typeof thoughtSignature === 'string' ? thoughtSignature : undefined
  const sent = (thoughtSignature: string | undefined) => thoughtSignature === undefined ? undefined : { google: { thoughtSignature } }
  return createSdkTransport(settings, {
    keyHeader: { name: 'x-goog-api-key' },
    signatures: {
      // A thought without a signature is a summary for people.
      thinking: ({ signature }) => sent(signature),
      call: ({ thoughtSignature }) => sent(thoughtSignature),
      read: {
        thinking: metadata => ({ ...(signatureOf(metadata) ? { signature: signatureOf(metadata)! } : {}) }),
        call: metadata => ({ ...(signatureOf(metadata) ? { thoughtSignature: signatureOf(metadata)! } : {}) })
      }
    },
    model: (modelId, fetch) => library({ ...account, fetch })(modelId),
    embedding: (modelId, fetch) => library({ ...account, fetch }).embeddingModel(modelId),
    hasSnakeCase: false,
    options: (options, { model, request: { thinking } }) => model.reasoning && thinking !== undefined && thinking !== 'off'
      ? withVendor(options, 'google', { thinkingConfig: { includeThoughts: true } })
      : options
  })
}
