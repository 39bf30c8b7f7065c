/** One step as the body of a chat completion. Servers differ in what they take: `compat` of the model says how. */
import type { ModelInfo, ProviderSettings, StepRequest, ToolSpec } from '../model.ts'
import { dialectOf, wireMessages } from './messages.ts'

type Fields = { readonly [name: string]: unknown }

const isHost = (baseUrl: string, ...hosts: string[]): boolean => {
  const hostname = URL.parse(baseUrl)?.hostname ?? ''
  return hosts.some(host => hostname === host || hostname.endsWith(`.${host}`))
}

export function requestBody (settings: ProviderSettings, model: ModelInfo, request: StepRequest): Fields {
  const compat = model.compat ?? {}
  const { snake, temperature, topP, maxTokens, extra } = readParams({ ...settings.params, ...model.params })
  const limit = limitOf(settings, model, request, maxTokens)
  const warmth = request.temperature ?? temperature
  return {
    model: model.id,
    messages: wireMessages(request.system, request.messages, dialectOf(model, settings.baseUrl)),
    stream: true,
    ...(compat.supportsUsageInStreaming === false ? {} : { stream_options: { include_usage: true } }),
    ...snake,
    ...(warmth === undefined || compat.supportsTemperature === false ? {} : { temperature: warmth }),
    ...optional('top_p', request.topP ?? topP),
    ...optional('stop', request.stop?.length ? request.stop : undefined),
    ...optional('presence_penalty', request.presencePenalty),
    ...optional('frequency_penalty', request.frequencyPenalty),
    ...optional('seed', request.seed),
    ...optional('user', request.user),
    ...(limit === undefined ? {} : { [maxTokensField(settings, compat)]: limit }),
    ...(compat.supportsTools === false ? {} : toolFields(request, compat)),
    ...thinkingFields(settings, model, request.thinking),
    ...jsonFields(request.json),
    ...extra
  }
}

const optional = (name: string, value: unknown): Fields => value === undefined ? {} : { [name]: value }

interface Params {
  readonly snake: Fields
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly maxTokens: number | undefined
  /** Wins over everything. */
  readonly extra: Fields
}

/** Names in snake case are the server's and go as they stand; other names are settings of gateways, and most servers refuse those. */
function readParams (params: Fields): Params {
  const numberIn = (name: string): number | undefined => typeof params[name] === 'number' ? params[name] : undefined
  const extra = params.extra_body ?? params.extraBody
  const snake = Object.entries(params).filter(([name]) => /^[a-z][a-z0-9_]*$/.test(name) && name !== 'extra_body' && name !== 'temperature')
  return {
    snake: Object.fromEntries(snake),
    temperature: numberIn('temperature'),
    topP: numberIn('topP'),
    maxTokens: numberIn('maxTokens'),
    extra: typeof extra === 'object' && extra !== null ? extra as Fields : {}
  }
}

/** Nothing is said when nobody set a limit: a guess could be more than the server allows. */
function limitOf (settings: ProviderSettings, model: ModelInfo, request: StepRequest, configured: number | undefined): number | undefined {
  const ceiling = model.capped ? model.maxTokens : settings.maxTokens
  const wanted = request.maxOutputTokens ?? configured
  return wanted === undefined ? ceiling : Math.min(wanted, ceiling ?? wanted)
}

function maxTokensField ({ baseUrl }: ProviderSettings, compat: Fields): string {
  if (compat.maxTokensField === 'max_tokens' || compat.maxTokensField === 'max_completion_tokens') return compat.maxTokensField
  // Only these refuse or ignore the older name; every server knows that one.
  return isHost(baseUrl, 'openai.com', 'openai.azure.com', 'groq.com', 'cerebras.ai') ? 'max_completion_tokens' : 'max_tokens'
}

