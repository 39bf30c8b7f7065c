/**
 * Messages on their way out: durable, in order for each chat, tried again where that is safe. What is known to have arrived is never
 * sent again, and what is not known is left to a person, or to the policy of the channel.
 */
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../log/logger.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Collection, StoreOp } from '../../store/store.ts'
import type { SendOutcome } from '../define-channel.ts'
import type { ChannelAccount } from '../room.ts'
import { chunksOf } from './chunks.ts'
import { maxTextChars, type NewItem, type OutboundItem } from './item.ts'
import { laneOf, type Lane } from './lane.ts'
import { isRepeatable, marked, unmarked } from './repeat.ts'
import { replaces, sendPart } from './sending.ts'

export interface DeliveryOptions {
  readonly collection: Collection<OutboundItem>
  readonly clock: Clock
  readonly log: Logger
  readonly find: (channel: string, accountId: string) => ChannelAccount | undefined
  /** Known before an account is there to be found. */
  readonly settingsOf: (channel: string, accountId: string) => { readonly [key: string]: unknown } | undefined
  readonly random: () => number
  /** What is older than this after a restart is parked. */
  readonly maxAgeMs: () => number
}

export type Delivered = { readonly messageIds: readonly string[] }

export interface Delivery {
  /** Takes up what an earlier process left. */
  open (): Promise<void>
  /** The operations that put it into the queue, for a commit of somebody else; `committed` begins to send it. */
  prepare (item: NewItem): { readonly ops: StoreOp[], committed (): void }
  /** Durable when it resolves. The same id is the same message. */
  enqueue (item: NewItem): Promise<void>
  /** Resolves when every part has arrived, rejects when a person has to look at it. */
  settled (id: string): Promise<Delivered>
  list (): readonly OutboundItem[]
  /** Sends a parked or dead one again. False: there is none of this id. */
  retry (id: string): Promise<boolean>
  discard (id: string): Promise<boolean>
  close (): Promise<void>
}

export const maxAttempts = 8
/** A service that cannot be reached comes back, mostly: so long, and not longer than messages may be old, nothing is given up. */
const patienceMs = 60 * 60_000
const firstWaitMs = 400
const longestWaitMs = 30_000
/** While the account of a message does not run. */
const accountWaitMs = 2_000
/** What is being sent when the gateway stops may come to its end, so that its outcome is known. */
const lastSendsMs = 3_000
const maxQueued = 5_000
/** Files lie in memory as long as they wait. */
const maxQueuedChars = 256 * 1024 * 1024
/** Refused for good, and told so in the log: the oldest make room. */
const maxDead = 1_000
/** Remembered after they arrived, so that the same id is not sent again in this process. */
const maxRemembered = 2_000

class DeliveryRoom implements Delivery {
  readonly #options: DeliveryOptions
  readonly #items = new Map<string, OutboundItem>()
  readonly #lanes = new Map<string, Lane>()
  readonly #arrived = new Map<string, Delivered>()
  readonly #waiters = new Map<string, PromiseWithResolvers<Delivered>>()
  readonly #ending = new AbortController()
  readonly #busy = new Set<Promise<void>>()
  #isClosing = false

  constructor (options: DeliveryOptions) {
    this.#options = options
  }

