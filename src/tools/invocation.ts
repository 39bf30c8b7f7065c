import type { Caller } from '../auth/caller.ts'
import type { ToolResult } from './tool.ts'
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
  readonly signal: AbortSignal
}

export type InvokeOutcome =
  | { readonly kind: 'done', readonly toolName: string, readonly result: ToolResult }
  | { readonly kind: 'would', readonly toolName: string, readonly verdict: PolicyVerdict }
  /** Unknown and forbidden look the same to those who may not know. */
  | { readonly kind: 'unavailable', readonly toolName: string }
  | { readonly kind: 'invalid', readonly toolName: string, readonly message: string }
  | { readonly kind: 'blocked', readonly toolName: string, readonly message: string, readonly requiresApproval?: boolean }
  | { readonly kind: 'failed', readonly toolName: string, readonly message: string }

/** Thrown by a tool for arguments it cannot take; the caller gets the sentence. */
export class ToolRefusal extends Error {}
