/** Tools of this gateway, and what they answer, as MCP clients read them. */
import { planOf } from '../presentation.ts'
import type { InvokeOutcome } from '../invocation.ts'
import type { Tool, ToolResult } from '../tool.ts'

export interface McpTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: Tool['parameters']
  readonly annotations: { readonly readOnlyHint: boolean }
}

export interface McpResult {
  readonly content: ToolResult['content']
  readonly structuredContent?: object
  readonly isError?: boolean
}

export const mcpToolOf = ({ name, description, parameters, effects }: Tool): McpTool =>
  ({ name, description, inputSchema: parameters, annotations: { readOnlyHint: !effects } })

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

const refusal = (text: string): McpResult => ({ content: [{ type: 'text', text }], isError: true })

/** A tool that nobody may call is as good as none, and the caller is told so; what a tool refuses is its answer. */
export function mcpResultOf (outcome: InvokeOutcome, isAdmin: boolean): McpResult | { readonly unknownTool: string } {
  switch (outcome.kind) {
    case 'done': {
      const { content, details, isError } = outcome.result
      return { content, ...(isObject(details) ? { structuredContent: details } : {}), ...(isError ? { isError } : {}) }
    }
    case 'would': return { content: [{ type: 'text', text: JSON.stringify(planOf(outcome, isAdmin)) }] }
    case 'unavailable': return { unknownTool: outcome.toolName }
    case 'failed': return refusal(`${outcome.message} (${outcome.errorId}); the log of the gateway has the cause.`)
    default: return refusal(outcome.message)
  }
}
