/** What people, programs and agents ask to be sent, changed and taken back, beside the replies of runs. */
import type { LoadedConfig } from '../../config/load.ts'
import { leftUntil, type Clock } from '../../lib/clock.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { MessageFile, MessageOrder, MessagePlace, MessagePort, MessageReceipt } from '../../tools/messages/port.ts'
import { contained } from '../containment.ts'
import type { OutboundMedia, RunningAccount, SendOutcome } from '../define-channel.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { maxTextChars, type NewItem } from '../delivery/item.ts'
import type { AccountStatus, ChannelAccount, Channels } from '../room.ts'
import { placeOf, type Found } from './address.ts'
import type { FileFetch } from './files.ts'
import type { Receipts } from './receipts.ts'

export interface MessagingOptions {
  readonly channels: Channels
  readonly delivery: Pick<Delivery, 'enqueue' | 'settled' | 'list' | 'discard'>
  readonly receipts: Receipts
  readonly config: () => LoadedConfig
  readonly clock: Clock
  readonly fetch: FileFetch
}

/** Less than programs wait for an answer: who hears `queued` in time does not send it again. */
const defaultWaitMs = 8_000
const longestWaitMs = 300_000
const actionLimitMs = 30_000
const maxFiles = 10
const maxFileBytes = 50 * 1024 * 1024

const kindOf = (mimeType: string): OutboundMedia['kind'] => {
  const [kind] = mimeType.split('/')
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file'
}

const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

/** Which function of an account carries an action out. */
const abilities = { edit: 'edit', delete: 'remove', react: 'react', poll: 'poll' } as const satisfies { [action: string]: keyof RunningAccount }

/** What an account can do; undefined while nobody knows because it does not run. */
export function abilitiesOf (running: RunningAccount | undefined): readonly MessageOrder['action'][] | undefined {
  if (!running) return undefined
  return ['send', ...(Object.keys(abilities) as (keyof typeof abilities)[]).filter(action => running[abilities[action]] !== undefined)]
}

/** What an order lacks, whatever the channel. */
function refuseIncomplete ({ action, text = '', files = [], mediaUrls = [], messageId, emoji, poll, template }: MessageOrder): void {
  if (text.length > maxTextChars) throw invalid(`a message has at most ${maxTextChars} characters`)
  const count = files.length + mediaUrls.length
  if (template && (text.trim() !== '' || count > 0)) throw invalid('a template says its own text: what stands in its places are templateParams')
  if (action === 'send' && text.trim() === '' && count === 0 && !template) throw invalid('a message needs a text or a file')
  if (count > maxFiles) throw invalid(`a message has at most ${maxFiles} files`)
  if (action === 'edit' && text.trim() === '') throw invalid('message is required: the text as it is to read')
  if (action !== 'send' && action !== 'poll' && !messageId) throw invalid('messageId is required')
  if (action === 'react' && emoji === undefined) throw invalid('emoji is required')
  if (action !== 'poll') return
  if (!poll || poll.question.trim() === '') throw invalid('pollQuestion is required')
  if (poll.options.length < 2 || poll.options.length > 12) throw invalid('a poll has 2 to 12 options')
}

/** It starts, comes back by itself, or waits for its first start behind others. */
function willRun ({ enabled, manuallyStopped, lifecycle, lastStartAt }: AccountStatus['facts']): boolean {
  if (!enabled || manuallyStopped) return false
  return lifecycle === 'starting' || lifecycle === 'recovering' || lifecycle === 'ready' || (lifecycle === 'stopped' && lastStartAt === undefined)
}

class Messaging implements MessagePort {
  readonly #options: MessagingOptions

  constructor (options: MessagingOptions) {
    this.#options = options
  }

  async check (order: MessageOrder): Promise<MessagePlace> {
    const found = await this.#understand(order)
    this.#refuseUnable(order, found)
    return found.place
  }

