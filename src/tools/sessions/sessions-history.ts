import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import { ToolRefusal } from '../invocation.ts'
import type { Tool, ToolResult } from '../tool.ts'
import { answer, foreseen, forbidden, problem } from './answers.ts'
import { readAround, readHistory } from './history.ts'
import { find, unknownSession, type Found } from './lookup.ts'
import type { SessionToolSources } from './ports.ts'

const defaultLimit = 50
const maxBytes = 80 * 1024
const maxPending = 20
const maxPendingChars = 200

function pendingOf (key: string, { runs, redact }: SessionToolSources): object {
  const pending = runs.pending(key)
  const items = pending.slice(-maxPending).map(({ runId, text, state, atMs }) => ({
    runId, state: state === 'parked' ? 'queued' : state, acceptedAt: atMs, preview: redact(text.slice(0, maxPendingChars))
  }))
  return { items, total: pending.length }
}

/** Undefined when it may be read. */
function refusalOf (name: string, { key, record, refusal }: Found): ToolResult | undefined {
  if (refusal !== undefined) return forbidden(`${key} is out of reach: ${refusal}.`, { sessionKey: key })
  return record ? undefined : problem(unknownSession(name))
}

/** Shows what was said in a conversation. */
export const sessionsHistory = (sources: SessionToolSources): Tool => defineTool({
  name: 'sessions_history',
  description: 'Reads the newest messages of a conversation; nextOffset leads to older ones. Credentials are taken out, long texts are cut.',
  params: Type.Object({
    sessionKey: Type.Optional(Type.String({ maxLength: 512, description: 'Key from sessions_list, or "current".' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Messages; 50 unless told.' })),
    offset: Type.Optional(Type.Integer({ minimum: 0, description: 'nextOffset of the page before.' })),
    includeTools: Type.Optional(Type.Boolean({ description: 'Results of tools, too.' })),
    messageId: Type.Optional(Type.String({ maxLength: 128, description: 'Around this message, as sessions_search found it.' }))
  }),
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  verify ({ sessionKey }) {
    if (!sessionKey) throw new ToolRefusal('sessionKey required: sessions_list shows the keys that there are')
  },
  async foresee ({ sessionKey }, context) {
    return foreseen(refusalOf(sessionKey!, await find(sessionKey!, context, sources)))
  },
  async run ({ sessionKey, limit = defaultLimit, offset = 0, includeTools = false, messageId }, context) {
    const found = await find(sessionKey!, context, sources)
    const refused = refusalOf(sessionKey!, found)
    if (refused) return refused
    const { key } = found
    const record = found.record!
    const query = { limit, offset, includeTools, maxBytes }
    const history = messageId === undefined
      ? await readHistory(record, query, sources)
      : await readAround(record, messageId, query, sources)
    if (!history) return problem(`There is no message ${messageId} in ${key}. sessions_search shows the ids of messages.`, { sessionKey: key })
    return answer({
      sessionKey: key,
      sessionId: record.sessionId,
      ...history,
      truncated: history.droppedMessages || history.contentTruncated,
      pendingInputs: pendingOf(key, sources)
    })
  }
})
