/** One step through the transport for chat completions, without the room around it. */
import { createOpenAiCompletions } from '../../src/providers/openai/transport.ts'
import type { ModelInfo, ProviderError, ProviderSettings, StepRequest, StepResult, Transport } from '../../src/providers/model.ts'
import { listener, request, type Heard } from './scene.ts'

export const settingsOf = (baseUrl: string, more: Partial<ProviderSettings> = {}): ProviderSettings => ({
  id: 'local', api: 'openai-completions', baseUrl, headers: {}, timeoutMs: 0, idleTimeoutMs: 10_000, params: {}, options: {}, ...more
})

export const modelOf = (more: Partial<ModelInfo> = {}): ModelInfo => ({
  provider: 'local', id: 'm', name: 'm', api: 'openai-completions', reasoning: false, input: ['text'], contextWindow: 8000, maxTokens: 4000, ...more
})

export interface Asked { readonly heard: Heard, readonly result: StepResult }

export interface Asking {
  readonly settings?: Partial<ProviderSettings>
  readonly model?: Partial<ModelInfo>
  readonly request?: Partial<StepRequest>
  readonly transport?: Transport
  readonly now?: () => number
}

export async function ask (baseUrl: string, { settings, model, request: more, transport, now }: Asking = {}, heard = listener()): Promise<Asked> {
  const used = transport ?? createOpenAiCompletions(settingsOf(baseUrl, settings), now)
  try {
    const result = await used.step(modelOf(model), request(more?.messages ?? 'hi', more), heard.tell)
    return { heard, result }
  } finally {
    if (!transport) await used.close?.()
  }
}

export const failureOf = async (asked: Promise<unknown>): Promise<ProviderError> =>
  await asked.then(() => { throw new Error('it did not fail') }, (error: ProviderError) => error)
