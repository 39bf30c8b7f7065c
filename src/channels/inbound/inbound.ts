/** Messages on their way in: who may speak, to which agent, in which words. Durable before the service hears that we have them. */
import { createHash } from 'node:crypto'
import type { LoadedConfig } from '../../config/load.ts'
import type { Clock } from '../../lib/clock.ts'
import { createLanes } from '../../lib/one-at-a-time.ts'
import type { Logger } from '../../log/logger.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { cutText } from '../../tools/guards/untrusted.ts'
import type { Hear } from '../../tools/media/hearing.ts'
import { contained } from '../containment.ts'
import type { Chat, InboundMessage, Person } from '../define-channel.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { defaultAccountOf } from '../entries.ts'
import type { ChannelAccount, Receive } from '../room.ts'
import { accessOf } from './access.ts'
import { fetchAttachments, type Brought } from './attachments.ts'
import { createHandOver, type InboundRequest, type InboundRuns } from './hand-over.ts'
import { mayOrder, questionOf, type Order, type Question } from './orders.ts'
import { createOverheard } from './overheard.ts'
import type { AccessRequest, ChannelPairing } from './pairing.ts'
import { pairingText } from './pairing-text.ts'
import { routeOf, type Route } from './routing.ts'
import { nameOf, wordsOf } from './words.ts'

export interface InboundOptions {
  readonly config: () => LoadedConfig
  readonly clock: Clock
  readonly log: Logger
  readonly delivery: Pick<Delivery, 'prepare' | 'enqueue'>
  readonly pairing: Pick<ChannelPairing, 'isApproved' | 'ask'>
  readonly runs: InboundRuns
  readonly orderOf: (text: string) => Order | undefined
  /** What is told to whoever asks by an order. */
  readonly answerTo: (question: Question, asked: Asked) => Promise<string>
  /** What is said in voice messages; absent: nobody listens. */
  readonly hear?: Hear
  /** Keeps a file where the agent of this conversation can read it. */
  readonly keepFile: (place: Pick<Route, 'agentId' | 'sessionKey'>, name: string, bytes: Buffer) => Promise<{ readonly path: string }>
}

export interface Asked extends Pick<Route, 'agentId' | 'sessionKey'> {
  readonly sender: Person
  readonly chat: Chat
  readonly isOwner: boolean
}

export interface Inbound {
  readonly receive: Receive
  /** Nothing more is taken in; resolves when what is being taken in is, or has to be brought again. */
  stop (): Promise<void>
}

const maxKeyChars = 300
/** What no service has in one message. */
const maxTextChars = 100_000
const defaultMediaBytes = 20 * 1024 * 1024
const reactionLimitMs = 10_000
const maxQuietMs = 60_000
/** For what is being taken in when the gateway stops. */
const lastIntakeMs = 1_000

/** Of the run, and of everything that is said about the message. */
function keyOf ({ entry: { channel, accountId } }: ChannelAccount, { eventId }: InboundMessage): string {
  const id = eventId.length > maxKeyChars ? createHash('sha256').update(eventId).digest('base64url') : eventId
  return `${channel}:${accountId}:${id}`
}

const chatKeyOf = ({ entry }: ChannelAccount, { chat }: InboundMessage): string =>
  JSON.stringify([entry.channel, entry.accountId, chat.id, chat.threadId ?? ''])

/** Code that is not ours may say anything. */
function refuseMalformed ({ eventId, chat, sender, text }: InboundMessage): void {
  const isId = (id: unknown): boolean => typeof id === 'string' && id !== '' && id.length <= 4096
  if (!isId(eventId) || !isId(chat?.id) || !isId(sender?.id) || typeof text !== 'string') {
    throw new TypeError('a message needs eventId, chat.id, sender.id and text')
  }
}

class InboundRoom implements Inbound {
  readonly #options: InboundOptions
  readonly #overheard = createOverheard()
  readonly #handOver: ReturnType<typeof createHandOver>
  /** What is said in one chat stays in order, whatever the channel does at the same time. */
  readonly #inTurn = createLanes()
  readonly #busy = new Set<Promise<void>>()
  #isStopped = false

  constructor (options: InboundOptions) {
    this.#options = options
    this.#handOver = createHandOver({ ...options, isStopped: () => this.#isStopped })
  }