  async perform (order: MessageOrder, signal: AbortSignal): Promise<MessageReceipt> {
    const found = await this.#understand(order)
    const { place, account } = found
    const { delivery, receipts } = this.#options
    const { waitMs: _waitMs, key, files = [], ...words } = order
    const isWaiting = (): boolean => delivery.list().some(({ id, state }) => state === 'queued' && (id === key || id.startsWith(`${key}:`)))
    const named = { ...words, ...place, files: files.map(({ name, data }) => [name, data.length]) }
    // What was done before is told also when it could not be done now.
    return await receipts.once(key, named, isWaiting, async () => {
      this.#refuseUnable(order, found)
      return order.action === 'send' ? await this.#send(order, place, account, signal) : await this.#act(order, place, account)
    })
  }

  async #understand (order: MessageOrder): Promise<Found> {
    refuseIncomplete(order)
    const { channels, config } = this.#options
    return await placeOf(order, channels, config().config)
  }

  #refuseUnable ({ action, template }: MessageOrder, { account, place }: Found): void {
    const running = account.current()
    if (template && !account.channel.sendsTemplates) throw new GatewayError('CHANNEL_UNABLE', { message: `Templates are not supported on ${place.channel}.` })
    if (!running) return this.#refuseAtRest(place)
    if (action === 'send' || running[abilities[action]] !== undefined) return
    throw new GatewayError('CHANNEL_UNABLE', { message: `Action "${action}" is not supported on ${place.channel}.` })
  }

  /** What does not run and will not by itself soon keeps nobody waiting. */
  #refuseAtRest ({ channel, accountId }: MessagePlace): void {
    const row = this.#options.channels.status().find(({ entry }) => entry.channel === channel && entry.accountId === accountId)
    const facts = row?.facts
    if (facts && willRun(facts)) return
    const why = facts?.manuallyStopped ? 'it was stopped by hand' : facts?.enabled === false ? 'it is switched off' : facts?.lastError ?? 'it has ended'
    throw new GatewayError('CHANNEL_NOT_RUNNING', { message: `account ${accountId} of ${channel} does not run: ${why}`, details: { channel, accountId } })
  }

  /** Until the account runs: its start may take a moment. */
  async #running (account: ChannelAccount, place: MessagePlace, waitMs: number): Promise<RunningAccount> {
    const untilMs = this.#options.clock.now() + waitMs
    for (;;) {
      const running = account.current()
      if (running) return running
      this.#refuseAtRest(place)
      if (leftUntil(untilMs, waitMs, this.#options.clock.now()) === 0) {
        throw new GatewayError('CHANNEL_NOT_RUNNING', { message: `account ${place.accountId} of ${place.channel} is still starting` })
      }
      await this.#pause(200)
    }
  }

  async #pause (ms: number): Promise<void> {
    await new Promise<void>(resolve => { this.#options.clock.after(ms, resolve) })
  }

  async #filesOf (order: MessageOrder, { channel }: ChannelAccount, signal: AbortSignal): Promise<readonly MessageFile[]> {
    const { files = [], mediaUrls = [] } = order
    const limit = Math.min(channel.limits.mediaBytes ?? maxFileBytes, maxFileBytes)
    if (limit === 0 && files.length + mediaUrls.length > 0) throw new GatewayError('CHANNEL_UNABLE', { message: `${channel.label} takes texts, and no files` })
    const all = [...files]
    for (const url of mediaUrls) all.push(await this.#options.fetch(url, limit, signal))
    const large = all.find(({ data }) => data.length > limit)
    if (large) throw new GatewayError('PAYLOAD_TOO_LARGE', { message: `a file for ${channel.label} has at most ${limit} bytes`, details: { limitBytes: limit } })
    return all
  }

  async #send (order: MessageOrder, place: MessagePlace, account: ChannelAccount, signal: AbortSignal): Promise<MessageReceipt> {
    const { delivery } = this.#options
    const { key, text = '', replyTo, isSilent, template } = order
    const files = await this.#filesOf(order, account, signal)
    const common = {
      channel: place.channel,
      accountId: place.accountId,
      chatId: place.to,
      ...(place.threadId === undefined ? {} : { threadId: place.threadId }),
      ...(isSilent ? { isSilent } : {})
    }
    const items: NewItem[] = (files.length === 0 ? [undefined] : files).map((file, index) => ({
      ...common,
      id: index === 0 ? key : `${key}:${index}`,
      text: index > 0 ? '' : template ? `[template ${template.name}]` : text,
      ...(template ? { template } : {}),
      ...(replyTo === undefined || index > 0 ? {} : { replyTo }),
      ...(file ? { media: mediaOf(file, order.asDocument) } : {})
    }))
    for (const item of items) await delivery.enqueue(item)
    return await this.#arrived(items.map(({ id }) => id), place, order.waitMs)
  }

  async #arrived (ids: readonly string[], place: MessagePlace, waitMs = defaultWaitMs): Promise<MessageReceipt> {
    const { delivery, clock } = this.#options
    const { promise: late, resolve } = Promise.withResolvers<undefined>()
    const cancel = clock.after(Math.min(waitMs, longestWaitMs), () => resolve(undefined))
    try {
      const all = Promise.all(ids.map(async id => await delivery.settled(id)))
      const arrived = await Promise.race([all, late])
      if (!arrived) return { ...place, status: 'queued', messageIds: [], queueId: ids[0]! }
      return { ...place, status: 'sent', messageIds: arrived.flatMap(({ messageIds }) => messageIds) }
    } catch (error) {
      // Whoever asked hears of it now; only what nobody knows the end of stays for somebody to look at.
      const dead = delivery.list().filter(({ id, state }) => state === 'dead' && ids.includes(id))
      for (const { id } of dead) await delivery.discard(id)
      throw dead.length > 0 && isGatewayError(error) ? new GatewayError('DELIVERY_REFUSED', { message: error.message, details: { state: 'dead' } }) : error
    } finally {
      cancel()
    }
  }

  async #act (order: MessageOrder, place: MessagePlace, account: ChannelAccount): Promise<MessageReceipt> {
    const running = await this.#running(account, place, Math.min(order.waitMs ?? defaultWaitMs, defaultWaitMs))
    const outcome = await contained(() => {}, async () => await carryOut(order, place, running)).catch((error: unknown): SendOutcome =>
      ({ kind: 'unknown', reason: error instanceof Error ? error.message : String(error) }))
    return receiptOf(outcome, place)
  }
}

