import type { SessionRecord } from '../../sessions/record.ts'
import type { Tool, ToolResult } from '../tool.ts'

export interface StatusSources {
  readonly version: string
  readonly now: () => number
  readonly record: (key: string) => SessionRecord | undefined
  /** The canonical key of what an agent of this id means. Throws for what it may not name. */
  readonly keyOf: (sessionKey: string | undefined, agentId: string) => string
}

function linesOf (record: SessionRecord, { version, now }: StatusSources): string[] {
  const { modelProvider = 'none', model = 'none', inputTokens = 0, outputTokens = 0, totalTokens = 0, contextTokens } = record
  const share = contextTokens ? ` of ${contextTokens} (${Math.round(totalTokens / contextTokens * 100)}%)` : ''
  return [
    `Gateway ${version}, ${new Date(now()).toISOString()}`,
    `Session ${record.key}, ${record.messageCount ?? 0} messages, status ${record.status ?? 'new'}`,
    `Model ${modelProvider}/${model}`,
    `Tokens of the last run: ${inputTokens} in, ${outputTokens} out; context ${totalTokens}${share}`,
    `Cost so far: $${(record.estimatedCostUsd ?? 0).toFixed(4)}`
  ]
}

/** Tells an agent about a conversation: its model, its tokens, its cost, and what time it is. */
export const sessionStatus = (sources: StatusSources): Tool => ({
  name: 'session_status',
  description: 'Shows the state of a conversation: model, tokens, cost, and the current time.',
  parameters: {
    type: 'object',
    properties: { sessionKey: { type: 'string', description: 'Another conversation of this agent; absent: this one.' } },
    additionalProperties: false
  },
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  async run ({ sessionKey }, { sessionKey: own, agentId }): Promise<ToolResult> {
    const key = typeof sessionKey === 'string' ? sources.keyOf(sessionKey, agentId) : own
    const record = sources.record(key)
    if (!record) return { content: [{ type: 'text', text: `There is no session ${key}. sessions_list shows what there is.` }], isError: true }
    const { sessionId, modelProvider, model, status } = record
    return {
      content: [{ type: 'text', text: linesOf(record, sources).join('\n') }],
      details: { ok: true, sessionKey: key, sessionId, agentId: record.agentId, modelProvider, model, status }
    }
  }
})
