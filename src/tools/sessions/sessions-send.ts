import { isGatewayError } from '../../protocol/errors.ts'
import { Type } from '../../protocol/type.ts'
import { parseKey } from '../../sessions/keys.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { defineTool } from '../define-tool.ts'
import { ToolRefusal } from '../invocation.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import { answer, foreseen, forbidden, problem } from './answers.ts'
import { find, unknownSession, type Found } from './lookup.ts'
import type { RunEnd, SessionToolSources } from './ports.ts'
import { viewOf } from './visibility.ts'

const defaultTimeoutSeconds = 30
const maxTimeoutSeconds = 600
/** How often a message may go on from agent to agent, before a person has said something again. */
const defaultPingPong = 5
const linesLookedAt = 50

const params = Type.Object({
  sessionKey: Type.Optional(Type.String({ maxLength: 512 })),
  label: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'Instead of the key.' })),
  agentId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Alone: its main conversation. With a label: whose it is.' })),
  message: Type.String({ minLength: 1, maxLength: 200_000 }),
  timeoutSeconds: Type.Optional(Type.Integer({
    minimum: 0, maximum: maxTimeoutSeconds, description: `How long to wait for the reply; 0: not at all; ${defaultTimeoutSeconds} unless told.`
  }))
})

interface Args {
  readonly sessionKey?: string
  readonly label?: string
  readonly agentId?: string
  readonly message: string
  readonly timeoutSeconds?: number
}

/** What the caller names, as a key; undefined when no session has the label. */
function nameOf ({ sessionKey, label, agentId }: Args, context: ToolContext, sources: SessionToolSources): string | undefined {
  if (sessionKey) return sessionKey
  if (label) {
    const owner = agentId?.toLowerCase()
    const view = viewOf(context, sources)
    const isMeant = (record: SessionRecord): boolean => record.label === label && !record.archived && (!owner || record.agentId === owner)
    // A label tells nothing about conversations that are out of reach.
    return Iterator.from(sources.sessions.records()).find(record => isMeant(record) && view.refusal(record.key) === undefined)?.key
  }
  if (agentId) return `agent:${agentId}:main`
  return undefined
}

/** How far the message that is being answered has come from a person. */
async function hopsOf (key: string, { sessions }: SessionToolSources): Promise<number> {
  const lines = await sessions.lines.tail(key, { limit: linesLookedAt })
  for (const { value } of lines.toReversed()) {
    if (value.type !== 'message' || value.message.role !== 'user') continue
    const { hops } = (value.message.__openclaw?.['inputProvenance'] ?? {}) as { hops?: unknown }
    return typeof hops === 'number' ? hops : 0
  }
  return 0
}

/** There is no exchange after the reply: nothing more is announced. */
const delivery = { status: 'skipped', mode: 'none' }

function outcomeOf (runId: string, sessionKey: string, end: RunEnd | undefined, { redact }: SessionToolSources): ToolResult {
  const common = { runId, sessionKey }
  if (!end) return answer({ ...common, status: 'timeout', delivery, note: 'The message is there and is being answered; sessions_history shows the reply later.' })
  if (end.outcome === 'ok' && end.text === '') return answer({ ...common, status: 'no_reply', delivery })
  if (end.outcome === 'ok') return answer({ ...common, status: 'ok', delivery, reply: redact(end.text) })
  const error = end.error?.message ?? `the run was ended: ${end.stopReason ?? end.outcome}`
  return answer({ ...common, status: end.outcome === 'timeout' ? 'timeout' : 'error', delivery, error })
}

/** Undefined when it may be sent. */
async function refusalOf (args: Args, found: Found, context: ToolContext, sources: SessionToolSources): Promise<ToolResult | undefined> {
  const { key, record, refusal } = found
  const more = { sessionKey: key }
  if (refusal !== undefined) return forbidden(`${key} is out of reach: ${refusal}.`, more)
  if (key === context.sessionKey) return problem('This is the conversation that asks. Say it here instead of sending it.', more)
  const { kind, threadId } = parseKey(key)
  if (!record && kind !== 'main') return problem(unknownSession(args.sessionKey ?? key))
  if (threadId !== undefined) return problem('People talk in this thread. Send to the conversation that it belongs to.', more)
  const hops = await hopsOf(context.sessionKey, sources)
  const most = sources.config().config.session.agentToAgent?.maxPingPongTurns ?? defaultPingPong
  return hops > most
    ? forbidden(`Agents have passed this on ${hops} times; session.agentToAgent.maxPingPongTurns is ${most}. Wait for a person.`, more)
    : undefined
}

/** The conversation that it goes to, or why it goes nowhere. */
async function meant (args: Args, context: ToolContext, sources: SessionToolSources): Promise<{ key: string } | { refused: ToolResult }> {
  await sources.sessions.ready
  const name = nameOf(args, context, sources)
  if (name === undefined) return { refused: problem(`No session has the label "${args.label}". sessions_list shows the labels.`) }
  const found = await find(name, context, sources)
  const refused = await refusalOf(args, found, context, sources)
  return refused ? { refused } : { key: found.key }
}

async function send (key: string, message: string, context: ToolContext, sources: SessionToolSources): Promise<string> {
  const { sessionKey, callId, runId, isOwner } = context
  const hops = await hopsOf(sessionKey, sources) + 1
  const started = await sources.runs.start({
    caller: { principal: sessionKey },
    via: 'agent',
    // The same call again finds the same run.
    idempotencyKey: `send:${runId ?? 'call'}:${callId}`,
    sessionKey: key,
    message: `[Inter-session message from ${sessionKey}; not written by a person]\n${message}`,
    ownTurn: true,
    lane: 'nested',
    origin: { senderIsOwner: isOwner === true, inputProvenance: { kind: 'inter_session', sourceSessionKey: sessionKey, sourceTool: 'sessions_send', hops } }
  })
  return started.runId
}

/** Sends a message into another conversation. */
export const sessionsSend = (sources: SessionToolSources): Tool => defineTool({
  name: 'sessions_send',
  description: 'Sends a message into another conversation and waits for the reply of its agent, or not at all.',
  params,
  capability: 'session.write',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: true,
  verify ({ sessionKey, label, agentId }) {
    if (!sessionKey && !label && !agentId) throw new ToolRefusal('sessions_send takes a sessionKey, a label or an agentId. sessions_list shows what there is.')
  },
  async foresee (args, context) {
    const found = await meant(args, context, sources)
    return foreseen('refused' in found ? found.refused : undefined)
  },
  async run (args, context) {
    const { runs } = sources
    const { message, timeoutSeconds = defaultTimeoutSeconds } = args
    const found = await meant(args, context, sources)
    if ('refused' in found) return found.refused
    const { key } = found
    const isBusy = runs.active(key).length > 0
    try {
      const runId = await send(key, message, context, sources)
      if (timeoutSeconds === 0) return answer({ runId, status: 'accepted', sessionKey: key, targetDisposition: isBusy ? 'queued' : 'started', delivery })
      return outcomeOf(runId, key, await runs.wait(runId, timeoutSeconds * 1000, context.signal), sources)
    } catch (error) {
      if (isGatewayError(error)) return problem(error.message, { sessionKey: key })
      throw error
    }
  }
})
