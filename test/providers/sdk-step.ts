/** Steps of the vendors' transports against our servers: what their tests share. */
import type { Test } from 'tap'
import { ProviderError, type ModelInfo, type ProviderSettings, type StepEvent, type StepRequest, type StepResult, type Transport } from '../../src/providers/model.ts'
import { createAnthropic } from '../../src/providers/sdk/anthropic.ts'
import { createGoogle } from '../../src/providers/sdk/google.ts'
import { createOpenAiResponses } from '../../src/providers/sdk/openai-responses.ts'
import type { Message } from '../../src/protocol/transcript.ts'
import { startAnthropic } from '../fixtures/providers/anthropic-server.ts'
import { startGoogle } from '../fixtures/providers/google-server.ts'
import { startOpenAiResponses } from '../fixtures/providers/openai-responses-server.ts'
import { goodKey, type Script, type VendorServer } from '../fixtures/providers/vendor-server.ts'

export interface Vendor {
  readonly name: string
  readonly api: string
  readonly modelId: string
  readonly base: string
  /** Frames of a stream until some of four words were said, and not all. */
  readonly someFrames: number
  readonly start: () => Promise<VendorServer>
  readonly create: (settings: ProviderSettings) => Promise<Transport>
}

export const anthropic: Vendor = {
  name: 'Anthropic', api: 'anthropic-messages', modelId: 'claude-sonnet-4-5', base: '', someFrames: 5, start: startAnthropic, create: createAnthropic
}
export const openai: Vendor = {
  name: 'OpenAI', api: 'openai-responses', modelId: 'gpt-5', base: '/v1', someFrames: 6, start: startOpenAiResponses, create: createOpenAiResponses
}
export const google: Vendor = {
  name: 'Google', api: 'google-generative-ai', modelId: 'gemini-3-pro-preview', base: '/v1beta', someFrames: 2, start: startGoogle, create: createGoogle
}
export const vendors: readonly Vendor[] = [anthropic, openai, google]

export const user = (content: Extract<Message, { role: 'user' }>['content']): Message => ({ role: 'user', content, timestamp: 0 })

export const result = (toolCallId: string, text: string, isError = false): Message =>
  ({ role: 'toolResult', toolCallId, toolName: 'weather', content: [{ type: 'text', text }], isError, timestamp: 0 })

export const weather = {
  name: 'weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
}

export interface Stage {
  readonly server: VendorServer
  readonly transport: Transport
  readonly model: ModelInfo
  readonly told: StepEvent[]
  step (script: Script, request?: Partial<StepRequest>): Promise<StepResult>
  /** The error that the step ends with. */
  failure (script: Script, request?: Partial<StepRequest>): Promise<ProviderError>
  /** The answer as the next step's conversation has it. */
  spoken (result: StepResult): Message
  /** The body of the last request. */
  sent (): any
}

export async function stage (t: Test, vendor: Vendor, more: { model?: Partial<ModelInfo>, settings?: Partial<ProviderSettings> } = {}): Promise<Stage> {
  const server = await vendor.start()
  const settings: ProviderSettings = {
    id: 'vendor', api: vendor.api, baseUrl: `${server.url}${vendor.base}`, apiKey: goodKey, headers: {}, timeoutMs: 0, idleTimeoutMs: 0, params: {}, options: {}, ...more.settings
  }
  const transport = await vendor.create(settings)
  t.teardown(async () => {
    await transport.close?.()
    await server.close()
  })
  const model: ModelInfo = {
    provider: 'vendor', id: vendor.modelId, name: vendor.modelId, api: vendor.api, reasoning: true, input: ['text', 'image'], contextWindow: 200_000, maxTokens: 16_000, ...more.model
  }
  const told: StepEvent[] = []
  const step: Stage['step'] = (script, request = {}) => {
    server.script = script
    told.length = 0
    return transport.step(model, { system: 'Be kind.', messages: [user('Hi')], tools: [], signal: new AbortController().signal, ...request }, event => told.push(event))
  }
  return {
    server,
    transport,
    model,
    told,
    step,
    failure: (script, request) => failureOf(step(script, request)),
    spoken: ({ content, stopReason, usage }) =>
      ({ role: 'assistant', content, api: model.api, provider: model.provider, model: model.id, usage, stopReason, timestamp: 0 }),
    sent: () => server.requests.at(-1)?.body
  }
}

export const textOf = (events: readonly StepEvent[], type: 'text' | 'thinking' = 'text'): string =>
  events.map(event => event.type === type ? event.delta : '').join('')

export async function failureOf (promise: Promise<unknown>): Promise<ProviderError> {
  const error: unknown = await promise.then(() => undefined, thrown => thrown)
  if (error instanceof ProviderError) return error
  throw new Error(`no ProviderError, but ${String(error)}`, { cause: error })
}