  async open (): Promise<void> {
    const { collection, clock, maxAgeMs, log } = this.#options
    const entries = (await collection.all()).map(({ value }) => value).sort((a, b) => a.createdAtMs - b.createdAtMs)
    for (const entry of entries) {
      if (this.#items.has(entry.id)) continue
      const item = entry.isSending ? { ...entry, attempts: entry.attempts + 1 } : entry
      if (item.state !== 'queued') this.#items.set(item.id, item)
      else if (item.isSending && replaces(item) === undefined && !isRepeatable(item, clock.now())) await this.#interrupted(item)
      else if (clock.now() - item.createdAtMs > maxAgeMs()) await this.#shelve(item, 'parked', 'it was too old when the gateway started')
      else this.#queue(item)
    }
    const parked = [...this.#items.values()].filter(({ state }) => state !== 'queued').length
    if (parked > 0) log.warn({ parked }, 'messages wait for somebody to look at them')
  }

  prepare (wanted: NewItem): ReturnType<Delivery['prepare']> {
    const item = this.#make(wanted)
    return {
      ops: [{ op: 'put', collection: 'outbound', key: item.id, value: item }],
      committed: () => { if (!this.#items.has(item.id)) this.#queue(item) }
    }
  }

  async enqueue (wanted: NewItem): Promise<void> {
    if (this.#items.has(wanted.id) || this.#arrived.has(wanted.id)) return
    this.#refuseWhenFull(wanted)
    const item = this.#make(wanted)
    // Taken before it is durable, so that the same id does not come in twice meanwhile.
    this.#items.set(item.id, item)
    try {
      await this.#options.collection.put(item.id, item)
    } catch (error) {
      this.#items.delete(item.id)
      throw error
    }
    this.#queue(item)
  }

  #refuseWhenFull ({ media }: NewItem): void {
    const waiting = [...this.#items.values()].filter(({ state }) => state !== 'dead')
    const chars = media ? waiting.reduce((sum, item) => sum + (item.media?.base64.length ?? 0), media.base64.length) : 0
    if (waiting.length < maxQueued && chars <= maxQueuedChars) return
    throw new GatewayError('BUSY', { message: `${waiting.length} messages wait to be delivered`, retryAfterMs: 10_000 })
  }

  async settled (id: string): Promise<Delivered> {
    const arrived = this.#arrived.get(id)
    if (arrived) return arrived
    const item = this.#items.get(id)
    if (!item) throw new GatewayError('NOT_FOUND', { message: 'there is no such message' })
    if (item.state !== 'queued') throw this.#failure(item)
    const waiter = this.#waiters.get(id) ?? Promise.withResolvers<Delivered>()
    this.#waiters.set(id, waiter)
    waiter.promise.catch(() => {})
    return await waiter.promise
  }

  list (): readonly OutboundItem[] {
    return [...this.#items.values()]
  }

  async retry (id: string): Promise<boolean> {
    const item = this.#items.get(id)
    if (!item || item.state === 'queued') return false
    const { reason: _reason, ...rest } = unmarked(item)
    const queued: OutboundItem = { ...rest, state: 'queued', attempts: 0, createdAtMs: this.#options.clock.now() }
    await this.#options.collection.put(id, queued)
    this.#queue(queued)
    return true
  }

  async discard (id: string): Promise<boolean> {
    const item = this.#items.get(id)
    if (!item || item.state === 'queued') return false
    await this.#options.collection.delete(id)
    this.#items.delete(id)
    return true
  }

  async close (): Promise<void> {
    this.#isClosing = true
    for (const lane of this.#lanes.values()) lane.cancel?.()
    const cancel = this.#options.clock.after(lastSendsMs, () => this.#ending.abort(new Error('the gateway stops')))
    await Promise.all(this.#busy)
    cancel()
  }

  #make (item: NewItem): OutboundItem {
    return { ...item, text: item.text.slice(0, maxTextChars), createdAtMs: this.#options.clock.now(), state: 'queued', messageIds: [], attempts: 0 }
  }

  #failure ({ reason, state }: OutboundItem): GatewayError {
    return new GatewayError('DELIVERY_FAILED', { message: `the message was not delivered: ${reason ?? state}`, details: { state } })
  }

  #queue (item: OutboundItem): void {
    this.#items.set(item.id, item)
    const name = laneOf(item)
    const lane = this.#lanes.get(name) ?? { items: [], isBusy: false }
    this.#lanes.set(name, lane)
    lane.items.push(item)
    this.#go(name, lane)
  }

  /** One message of a chat at a time: the next one waits until it is known what became of it. */
  #go (name: string, lane: Lane): void {
    if (lane.isBusy || lane.cancel || this.#isClosing) return
    const item = lane.items[0]
    if (!item) {
      this.#lanes.delete(name)
      return
    }
    lane.isBusy = true
    const work = this.#deliver(item)
      .catch((err: unknown) => {
        this.#options.log.warn({ err, id: item.id }, 'a message on its way out could not be looked after')
        return accountWaitMs
      })
      .then(waitMs => {
        lane.isBusy = false
        if (waitMs === undefined) lane.items.shift()
        else if (!this.#isClosing) {
          lane.items[0] = this.#items.get(item.id) ?? item
          lane.cancel = this.#options.clock.after(waitMs, () => {
            lane.cancel = undefined
            this.#go(name, lane)
          })
        }
        this.#go(name, lane)
      })
      .finally(() => this.#busy.delete(work))
    this.#busy.add(work)
  }

  /** How long to wait before it is tried again; undefined when nothing more is to be done about it. */
  async #deliver (first: OutboundItem): Promise<number | undefined> {
    const { collection, clock, find } = this.#options
    let item = first
    const account = find(item.channel, item.accountId)
    const running = account?.current()
    if (!account || !running) return accountWaitMs
    const parts = chunksOf(item.text, account.channel.limits)
    const count = Math.max(parts.length, item.media ? 1 : 0)
    while (item.messageIds.length < count) {
      if (this.#isClosing) return accountWaitMs
      const index = item.messageIds.length
      const isLate = item.repeatUntilMs !== undefined && !isRepeatable(item, clock.now())
      if (isLate && !this.#mayRepeat(item)) return await this.#unknown(item, 'an earlier try may have arrived')
      const before = isLate ? unmarked(item) : item
      item = marked(before, account.channel, clock.now())
      await collection.put(item.id, item)
      const outcome = await sendPart(account.current() ?? running, item, { index, text: parts[index] ?? '' }, this.#ending.signal)
      item = { ...unmarked(item, outcome.kind === 'sent' ? undefined : before.repeatUntilMs), attempts: item.attempts + 1 }
      if (outcome.kind === 'sent') {
        item = { ...item, messageIds: [...item.messageIds, outcome.messageId], attempts: 0 }
        account.sent()
        this.#items.set(item.id, item)
        if (item.messageIds.length < count) await collection.put(item.id, item)
        continue
      }
      if (outcome.kind === 'refused' && replaces(item) !== undefined) {
        // Somebody has taken it away, or it cannot be changed any more.
        const { replaces: _replaces, ...fresh } = item
        item = fresh
        continue
      }
      return await this.#notSent(item, outcome)
    }
    await collection.delete(item.id)
    this.#items.delete(item.id)
    this.#remember(item.id, { messageIds: item.messageIds })
    return undefined
  }

  async #notSent (item: OutboundItem, outcome: Exclude<SendOutcome, { kind: 'sent' }>): Promise<number | undefined> {
    if (outcome.kind === 'refused') return await this.#shelve(item, 'dead', outcome.reason)
    if (outcome.kind === 'unknown') return await this.#unknown(item, outcome.reason)
    const { attempts } = item
    const isOld = this.#options.clock.now() - item.createdAtMs >= Math.min(patienceMs, this.#options.maxAgeMs())
    if (attempts >= maxAttempts && isOld) return await this.#shelve(item, 'dead', `${attempts} tries: ${outcome.reason}`)
    const later = { ...item, reason: outcome.reason }
    await this.#options.collection.put(item.id, later)
    this.#items.set(item.id, later)
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(attempts - 1, 20)) * (0.9 + 0.2 * this.#options.random())
    return Math.round(Math.max(waitMs, outcome.retryAfterMs ?? 0))
  }

  #mayRepeat ({ channel, accountId, attempts }: OutboundItem): boolean {
    return attempts < maxAttempts && this.#options.settingsOf(channel, accountId)?.unknownOutcome === 'retry'
  }

  /** An earlier process was about to send it. */
  async #interrupted (item: OutboundItem): Promise<void> {
    if (this.#mayRepeat(item)) this.#queue(unmarked(item))
    else await this.#unknown(item, 'the gateway ended while it was being sent')
  }

  async #unknown (item: OutboundItem, reason: string): Promise<number | undefined> {
    if (this.#mayRepeat(item)) return await this.#notSent(item, { kind: 'later', reason })
    return await this.#shelve(item, 'parked', `nobody knows whether it arrived: ${reason}`)
  }

  async #shelve (item: OutboundItem, state: 'parked' | 'dead', reason: string): Promise<undefined> {
    const rest = unmarked(item)
    const shelved: OutboundItem = { ...rest, state, reason: reason.slice(0, 500) }
    await this.#options.collection.put(item.id, shelved)
    this.#items.set(item.id, shelved)
    this.#options.log.warn({ id: item.id, channel: item.channel, reason: shelved.reason }, `a message was not delivered and is ${state}`)
    this.#waiters.get(item.id)?.reject(this.#failure(shelved))
    this.#waiters.delete(item.id)
    const dead = [...this.#items.values()].filter(one => one.state === 'dead')
    for (const { id } of dead.slice(0, Math.max(0, dead.length - maxDead))) await this.discard(id)
  }

  #remember (id: string, delivered: Delivered): void {
    if (this.#arrived.size >= maxRemembered) this.#arrived.delete(this.#arrived.keys().next().value!)
    this.#arrived.set(id, delivered)
    this.#waiters.get(id)?.resolve(delivered)
    this.#waiters.delete(id)
  }
}

export const createDelivery = (options: DeliveryOptions): Delivery => new DeliveryRoom(options)