function toolFields ({ tools, toolChoice, oneCallAtATime }: StepRequest, compat: Fields): Fields {
  if (tools.length === 0) return {}
  const dropped = Array.isArray(compat.unsupportedToolSchemaKeywords) ? new Set(compat.unsupportedToolSchemaKeywords) : undefined
  return {
    tools: tools.map(tool => toolField(tool, dropped)),
    tool_choice: typeof toolChoice === 'object' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice ?? 'auto',
    ...(oneCallAtATime ? { parallel_tool_calls: false } : {})
  }
}

const toolField = ({ name, description, parameters, strict }: ToolSpec, dropped: ReadonlySet<unknown> | undefined): Fields => ({
  type: 'function',
  function: { name, description, parameters: dropped ? withoutKeywords(parameters, dropped) : parameters, ...optional('strict', strict) }
})

interface KnownTool extends Pick<ToolSpec, 'name' | 'description' | 'strict'> { readonly text: string }

/** By their schemas, which stay the same objects. */
const knownTools = new WeakMap<object, KnownTool>()

function toolText (tool: ToolSpec): string {
  const { name, description, strict, parameters } = tool
  const known = knownTools.get(parameters)
  if (known?.name === name && known.description === description && known.strict === strict) return known.text
  const text = JSON.stringify(toolField(tool, undefined))
  knownTools.set(parameters, { name, description, strict, text })
  return text
}

/** The same as text. Tools are most of it and the same from one request to the next, so they are written down once. */
export function requestText (settings: ProviderSettings, model: ModelInfo, request: StepRequest): string {
  const { compat = {}, params = {} } = model
  const hasOwnWay = compat.supportsTools === false || compat.unsupportedToolSchemaKeywords !== undefined ||
    Object.keys({ ...settings.params, ...params }).some(name => name === 'tools' || name.startsWith('extra'))
  if (request.tools.length === 0 || hasOwnWay) return JSON.stringify(requestBody(settings, model, request))
  const { tools: _, ...rest } = requestBody(settings, model, request)
  return `${JSON.stringify(rest).slice(0, -1)},"tools":[${request.tools.map(toolText).join(',')}]}`
}

/** Names of properties are not keywords, whatever they are called. */
function withoutKeywords (schema: unknown, dropped: ReadonlySet<unknown>, areNames = false): unknown {
  if (Array.isArray(schema)) return schema.map(item => withoutKeywords(item, dropped))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(Object.entries(schema)
    .filter(([name]) => areNames || !dropped.has(name))
    .map(([name, value]) => [name, withoutKeywords(value, dropped, !areNames && (name === 'properties' || name === '$defs'))]))
}

function thinkingFields ({ baseUrl }: ProviderSettings, model: ModelInfo, level: string | undefined): Fields {
  if (level === undefined) return {}
  const compat = model.compat ?? {}
  const isOn = level !== 'off'
  const efforts = compat.reasoningEffortMap as Fields | undefined
  const effort = efforts?.[level] ?? level
  const dialect = compat.thinkingFormat ?? (isHost(baseUrl, 'openrouter.ai') ? 'openrouter' : 'openai')
  if (dialect === 'qwen') return { enable_thinking: isOn }
  if (dialect === 'qwen-chat-template') return { chat_template_kwargs: { enable_thinking: isOn } }
  if (dialect === 'together') return { reasoning: { enabled: isOn } }
  if (dialect === 'deepseek' || dialect === 'zai') return { thinking: { type: isOn ? 'enabled' : 'disabled' } }
  if (!model.reasoning) return {}
  if (dialect === 'openrouter') return { reasoning: isOn ? { effort } : { enabled: false } }
  if (compat.supportsReasoningEffort === false || (!isOn && efforts?.off === undefined)) return {}
  return { reasoning_effort: effort }
}

function jsonFields (json: StepRequest['json']): Fields {
  if (json === undefined) return {}
  if (json === true) return { response_format: { type: 'json_object' } }
  return { response_format: { type: 'json_schema', json_schema: { name: 'reply', ...json } } }
}
