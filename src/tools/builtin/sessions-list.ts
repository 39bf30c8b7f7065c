import type { SessionRecord } from '../../sessions/record.ts'
import type { Tool, ToolResult } from '../tool.ts'

export interface ListSources {
  /** The conversations of one agent, the most recent first, at most `limit`. */
  readonly recent: (agentId: string, limit: number) => readonly SessionRecord[]
}

const maxListed = 100

/** Tells an agent which conversations it has. */
export const sessionsList = ({ recent }: ListSources): Tool => ({
  name: 'sessions_list',
  description: 'Lists the conversations of this agent, the most recent first.',
  parameters: {
    type: 'object',
    properties: { limit: { type: 'integer', minimum: 1, maximum: maxListed } },
    additionalProperties: false
  },
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  async run ({ limit }, { agentId }): Promise<ToolResult> {
    const most = typeof limit === 'number' ? Math.min(maxListed, Math.max(1, Math.floor(limit))) : 20
    const sessions = recent(agentId, most).map(({ key, sessionId, updatedAt, status, displayName, label = displayName, model }) => ({
      key, sessionId, updatedAt, status, ...(label ? { displayName: label } : {}), ...(model ? { model } : {})
    }))
    const details = { count: sessions.length, sessions }
    return { content: [{ type: 'text', text: JSON.stringify(details) }], details }
  }
})
