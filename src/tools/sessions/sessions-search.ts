import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import { answer, forbidden, problem } from './answers.ts'
import { find, unknownSession } from './lookup.ts'
import type { SessionToolSources } from './ports.ts'
import { viewOf } from './visibility.ts'

const defaultLimit = 10
const maxLimit = 50

/** Finds words in what was said. */
export const sessionsSearch = (sources: SessionToolSources): Tool => defineTool({
  name: 'sessions_search',
  description: 'Finds words in the conversations that can be reached. sessions_history with sessionKey and messageId shows what stands around a hit.',
  params: Type.Object({
    query: Type.String({ minLength: 1, maxLength: 500 }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxLimit })),
    sessionKey: Type.Optional(Type.String({ maxLength: 512, description: 'Only in this conversation.' })),
    agentId: Type.Optional(Type.String({ maxLength: 64 }))
  }),
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  async run ({ query, limit = defaultLimit, sessionKey, agentId }, context) {
    const found = sessionKey === undefined ? undefined : await find(sessionKey, context, sources)
    if (found?.refusal !== undefined) return forbidden(`${found.key} is out of reach: ${found.refusal}.`, { sessionKey: found.key })
    if (found && !found.record) return problem(unknownSession(sessionKey!))
    const view = viewOf(context, sources)
    const { results, truncated = false } = await sources.sessions.search({
      query,
      limit,
      mayRead: ({ key }) => view.refusal(key) === undefined,
      ...(found ? { sessionKeys: [found.key] } : {}),
      ...(agentId === undefined ? {} : { agentId: agentId.toLowerCase() })
    })
    return answer({ results: results.map(hit => ({ ...hit, snippet: sources.redact(hit.snippet) })), truncated })
  }
})
