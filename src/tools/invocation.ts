import type { Caller } from '../auth/caller.ts'
import type { Foreseen, ToolResult } from './tool.ts'
import type { PolicyVerdict } from './policy.ts'

/** One tool called by a program: HTTP, RPC and MCP ask the same question and get the same answer. */
export interface InvokeRequest {
  readonly caller: Caller
  readonly surface: 'http' | 'rpc' | 'mcp'
  readonly tool: string
  readonly action?: string
  readonly args: { readonly [name: string]: unknown }
  readonly sessionKey?: string
  readonly agentId?: string
  readonly idempotencyKey?: string
  /** Policy and validation as for a real call, but nothing is done. */
  readonly isDryRun?: boolean
  readonly channel?: string
  readonly accountId?: string
  readonly messageTo?: string
  readonly threadId?: string
  /** Read when the tool is carried out. */
  readonly signal: AbortSignal
}

export type ToolSource = 'core' | 'plugin' | 'mcp' | 'channel'

export type InvokeOutcome =
  | { readonly kind: 'done', readonly toolName: string, readonly source: ToolSource, readonly result: ToolResult }
  | { readonly kind: 'would', readonly toolName: string, readonly source: ToolSource, readonly plan: InvokePlan }
  /** Unknown and forbidden look the same to those who may not know; `why` is there for administrators only. */
  | { readonly kind: 'unavailable', readonly toolName: string, readonly why?: UnavailableReason }
  /** `request`: the call itself is wrong; `tool`: its arguments are. */
  | { readonly kind: 'invalid', readonly toolName: string, readonly at: 'request' | 'tool', readonly message: string }
  | { readonly kind: 'blocked', readonly toolName: string, readonly message: string, readonly requiresApproval?: boolean }
  | { readonly kind: 'failed', readonly toolName: string, readonly message: string, readonly errorId: string }

export interface UnavailableReason {
  readonly reason: 'unknown' | 'policy'
  readonly step?: string
  readonly because?: string
}

/** What a real call would do. */
export interface InvokePlan {
  readonly sessionKey: string
  readonly agentId: string
  readonly args: { readonly [name: string]: unknown }
  /** Whether it would change anything. */
  readonly effects: boolean
  readonly verdict: PolicyVerdict
  readonly foreseen: Foreseen
}

/** Thrown by a tool for arguments it cannot take; the caller gets the sentence. */
export class ToolRefusal extends Error {}

/** Thrown by a tool that may not do this without a person's consent. */
export class ToolBlocked extends Error {
  readonly requiresApproval: boolean
  constructor (message: string, { requiresApproval = false }: { requiresApproval?: boolean } = {}) {
    super(message)
    this.name = 'ToolBlocked'
    this.requiresApproval = requiresApproval
  }
}
