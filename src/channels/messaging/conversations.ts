/** Chats of services in which an agent was spoken to: programs find them again, write there and wait for a reply. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { MessagePort, MessageReceipt } from '../../tools/messages/port.ts'
import type { InboundMessage } from '../define-channel.ts'
import type { ChannelAccount } from '../room.ts'

export interface ChannelConversation {
  readonly conversationRef: string
  readonly channel: string
  readonly accountId: string
  readonly kind: 'direct' | 'group' | 'channel'
  readonly target: string
  readonly threadId?: string
  readonly label?: string
  readonly firstSeenAt: number
  readonly lastSeenAt: number
}

export interface Said {
  readonly status: 'sent' | 'queued' | 'unknown'
  readonly conversation: ChannelConversation
  readonly messageIds: readonly string[]
  readonly queueId?: string
  readonly error?: string
}

export interface HeardReply {
  readonly messageId: string
  readonly text: string
  readonly timestamp: number
  readonly replyToId?: string
  readonly threadId?: string
}

export interface Turn {
  readonly agentId: string
  readonly turnId: string
  readonly conversationRef: string
  readonly message: string
  readonly timeoutMs: number
}

export interface Conversations {
  /** The newest first. */
  list (agentId: string, more: { channel?: string, query?: string, limit: number }): readonly ChannelConversation[]
  /** Throws NOT_FOUND for a reference that is none of this agent's. */
  say (agentId: string, conversationRef: string, message: string, key: string, signal: AbortSignal): Promise<Said>
  /** The reply is undefined when none came in time, or somebody gave up waiting. */
  turn (turn: Turn, key: string, signal: AbortSignal): Promise<Said & { readonly reply?: HeardReply }>
  cancel (agentId: string, turnId: string): boolean
  /** A message that was taken in. */
  heard (account: ChannelAccount, message: InboundMessage): void
}

export interface ConversationSources {
  readonly records: () => Iterable<SessionRecord>
  readonly messages: MessagePort
  readonly clock: Clock
}

interface Waiter {
  readonly conversation: ChannelConversation
  /** Known when what was said has arrived. */
  messageIds: readonly string[]
  /** Somebody may answer before the service has told what it calls the message. */
  readonly early: HeardReply[]
  readonly resolve: (reply: HeardReply | undefined) => void
}

const maxWaiting = 100
const maxEarly = 20

const refOf = (agentId: string, ...place: ReadonlyArray<string | undefined>): string =>
  `conv_${createHash('sha256').update(JSON.stringify([agentId, ...place.map(part => part ?? '')])).digest('hex').slice(0, 32)}`

const kindOf = (chatType: string | undefined): ChannelConversation['kind'] => chatType === 'group' || chatType === 'channel' ? chatType : 'direct'

function conversationOf (record: SessionRecord): ChannelConversation | undefined {
  const { agentId, lastChannel: channel, lastTo: target, lastAccountId: accountId = 'default', lastThreadId: threadId, chatType } = record
  if (channel === undefined || target === undefined) return undefined
  const label = record.label ?? record.subject ?? record.displayName
  return {
    conversationRef: refOf(agentId, channel, accountId, target, threadId),
    channel,
    accountId,
    kind: kindOf(chatType),
    target,
    ...(threadId === undefined ? {} : { threadId }),
    ...(label ? { label } : {}),
    firstSeenAt: record.createdAt,
    lastSeenAt: record.lastInteractionAt ?? record.updatedAt
  }
}

const replyOf = ({ messageId, eventId, text, atMs, replyTo, chat }: InboundMessage): HeardReply => ({
  messageId: messageId ?? eventId,
  text,
  timestamp: atMs,
  ...(replyTo ? { replyToId: replyTo.messageId } : {}),
  ...(chat.threadId === undefined ? {} : { threadId: chat.threadId })
})

function isThere (conversation: ChannelConversation, { entry }: ChannelAccount, { chat }: InboundMessage): boolean {
  const { channel, accountId, target, threadId } = conversation
  return entry.channel === channel && entry.accountId === accountId && chat.id === target && chat.threadId === threadId
}