  readonly receive: Receive = async (account, message) => {
    if (this.#isStopped) throw new GatewayError('STOPPING')
    refuseMalformed(message)
    const work = this.#inTurn(chatKeyOf(account, message), async () => await this.#take(account, message))
    this.#busy.add(work)
    try {
      await work
    } finally {
      this.#busy.delete(work)
    }
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(lastIntakeMs, resolve)
    await Promise.race([Promise.allSettled(this.#busy), late])
    cancel()
  }

  async #take (account: ChannelAccount, message: InboundMessage): Promise<void> {
    const { pairing, config, log } = this.#options
    const { entry, channel } = account
    const { chat, sender } = message
    const approved = chat.kind === 'direct' && await pairing.isApproved(entry, sender.id)
    const rules = channel.groupRules && await contained(() => {}, async () => channel.groupRules!(entry.config, message))
    const access = accessOf(entry, message, config().config, approved, rules)
    if (access.kind === 'ignored') log.debug({ channel: entry.channel, accountId: entry.accountId, because: access.because }, 'a message is not answered')
    else if (access.kind === 'overheard') this.#overhear(account, message)
    else if (access.kind === 'stranger') await this.#askIn(account, message)
    else if (message.isEdit && !this.#isNewByEdit(account, message)) this.#noteEdit(account, message)
    else await this.#answer(account, message, { isOwner: access.isOwner, isNamed: approved })
  }

  /** Nobody had answered it before it was changed so that it speaks to the agent. */
  #isNewByEdit (account: ChannelAccount, message: InboundMessage): boolean {
    return message.chat.kind !== 'direct' && this.#overheard.take(chatKeyOf(account, message), message.messageId ?? '')
  }

  /** A message is answered once: how it reads now is told with the next one. */
  #noteEdit (account: ChannelAccount, message: InboundMessage): void {
    const heard = { sender: `${nameOf(message.sender)} (changed an earlier message)`, text: message.text }
    this.#overheard.add(chatKeyOf(account, message), heard, this.#historyLimit(account))
  }

  #overhear (account: ChannelAccount, message: InboundMessage): void {
    const { messageId, text, sender, attachments = [] } = message
    const chat = chatKeyOf(account, message)
    if (message.isEdit && this.#overheard.change(chat, messageId ?? '', text)) return
    const attached = attachments.length === 0 ? '' : ` [${attachments.map(({ kind }) => kind).join(', ')}]`
    const heard = { sender: nameOf(sender), text: text + attached, ...(messageId === undefined ? {} : { messageId }) }
    this.#overheard.add(chat, heard, this.#historyLimit(account))
  }

  #historyLimit ({ entry }: ChannelAccount): number {
    const { historyLimit } = entry.config
    return Math.min(500, typeof historyLimit === 'number' ? historyLimit : this.#options.config().config.messages.groupChat.historyLimit)
  }

  async #askIn (account: ChannelAccount, { sender, chat }: InboundMessage): Promise<void> {
    const { pairing, delivery } = this.#options
    const { entry, channel } = account
    let committed = (): void => {}
    await pairing.ask(entry, sender, chat.id, (request: AccessRequest) => {
      const { channel: id, accountId } = entry
      const item = delivery.prepare({
        id: `pairing:${request.requestId}`, channel: id, accountId, chatId: chat.id, text: pairingText(channel.label, entry, request)
      })
      committed = () => item.committed()
      return item.ops
    })
    committed()
  }

  async #answer (account: ChannelAccount, message: InboundMessage, who: { isOwner: boolean, isNamed: boolean }): Promise<void> {
    const { config, runs, answerTo } = this.#options
    const { entry } = account
    const { text } = message
    const loaded = config().config
    const isDefaultAccount = defaultAccountOf(loaded, entry.channel) === entry.accountId
    const route = routeOf(message, { channel: entry.channel, accountId: entry.accountId, isDefaultAccount }, loaded)
    const order = mayOrder(entry, message, loaded, who) ? this.#orderIn(message) : undefined
    if (order?.kind === 'question') return await this.#say(account, message, await answerTo(order.question, { ...message, ...route, ...who }))
    if (order?.kind === 'stop') {
      const stopped = await runs.stop(route.sessionKey)
      return await this.#say(account, message, stopped ? 'Stopped.' : 'There is nothing to stop.')
    }
    const said = cutText(order ? order.rest : text, maxTextChars)
    const brought = await this.#fetch(account, message, route)
    const chatKey = chatKeyOf(account, message)
    const heard = order ? [] : this.#overheard.of(chatKey)
    const words = wordsOf({ channel: account.channel.label, message, text: said, heard, notes: brought.notes })
    const isEmpty = said.trim() === '' && brought.notes.length === 0 && brought.images.length === 0
    // The agent was named and nothing else: what was said before may be what is meant.
    if (isEmpty && !order && heard.length === 0 && message.replyTo === undefined) return
    const isBareOrder = isEmpty && order !== undefined
    await this.#handOver({
      ...this.#requestOf(account, message, route, who.isOwner),
      message: isBareOrder ? '' : words,
      ...(order ? { anew: order.trigger.replace(/^\//, '') } : this.#quietOf(account, message)),
      ...(brought.images.length > 0 ? { images: brought.images } : {})
    })
    this.#overheard.forget(chatKey)
    if (isBareOrder) await this.#say(account, message, 'The conversation begins anew.')
    else this.#acknowledge(account, message)
  }

  /** In a group the agent may be named before it. */
  #orderIn ({ chat, text, isMention }: InboundMessage): Order | undefined {
    const words = chat.kind !== 'direct' && isMention === true ? text.replace(/^\s*@\S{1,64}\s+(?=\/)/, '') : text
    return this.#options.orderOf(words) ?? questionOf(words)
  }

