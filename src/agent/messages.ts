import type { AssistantMessage, UserMessage } from '../protocol/transcript.ts'
import type { ModelInfo } from '../providers/model.ts'
import type { RunRequest } from './room.ts'
import type { StoredInput } from './stored-run.ts'
import { noUsage } from './turn.ts'

interface UserLine {
  readonly type: 'message'
  readonly message: UserMessage
  readonly runId: string
}

export function lineOf ({ key, message, images, origin }: StoredInput, timestamp: number, runId: string): UserLine {
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

export const inputOf = ({ message, images, origin, idempotencyKey }: RunRequest): StoredInput => ({
  key: idempotencyKey,
  message,
  ...(images && images.length > 0 ? { images } : {}),
  ...(origin ? { origin } : {})
})

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
  const texts = inputs.length === 1 ? [first.message] : inputs.map(({ message }, index) => `queued #${index + 1}\n${message}`)
  const images = inputs.flatMap(input => input.images ?? [])
  const isOfOwner = inputs.every(({ origin }) => origin?.['senderIsOwner'] === true)
  return {
    key: first.key,
    message: [...remembered, ...texts].join('\n\n'),
    ...(images.length > 0 ? { images } : {}),
    ...(first.origin ? { origin: isOfOwner ? first.origin : { ...first.origin, senderIsOwner: false } } : {})
  }
}
