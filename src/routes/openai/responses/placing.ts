/** Where a response that follows another one goes on: in the same conversation, or in one of its own that begins alike. */
import type { RunRequest, Runs } from '../../../agent/room.ts'
import { messageOf, noUsage, openCalls, storedMessages } from '../../../agent/turn.ts'
import { GatewayError } from '../../../protocol/errors.ts'
import type { Message } from '../../../protocol/transcript.ts'
import { parseKey } from '../../../sessions/keys.ts'
import type { Sessions } from '../../../sessions/room.ts'
import type { Addressee } from '../addressee.ts'
import { invalid } from '../errors.ts'
import { isNothing, newsFor, newsOf, type News } from '../news.ts'
import type { ResponseRecord } from './records.ts'

export type PlacingRuns = Pick<Runs, 'active' | 'pending'>

/** The run that whoever comes next would answer after. */
export function headOf (sessionKey: string, sessions: Sessions, runs: PlacingRuns): string | undefined {
  return runs.pending(sessionKey).at(-1)?.runId ?? runs.active(sessionKey).at(-1)?.runId ?? sessions.get(sessionKey)?.lastRunId
}

/** Nobody but the responses themselves writes there, so each can be the beginning of several others. */
const isBranching = ({ sessionKey }: Pick<ResponseRecord, 'sessionKey'>): boolean => parseKey(sessionKey).oneShot === true

export const unknownPrevious = (id: string): GatewayError => new GatewayError('NOT_FOUND', {
  message: `Previous response with id '${id.slice(0, 64)}' not found.`,
  details: { param: 'previous_response_id', openAiCode: 'previous_response_not_found' }
})

/** What it cost was paid where it was said. */
const unpaid = (message: Message): Message => message.role === 'assistant' ? { ...message, usage: noUsage } : message

/** What was said up to the end of that response. */
async function conversationUntil ({ sessionKey, runId }: ResponseRecord, sessions: Sessions): Promise<Message[]> {
  const lines = await sessions.context(sessionKey)
  const last = lines.findLastIndex(({ value }) => value.runId === runId)
  if (last < 0) {
    throw invalid('`previous_response_id` is too far back: its conversation was shortened or begun anew since.', 'previous_response_id')
  }
  return lines.slice(0, last + 1).map(({ value }) => messageOf(value)).filter(message => message !== undefined).map(unpaid)
}

/** Results belong to calls that nobody has answered yet, and models are told which function gave them. */
function withNames (messages: readonly Message[], before: readonly Message[]): Message[] {
  const open = new Map(openCalls(before).map(({ id, name }) => [id, name]))
  return messages.map(message => {
    if (message.role !== 'toolResult' || message.toolName !== '') return message
    const toolName = open.get(message.toolCallId)
    if (toolName === undefined) throw invalid(`No tool call found for function call output with call_id ${message.toolCallId}.`, 'input')
    open.delete(message.toolCallId)
    return { ...message, toolName }
  })
}

export type Said = Pick<RunRequest, 'message' | 'images' | 'history' | 'toolResults' | 'fleeting'>

export interface Place {
  readonly sessionKey: string
  readonly said: Said
}

interface Previous {
  readonly record: ResponseRecord
  readonly isOver: boolean
}

export interface Placing {
  readonly runId: string
  readonly messages: readonly Message[]
  readonly addressee: Addressee
  readonly isStored: boolean
  readonly isRepeatable: boolean
  /** The response that this one follows. */
  readonly previous: Previous | undefined
}

export interface PlacingRooms {
  /** As the caller finds them. */
  readonly sessions: Sessions
  readonly runs: PlacingRuns
  /** In which run somebody is about to go on with a conversation; what is placed is added. */
  readonly beginning: Map<string, string>
}

function answerable (news: News): News {
  if (isNothing(news)) throw invalid('`input` ends with nothing to answer.', 'input')
  return news
}

/** A conversation of its own, which begins with all that was said before. */
function newPlace ({ addressee, isStored, isRepeatable }: Placing, messages: readonly Message[]): Place {
  const sessionKey = addressee.target.key
  const news = answerable(newsOf(messages))
  if (isStored) return { sessionKey, said: news }
  return { sessionKey, said: { message: '', history: messages, fleeting: isRepeatable ? 'repeatable' : 'once' } }
}

async function placeAfter ({ record, isOver }: Previous, placing: Placing, { sessions, runs, beginning }: PlacingRooms): Promise<Place> {
  const { messages, addressee: { target }, isStored, runId } = placing
  const { sessionKey } = record
  const isSameAgent = sessions.get(sessionKey)?.agentId === target.agentId
  if (!isBranching(record) && !isSameAgent) throw invalid('`previous_response_id` belongs to a conversation with another agent.', 'model')
  const before = await storedMessages(sessionKey, sessions)
  const isHead = (beginning.get(sessionKey) ?? headOf(sessionKey, sessions, runs)) === record.runId
  if (!isBranching(record) || (isStored && isSameAgent && isHead && newsOf(messages).history?.length === 0)) {
    const said = answerable(newsOf(withNames(messages, before)))
    beginning.set(sessionKey, runId)
    return { sessionKey, said }
  }
  if (!isOver) throw invalid('The previous response is still in progress: wait for its end.', 'previous_response_id')
  const beginnings = await conversationUntil(record, sessions)
  return newPlace(placing, [...beginnings, ...withNames(messages, beginnings)])
}

export async function placeOf (placing: Placing, rooms: PlacingRooms): Promise<Place> {
  const { messages, addressee: { target, isNamed }, previous } = placing
  if (isNamed) {
    if (previous && previous.record.sessionKey !== target.key) {
      throw invalid('`previous_response_id` belongs to another conversation than `user` or `x-openclaw-session-key` names.', 'previous_response_id')
    }
    return { sessionKey: target.key, said: await newsFor(target.key, messages, rooms.sessions, 'input') }
  }
  if (previous) return await placeAfter(previous, placing, rooms)
  return newPlace(placing, withNames(messages, []))
}
