import type { ImagePart, TextPart } from '../protocol/transcript.ts'
import type { ToolSpec } from '../providers/model.ts'

export interface ToolResult {
  readonly content: ReadonlyArray<TextPart | ImagePart>
  readonly details?: unknown
  readonly isError?: boolean
}

export interface ToolContext {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly callId: string
  readonly signal: AbortSignal
  update (partial: ToolResult): void
}

/** A thing an agent can do. `effects: false` may be done again after a crash without anybody noticing. */
export interface Tool extends ToolSpec {
  readonly effects: boolean
  run (args: { readonly [name: string]: unknown }, context: ToolContext): Promise<ToolResult>
}

/** What a run may use; answered anew for each run. */
export interface Tools {
  forRun (run: { readonly agentId: string, readonly sessionKey: string }): readonly Tool[]
}
