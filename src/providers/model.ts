/** What a model is to the rooms below: one step at a time, whoever serves it. Types of a provider's library stop here. */
import type { AssistantMessage, Message, StopReason, TextPart, ThinkingPart, ToolCallPart, Usage } from '../protocol/transcript.ts'

export interface ModelCost {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
}

/** One row of the catalog. */
export interface ModelInfo {
  readonly provider: string
  readonly id: string
  readonly name: string
  /** Wire format: openai-completions, openai-responses, anthropic-messages, google-generative-ai, echo. */
  readonly api: string
  readonly reasoning: boolean
  readonly input: readonly string[]
  readonly contextWindow: number
  readonly maxTokens: number
  /** Somebody stated `maxTokens`; else it is what most models can do. */
  readonly capped?: boolean
  /** Dollars per million tokens. */
  readonly cost?: ModelCost
  readonly compat?: { readonly [name: string]: unknown }
  /** Goes into every request as it stands (`agents.defaults.models.<ref>.params`). */
  readonly params?: { readonly [name: string]: unknown }
}

export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly parameters: object
  /** The provider is to keep arguments to the schema. */
  readonly strict?: boolean
}

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string }

/** A JSON Schema that a reply must follow, with what some providers want to know beside it. */
export interface ReplySchema {
  readonly schema: object
  readonly name?: string
  readonly description?: string
  readonly strict?: boolean
}

/** How the words are chosen. What is absent, and what a provider does not know, is left to it. */
export interface Sampling {
  readonly temperature?: number
  readonly topP?: number
  readonly stop?: readonly string[]
  readonly presencePenalty?: number
  readonly frequencyPenalty?: number
  readonly seed?: number
  /** The model asks for one tool in one step. */
  readonly oneCallAtATime?: true
  /** `true`: any JSON. */
  readonly json?: ReplySchema | true
}

export interface StepRequest extends Sampling {
  readonly system: string
  readonly messages: readonly Message[]
  readonly tools: readonly ToolSpec[]
  readonly toolChoice?: ToolChoice
  readonly maxOutputTokens?: number
  /** off, minimal, low, medium, high. */
  readonly thinking?: string
  readonly user?: string
  readonly sessionId?: string
  readonly signal: AbortSignal
}

/** Told while the model speaks; what is told is also in the result. */
export type StepEvent =
  | { readonly type: 'text', readonly delta: string }
  | { readonly type: 'thinking', readonly delta: string }
  | { readonly type: 'tool-call', readonly call: ToolCallPart }

export interface StepResult {
  readonly content: ReadonlyArray<TextPart | ThinkingPart | ToolCallPart>
  readonly stopReason: Exclude<StopReason, 'aborted' | 'error'>
  readonly usage: Usage
  readonly responseId?: string
  readonly responseModel?: string
}

/** Why a step failed, in the words that decide about retry and fallback. */
export type ProviderErrorKind =
  'auth' | 'billing' | 'rate_limit' | 'overloaded' | 'timeout' | 'server_error' | 'model_not_found' |
  'context_overflow' | 'format' | 'network' | 'refusal' | 'aborted'

export interface ProviderErrorFacts {
  readonly status?: number
  readonly retryAfterMs?: number
  readonly partial?: boolean
  readonly cause?: unknown
}

export class ProviderError extends Error {
  readonly kind: ProviderErrorKind
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  /** Something was already told; the same request again would say it twice. */
  readonly partial: boolean

  constructor (kind: ProviderErrorKind, message: string, more: ProviderErrorFacts = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'ProviderError'
    this.kind = kind
    this.status = more.status
    this.retryAfterMs = more.retryAfterMs
    this.partial = more.partial ?? false
  }
}

/** Speaks one wire format to one provider. One step, no retry. Throws ProviderError. Its abort reaches the upstream socket. */
export interface Transport {
  step (model: ModelInfo, request: StepRequest, tell: (event: StepEvent) => void): Promise<StepResult>
  /** `dimensions`: how long the vectors are to be, of models that let one choose. */
  embed? (model: string, inputs: readonly string[], signal: AbortSignal, dimensions?: number): Promise<Embeddings>
  close? (): Promise<void>
}

export interface ProviderSettings {
  readonly id: string
  readonly api: string
  readonly baseUrl: string
  readonly apiKey?: string
  readonly headers: { readonly [name: string]: string }
  readonly timeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxTokens?: number
  readonly params: { readonly [name: string]: unknown }
  /** Further keys of the provider as the user wrote them. */
  readonly options: { readonly [name: string]: unknown }
}

/** One kind of wire format; `load` is called at the first step that needs it. */
export interface ProviderKind {
  readonly api: string
  load (settings: ProviderSettings): Promise<Transport>
}

export interface RouteOverride {
  readonly provider?: string
  readonly model?: string
  /** In place of those of the agent. */
  readonly fallbacks?: readonly string[]
}

export interface ModelRoute {
  readonly model: ModelInfo
  /** Tried in this order when the first cannot serve. Empty when a person picked the model. */
  readonly fallbacks: readonly ModelInfo[]
}

export interface Attempt {
  readonly provider: string
  readonly model: string
  readonly kind?: ProviderErrorKind
  readonly detail?: string
}

export interface RoutedResult extends StepResult {
  readonly model: ModelInfo
  /** What was tried before it, and why it failed. */
  readonly attempts: readonly Attempt[]
}

export interface ProviderStatus {
  readonly provider: string
  readonly api: string
  readonly baseUrl: string
  readonly credential: 'none' | 'configured' | 'missing'
  readonly cooldownUntilMs?: number
  readonly lastError?: string
}

export type FallbackListener = (from: ModelInfo, to: ModelInfo, error: ProviderError) => void

export interface Embeddings {
  readonly vectors: number[][]
  readonly usage: { readonly input: number }
}

/** The providers room: catalog, choice, retry with back-off and cool-down, fallback. */
export interface Models {
  /** The catalog; `configured` is what the user named plus what is built in. */
  list (view?: 'default' | 'configured' | 'provider-config' | 'all'): Promise<readonly ModelInfo[]>
  /** `provider/model` or an alias; undefined when nobody serves it. */
  find (name: string): ModelInfo | undefined
  /** May a person pick it for this agent (`modelPolicy.allow`)? The agent's own models always. */
  allowed (model: ModelInfo, agentId?: string): boolean
  /** The session's choice before the agent's, before the default; `echo/echo` when nothing is configured. */
  route (agentId: string, override?: RouteOverride): ModelRoute
  step (route: ModelRoute, request: StepRequest, tell: (event: StepEvent) => void, onFallback?: FallbackListener): Promise<RoutedResult>
  embed (
    name: string, inputs: readonly string[], signal: AbortSignal, dimensions?: number
  ): Promise<Embeddings & { readonly model: ModelInfo }>
  /** Per provider: has a credential, cools down until when, last error. */
  status (): readonly ProviderStatus[]
  aliases (): ReadonlyMap<string, string>
  close (): Promise<void>
}

/** A finished step as the transcript keeps it. */
export const assistantMessage = ({ model, ...result }: RoutedResult, timestamp: number): AssistantMessage => ({
  role: 'assistant',
  content: result.content,
  api: model.api,
  provider: model.provider,
  model: model.id,
  usage: result.usage,
  stopReason: result.stopReason,
  ...(result.responseId ? { responseId: result.responseId } : {}),
  timestamp
})