const mediaOf = ({ data, mimeType, name }: MessageFile, asDocument = false): NonNullable<NewItem['media']> =>
  ({ kind: asDocument ? 'file' : kindOf(mimeType), mimeType, ...(name === undefined ? {} : { name }), base64: Buffer.from(data).toString('base64') })

async function carryOut (order: MessageOrder, place: MessagePlace, running: RunningAccount): Promise<SendOutcome> {
  const { action, key, text = '', messageId = '', emoji = '', poll, isSilent } = order
  const { to: chatId, threadId } = place
  const signal = AbortSignal.timeout(actionLimitMs)
  const where = { chatId, ...(threadId === undefined ? {} : { threadId }) }
  switch (action) {
    case 'edit': return await running.edit!({ ...where, key, text, messageId }, signal)
    case 'delete': return await running.remove!(chatId, messageId, signal)
    case 'react': return await running.react!(chatId, messageId, emoji, signal)
    case 'poll': return await running.poll!({ ...where, key, ...poll!, ...(isSilent ? { isSilent } : {}) }, signal)
    case 'send': throw new Error('messages go through the queue')
  }
}

function receiptOf (outcome: SendOutcome, place: MessagePlace): MessageReceipt {
  if (outcome.kind === 'sent') return { ...place, status: 'sent', messageIds: [outcome.messageId] }
  const { kind, reason } = outcome
  if (kind === 'later') {
    throw new GatewayError('BUSY', { message: `${place.channel} asks to wait: ${reason}`, retryAfterMs: outcome.retryAfterMs ?? 1000 })
  }
  if (kind === 'refused') throw new GatewayError('DELIVERY_REFUSED', { message: `${place.channel} refused: ${reason}`, details: { state: kind } })
  throw new GatewayError('DELIVERY_FAILED', { message: `nobody knows whether it was done: ${reason}`, details: { state: kind } })
}

export const createMessaging = (options: MessagingOptions): MessagePort => new Messaging(options)
