/** What a conversation is made of. Stored as it stands here, so a change of these shapes needs a migration. */

export interface TextPart { readonly type: 'text', readonly text: string }
/** `signature` is for the model that gave it; `redacted` says that it is all there is of a thought. */
export interface ThinkingPart { readonly type: 'thinking', readonly thinking: string, readonly signature?: string, readonly redacted?: true }
/** `data` is base64. */
export interface ImagePart { readonly type: 'image', readonly data: string, readonly mimeType: string }
export interface ToolCallPart {
  readonly type: 'toolCall'
  readonly id: string
  readonly name: string
  readonly arguments: { readonly [name: string]: unknown }
  /** What the model that made the call wants back with it. */
  readonly thoughtSignature?: string
}

/** Dollars. */
export interface UsageCost {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly total: number
}

export interface Usage {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly totalTokens: number
  readonly cost?: UsageCost
}

export type StopReason = 'stop' | 'length' | 'toolUse' | 'aborted' | 'error'

export interface UserMessage {
  readonly role: 'user'
  readonly content: string | ReadonlyArray<TextPart | ImagePart>
  readonly timestamp: number
  /** `<key of the request>:user` */
  readonly idempotencyKey?: string
  /** Where it came from. */
  readonly __openclaw?: { readonly [field: string]: unknown }
}

export interface AssistantMessage {
  readonly role: 'assistant'
  readonly content: ReadonlyArray<TextPart | ThinkingPart | ToolCallPart>
  readonly api: string
  readonly provider: string
  readonly model: string
  readonly usage: Usage
  readonly stopReason: StopReason
  readonly errorMessage?: string
  readonly responseId?: string
  readonly timestamp: number
  readonly idempotencyKey?: string
  /** On a partial reply of a run that was aborted. */
  readonly openclawAbort?: { readonly aborted: true, readonly origin: string, readonly runId: string }
}

export interface ToolResultMessage {
  readonly role: 'toolResult'
  readonly toolCallId: string
  readonly toolName: string
  readonly content: ReadonlyArray<TextPart | ImagePart>
  readonly details?: unknown
  readonly isError: boolean
  readonly timestamp: number
}

export type Message = UserMessage | AssistantMessage | ToolResultMessage

/** What one line of a transcript says; `message` lines are what a model sees, the others steer how they are read. */
export type LineBody =
  | { readonly type: 'message', readonly message: Message }
  | { readonly type: 'compaction', readonly summary: string, readonly firstKeptEntryId: string | null, readonly tokensBefore: number }
  | { readonly type: 'reset', readonly reason: string }
  | { readonly type: 'custom', readonly customType: string, readonly data: unknown }
  | { readonly type: 'custom_message', readonly customType: string, readonly content: string, readonly display: boolean }

export type TranscriptLine = LineBody & {
  readonly id: string
  readonly parentId: string | null
  /** Milliseconds. */
  readonly timestamp: number
  readonly runId?: string
}
