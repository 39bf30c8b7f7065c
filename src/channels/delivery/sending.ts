/** One try to send one part of a message. */
import { contained } from '../containment.ts'
import type { OutboundMedia, OutboundMessage, RunningAccount, SendOutcome } from '../define-channel.ts'
import { refused } from '../outcome.ts'
import type { OutboundItem } from './item.ts'

const sendLimitMs = 60_000

const mediaOf = ({ media }: OutboundItem): { media?: OutboundMedia } =>
  media ? { media: { kind: media.kind, mimeType: media.mimeType, ...(media.name ? { name: media.name } : {}), data: Buffer.from(media.base64, 'base64') } } : {}

function messageOf (item: OutboundItem, index: number, text: string): OutboundMessage {
  const { chatId, threadId, replyTo, isSilent, id, template } = item
  return {
    key: `${id}:${index}`,
    chatId,
    text,
    ...(threadId === undefined ? {} : { threadId }),
    ...(replyTo === undefined || index > 0 ? {} : { replyTo }),
    ...(isSilent ? { isSilent } : {}),
    ...(template ? { template } : {}),
    ...(index === 0 ? mediaOf(item) : {})
  }
}

/** What stands in the chat already and becomes the first part. Doing so twice does no harm. */
export const replaces = ({ replaces, messageIds, media }: OutboundItem): string | undefined =>
  messageIds.length === 0 && !media ? replaces : undefined

interface Part {
  readonly index: number
  readonly text: string
}

export async function sendPart (running: RunningAccount, item: OutboundItem, part: Part, ending: AbortSignal): Promise<SendOutcome> {
  const message = messageOf(item, part.index, part.text)
  const signal = AbortSignal.any([ending, AbortSignal.timeout(sendLimitMs)])
  const messageId = replaces(item)
  const send = async (): Promise<SendOutcome> => {
    if (messageId === undefined) return await running.send(message, signal)
    return await running.edit?.({ ...message, messageId }, signal) ?? refused('it cannot be changed')
  }
  try {
    const outcome = await contained(() => {}, send)
    return outcome.kind === 'unknown' && messageId !== undefined ? { ...outcome, kind: 'later' } : outcome
  } catch (error) {
    return { kind: messageId === undefined ? 'unknown' : 'later', reason: error instanceof Error ? error.message : String(error) }
  }
}
