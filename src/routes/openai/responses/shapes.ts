/** What POST /v1/responses answers, in OpenAI's shape. */
import type { Usage } from '../../../protocol/transcript.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'
export type ResponseStatus = 'queued' | ItemStatus | 'failed' | 'cancelled'

export interface TextContent {
  readonly type: 'output_text'
  readonly text: string
  readonly annotations: readonly []
  readonly logprobs: readonly []
}

export interface MessageItem {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly status: ItemStatus
  /** `commentary` is what an agent says before it uses its own tools and goes on. */
  readonly phase: 'commentary' | 'final_answer'
  readonly content: readonly TextContent[]
}

export interface CallItem {
  readonly id: string
  readonly type: 'function_call'
  readonly status: ItemStatus
  readonly call_id: string
  readonly name: string
  readonly arguments: string
}

export interface ReasoningItem {
  readonly id: string
  readonly type: 'reasoning'
  readonly status: ItemStatus
  readonly summary: ReadonlyArray<{ readonly type: 'summary_text', readonly text: string }>
}

export type OutputItem = MessageItem | CallItem | ReasoningItem

export interface ResponseFailure {
  readonly code: string
  readonly message: string
}

/** What of the request stands in the answer, as OpenAI shows it. */
export interface Echo {
  readonly model: string
  readonly instructions: string | null
  readonly previous_response_id: string | null
  readonly background: boolean
  readonly store: boolean
  readonly metadata: { readonly [name: string]: string }
  readonly max_output_tokens: number | null
  readonly temperature: number | null
  readonly top_p: number | null
  readonly parallel_tool_calls: boolean
  readonly tool_choice: unknown
  readonly tools: ReadonlyArray<{ readonly type: 'function', readonly name: string, readonly [field: string]: unknown }>
  readonly text: object
  readonly reasoning: object | null
  readonly truncation: 'auto' | 'disabled'
  readonly user?: string
}

export interface ResponseObject extends Echo {
  readonly id: string
  readonly object: 'response'
  readonly created_at: number
  readonly completed_at: number | null
  readonly status: ResponseStatus
  readonly error: ResponseFailure | null
  readonly incomplete_details: { readonly reason: string } | null
  readonly output: readonly OutputItem[]
  readonly usage: object | null
}

export interface ResponseEvent {
  readonly type: string
  readonly sequence_number: number
  readonly [field: string]: unknown
}

/** How a response came to its end. */
export interface Ending {
  readonly status: Exclude<ResponseStatus, 'queued' | 'in_progress'>
  readonly endedAtMs: number
  readonly usage?: Usage
  readonly failure?: ResponseFailure
  /** Why it is incomplete. */
  readonly reason?: string
}

export const textContent = (text: string): TextContent => ({ type: 'output_text', text, annotations: [], logprobs: [] })

/** By these we know responses among ourselves. */
export const nameIn = (responseId: string): string | undefined => /^resp_([0-9a-f-]{36})$/.exec(responseId)?.[1]

/** Items are numbered, so that they have the same ids whether they are streamed or read again, and say which response they belong to. */
export const itemId = (kind: 'msg' | 'rs' | 'fc', name: string, index: number): string => `${kind}_${name}${index === 0 ? '' : `_${index}`}`
export const nameInItem = (id: string): string | undefined => /^(?:msg|rs|fc)_([0-9a-f-]{36})(?:_\d+)?$/.exec(id)?.[1]

export const seconds = (ms: number): number => Math.floor(ms / 1000)

export function usageOf ({ input, output, cacheRead, cacheWrite, totalTokens }: Usage): object {
  const inputTokens = input + cacheRead + cacheWrite
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: totalTokens || inputTokens + output
  }
}

export interface ResponseFacts {
  /** A UUID. */
  readonly name: string
  readonly createdAtMs: number
  readonly echo: Echo
}

/** A response as it stands now; without an ending it is still going on. */
export function responseObject (facts: ResponseFacts, output: readonly OutputItem[], now: 'queued' | 'in_progress' | Ending): ResponseObject {
  const ending = typeof now === 'string' ? undefined : now
  return {
    id: `resp_${facts.name}`,
    object: 'response',
    created_at: seconds(facts.createdAtMs),
    completed_at: ending?.status === 'completed' ? seconds(ending.endedAtMs) : null,
    status: ending?.status ?? now as 'queued' | 'in_progress',
    error: ending?.failure ?? null,
    incomplete_details: ending?.reason === undefined ? null : { reason: ending.reason },
    output,
    usage: ending?.usage ? usageOf(ending.usage) : null,
    ...facts.echo
  }
}

/** What is kept of a request that says much: nobody asks for schemas again that they have themselves. */
const maxEchoChars = 32 * 1024
const maxKeptInstructions = 4096

export function boundedEcho (echo: Echo): Echo {
  if (JSON.stringify(echo).length <= maxEchoChars) return echo
  const { tools, instructions } = echo
  return {
    ...echo,
    instructions: instructions?.slice(0, maxKeptInstructions) ?? null,
    tools: tools.map(({ type, name }) => ({ type, name })),
    text: { format: { type: 'text' } }
  }
}