  /** What is said in several messages is one to the agent; whoever sends a file has said what there is to say. */
  #quietOf ({ entry }: ChannelAccount, { attachments = [], isEdit = false }: InboundMessage): { quietMs?: number } {
    const { debounceMs = 0, byChannel } = this.#options.config().config.messages.inbound
    const own = (byChannel as { readonly [channel: string]: unknown })[entry.channel]
    const quietMs = Math.min(maxQuietMs, typeof own === 'number' && own >= 0 ? own : debounceMs)
    return quietMs > 0 ? { quietMs: attachments.length > 0 || isEdit ? 0 : quietMs } : {}
  }

  #requestOf (account: ChannelAccount, message: InboundMessage, { agentId, sessionKey }: Route, isOwner: boolean): Omit<InboundRequest, 'message'> {
    const { entry: { channel, accountId } } = account
    const { chat, sender, messageId } = message
    const place = { channel, accountId, to: chat.id, ...(chat.threadId === undefined ? {} : { threadId: chat.threadId }) }
    return {
      caller: { principal: `channel:${channel}:${accountId}` },
      via: 'channel',
      idempotencyKey: keyOf(account, message),
      agentId,
      sessionKey,
      deliver: { ...place, ...(messageId === undefined ? {} : { messageId }) },
      origin: {
        source: 'channel',
        ...place,
        ...(messageId === undefined ? {} : { messageId }),
        chatType: chat.kind,
        ...(chat.title === undefined ? {} : { chatTitle: chat.title.slice(0, 200) }),
        sender: nameOf(sender),
        senderId: sender.id,
        senderIsOwner: isOwner
      }
    }
  }

  async #fetch ({ entry }: ChannelAccount, { attachments = [] }: InboundMessage, route: Route): Promise<Brought> {
    const { config, log, keepFile, hear } = this.#options
    const mb = entry.config.mediaMaxMb ?? config().config.agents.defaults.mediaMaxMb
    return await fetchAttachments(attachments, {
      limitBytes: typeof mb === 'number' ? mb * 1024 * 1024 : defaultMediaBytes,
      keep: async (name, bytes) => await keepFile(route, name, bytes),
      ...(hear ? { hear } : {}),
      warn: (err, name) => log.warn({ err, name, channel: entry.channel }, 'an attachment could not be had')
    })
  }

  /** Beside the conversation. */
  async #say (account: ChannelAccount, message: InboundMessage, text: string): Promise<void> {
    const { entry: { channel, accountId } } = account
    const { chat: { id: chatId, threadId } } = message
    const thread = threadId === undefined ? {} : { threadId }
    await this.#options.delivery.enqueue({ id: `order:${keyOf(account, message)}`, channel, accountId, chatId, ...thread, text })
  }

  /** That it was taken up, by a reaction. Nothing depends on it. */
  #acknowledge (account: ChannelAccount, { chat, messageId, isMention }: InboundMessage): void {
    const { config, log } = this.#options
    const { ackReaction = '👀', ackReactionScope: scope } = config().config.messages
    const running = account.current()
    const ofGroup = scope === 'group-all' || (scope === 'group-mentions' && isMention === true)
    const wanted = scope === 'all' || (chat.kind === 'direct' ? scope === 'direct' : ofGroup)
    if (!wanted || ackReaction === '' || messageId === undefined || !running?.react) return
    contained(() => {}, async () => await running.react!(chat.id, messageId, ackReaction, AbortSignal.timeout(reactionLimitMs)))
      .catch(err => log.debug({ err }, 'a message could not be reacted to'))
  }
}

export const createInbound = (options: InboundOptions): Inbound => new InboundRoom(options)
