import type { AssistantMessage, Message, UserMessage } from '../protocol/transcript.ts'
import type { ModelInfo } from '../providers/model.ts'
import type { RunRequest } from './room.ts'
import type { Run } from './run.ts'
import type { StoredInput } from './stored-run.ts'
import { noUsage } from './turn.ts'

interface MessageLine<T extends Message> {
  readonly type: 'message'
  readonly message: T
  readonly runId: string
}

export function lineOf ({ key, message, images, origin }: StoredInput, timestamp: number, runId: string): MessageLine<UserMessage> {
  return {
    type: 'message',
    message: {
      role: 'user',
      content: images && images.length > 0 ? [{ type: 'text', text: message }, ...images] : message,
      timestamp,
      idempotencyKey: `${key}:user`,
      ...(origin ? { __openclaw: origin } : {})
    },
    runId
  }
}

/** Results that a caller brings, then what it says to them, if anything. */
export function linesOf (input: StoredInput, timestamp: number, runId: string): Array<MessageLine<Message>> {
  const { results = [], message, images = [] } = input
  const lines = results.map((result): MessageLine<Message> => ({ type: 'message', message: result, runId }))
  return message === '' && images.length === 0 ? lines : [...lines, lineOf(input, timestamp, runId)]
}

export const inputOf = ({ message, images, toolResults, origin, idempotencyKey, quietMs }: RunRequest): StoredInput => ({
  key: idempotencyKey,
  message,
  ...(quietMs === undefined ? {} : { quietMs }),
  ...(images && images.length > 0 ? { images } : {}),
  ...(toolResults && toolResults.length > 0 ? { results: toolResults } : {}),
  ...(origin ? { origin } : {})
})

/** What a caller says that was said before: its people are as answerable as it is. */
export const historyOf = ({ history = [], idempotencyKey: key, origin }: RunRequest): Message[] => history.map((message, index) =>
  message.role === 'user' ? { ...message, idempotencyKey: `${key}:history:${index}`, ...(origin ? { __openclaw: origin } : {}) } : message)

/** All that there is of a conversation that only its caller keeps. */
export const fleetingMessages = ({ id, request }: Run, timestamp: number): Message[] =>
  [...historyOf(request), ...linesOf(inputOf(request), timestamp, id).map(({ message }) => message)]

/** What is kept of a reply that did not come to its end. */
export const brokenReply = (text: string, model: ModelInfo | undefined, timestamp: number,
  how: Pick<AssistantMessage, 'stopReason'> & Partial<AssistantMessage>): AssistantMessage => ({
  role: 'assistant',
  content: text === '' ? [] : [{ type: 'text', text }],
  api: model?.api ?? 'none',
  provider: model?.provider ?? 'openclaw',
  model: model?.id ?? 'none',
  usage: noUsage,
  timestamp,
  ...how
})

const maxOverflowChars = 160

/** How a message that gave way is remembered. */
export const shortened = (message: string): string => {
  const flat = message.replace(/\s+/g, ' ').trim()
  return flat.length > maxOverflowChars ? `${flat.slice(0, maxOverflowChars)}…` : flat
}

/** Several waiting messages as one. */
export function combined (inputs: readonly StoredInput[]): StoredInput {
  const [first] = inputs as readonly [StoredInput, ...StoredInput[]]
  const overflow = inputs.flatMap(input => input.overflow ?? [])
  const remembered = overflow.length === 0
    ? []
    : [`${overflow.length} earlier messages did not fit into the queue and are only known by how they began:\n${overflow.map(text => `- ${text}`).join('\n')}`]
  if (inputs.length === 1 && remembered.length === 0) return first
  const isOneMessage = inputs.length === 1 || inputs.every(({ quietMs }) => quietMs !== undefined)
  const texts = isOneMessage ? [inputs.map(({ message }) => message).join('\n')] : inputs.map(({ message }, index) => `queued #${index + 1}\n${message}`)
  const images = inputs.flatMap(input => input.images ?? [])
  const isOfOwner = inputs.every(({ origin }) => origin?.['senderIsOwner'] === true)
  return {
    key: first.key,
    message: [...remembered, ...texts].join('\n\n'),
    ...(images.length > 0 ? { images } : {}),
    ...(first.origin ? { origin: isOfOwner ? first.origin : { ...first.origin, senderIsOwner: false } } : {})
  }
}