/** Where two talk the next message is the reply; among many it says itself what it answers. */
function hear ({ conversation: { kind }, messageIds, early, resolve }: Waiter, reply: HeardReply): void {
  const { replyToId } = reply
  if (kind === 'direct' || (replyToId !== undefined && messageIds.includes(replyToId))) resolve(reply)
  else if (replyToId !== undefined && messageIds.length === 0 && early.length < maxEarly) early.push(reply)
}

class ConversationRoom implements Conversations {
  readonly #sources: ConversationSources
  readonly #waiting = new Map<string, Waiter>()

  constructor (sources: ConversationSources) {
    this.#sources = sources
  }

  list (agentId: string, { channel, query, limit }: { channel?: string, query?: string, limit: number }): readonly ChannelConversation[] {
    const wanted = query?.toLowerCase()
    const found = new Map<string, ChannelConversation>()
    for (const record of this.#sources.records()) {
      const one = record.agentId === agentId ? conversationOf(record) : undefined
      if (!one || (channel !== undefined && one.channel !== channel)) continue
      if (wanted !== undefined && !`${one.label ?? ''} ${one.target}`.toLowerCase().includes(wanted)) continue
      const known = found.get(one.conversationRef)
      if (!known || known.lastSeenAt < one.lastSeenAt) found.set(one.conversationRef, one)
    }
    return [...found.values()].sort((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, limit)
  }

  async say (agentId: string, conversationRef: string, message: string, key: string, signal: AbortSignal): Promise<Said> {
    const conversation = this.#find(agentId, conversationRef)
    const { channel, accountId, target: to, threadId } = conversation
    const thread = threadId === undefined ? {} : { threadId }
    let receipt: MessageReceipt
    try {
      receipt = await this.#sources.messages.perform({ action: 'send', key, channel, accountId, to, ...thread, text: message }, signal)
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'DELIVERY_FAILED') throw error
      return { status: 'unknown', conversation, messageIds: [], error: error.message }
    }
    const { status, messageIds, queueId } = receipt
    return { status, conversation, messageIds, ...(queueId === undefined ? {} : { queueId }) }
  }

  async turn ({ agentId, turnId, conversationRef, message, timeoutMs }: Turn, key: string, signal: AbortSignal): ReturnType<Conversations['turn']> {
    const name = JSON.stringify([agentId, turnId])
    if (this.#waiting.has(name)) throw new GatewayError('IDEMPOTENCY_CONFLICT', { message: 'this turn is waited for already' })
    if (this.#waiting.size >= maxWaiting) throw new GatewayError('BUSY', { message: `${maxWaiting} turns are waited for` })
    const { promise, resolve } = Promise.withResolvers<HeardReply | undefined>()
    const waiter: Waiter = { conversation: this.#find(agentId, conversationRef), messageIds: [], early: [], resolve }
    this.#waiting.set(name, waiter)
    const cancel = this.#sources.clock.after(timeoutMs, () => resolve(undefined))
    const leave = (): void => resolve(undefined)
    signal.addEventListener('abort', leave)
    try {
      const said = await this.say(agentId, conversationRef, message, key, signal)
      if (said.status !== 'sent') return said
      waiter.messageIds = said.messageIds
      for (const reply of waiter.early) hear(waiter, reply)
      const reply = await promise
      return { ...said, ...(reply ? { reply } : {}) }
    } finally {
      cancel()
      signal.removeEventListener('abort', leave)
      this.#waiting.delete(name)
    }
  }

  cancel (agentId: string, turnId: string): boolean {
    const waiter = this.#waiting.get(JSON.stringify([agentId, turnId]))
    waiter?.resolve(undefined)
    return waiter !== undefined
  }

  heard (account: ChannelAccount, message: InboundMessage): void {
    for (const waiter of this.#waiting.values()) if (isThere(waiter.conversation, account, message)) hear(waiter, replyOf(message))
  }

  #find (agentId: string, conversationRef: string): ChannelConversation {
    const found = this.list(agentId, { limit: Infinity }).find(one => one.conversationRef === conversationRef)
    if (!found) throw new GatewayError('NOT_FOUND', { message: 'no conversation of this agent has this reference: conversations.list' })
    return found
  }
}

export const createConversations = (sources: ConversationSources): Conversations => new ConversationRoom(sources)
