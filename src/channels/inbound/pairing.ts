/** Strangers ask to be let in with a code; a person who runs the gateway decides. */
import { randomInt, randomUUID } from 'node:crypto'
import { leftUntil } from '../../lib/clock.ts'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Collection, Store, StoreOp } from '../../store/store.ts'
import type { Person } from '../define-channel.ts'
import type { AccountEntry } from '../entries.ts'

export interface AccessRequest {
  readonly requestId: string
  readonly code: string
  readonly channel: string
  readonly accountId: string
  readonly senderId: string
  readonly senderLabel: string
  /** Where the answer goes. */
  readonly chatId: string
  readonly createdAtMs: number
  readonly lastSeenAtMs: number
  readonly expiresAtMs: number
}

interface Approved {
  readonly atMs: number
  readonly senderLabel: string
}

export const pairingLimits = { pendingPerAccount: 3, ttlMs: 3_600_000 } as const

/** Without letters and digits that are taken for each other. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const newCode = (): string => Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)]).join('')

/** The answer to whoever asked: it must not be lost once the request is there. */
type Also = (request: AccessRequest) => readonly StoreOp[]

type Place = Pick<AccountEntry, 'channel' | 'accountId'>

const allowedKey = ({ channel, accountId }: Place, senderId: string): string => JSON.stringify([channel, accountId, senderId])

export interface ChannelPairing {
  isApproved (place: Place, senderId: string): Promise<boolean>
  /** The new request, once for each stranger; undefined when there is nothing to say to him. `also` is committed together with it. */
  ask (place: Place, sender: Person, chatId: string, also?: Also): Promise<AccessRequest | undefined>
  list (place?: Partial<Place>): Promise<readonly AccessRequest[]>
  /** By request id or code. Throws NOT_FOUND for what is unknown or too old. */
  approve (place: Partial<Place>, idOrCode: string): Promise<AccessRequest>
  dismiss (requestId: string): Promise<boolean>
  /** Takes back what was approved. */
  revoke (place: Place, senderId: string): Promise<boolean>
}

export interface PairingSources {
  readonly requests: Collection<AccessRequest>
  readonly allowed: Collection<Approved>
  readonly commit: Store['commit']
  readonly now: () => number
}

const labelOf = ({ id, name, username }: Person): string => (name ?? (username === undefined ? id : `@${username}`)).slice(0, 100)

export function createChannelPairing ({ requests, allowed, commit, now }: PairingSources): ChannelPairing {
  const isOpen = ({ createdAtMs, expiresAtMs }: AccessRequest): boolean => leftUntil(expiresAtMs, expiresAtMs - createdAtMs, now()) > 0

  async function pending (): Promise<AccessRequest[]> {
    const all = (await requests.all()).map(({ value }) => value)
    for (const { requestId } of all.filter(request => !isOpen(request))) await requests.delete(requestId)
    return all.filter(isOpen).sort((a, b) => a.createdAtMs - b.createdAtMs)
  }

  const isAt = ({ channel, accountId }: Partial<Place>) => (request: AccessRequest): boolean =>
    (channel === undefined || request.channel === channel) && (accountId === undefined || request.accountId === accountId)

  // Many strangers at one moment are counted one after the other.
  const inTurn = createOneAtATime()

  async function ask (place: Place, sender: Person, chatId: string, also: Also = () => []): Promise<AccessRequest | undefined> {
    const { channel, accountId } = place
    const here = (await pending()).filter(isAt({ channel, accountId }))
    const known = here.find(({ senderId }) => senderId === sender.id)
    if (known) {
      await requests.put(known.requestId, { ...known, lastSeenAtMs: now() })
      return undefined
    }
    if (here.length >= pairingLimits.pendingPerAccount) return undefined
    const atMs = now()
    const request: AccessRequest = {
      requestId: randomUUID(),
      code: newCode(),
      channel,
      accountId,
      senderId: sender.id,
      senderLabel: labelOf(sender),
      chatId,
      createdAtMs: atMs,
      lastSeenAtMs: atMs,
      expiresAtMs: atMs + pairingLimits.ttlMs
    }
    await commit([{ op: 'put', collection: 'channel-requests', key: request.requestId, value: request }, ...also(request)])
    return request
  }

  return {
    isApproved: async (place, senderId) => await allowed.get(allowedKey(place, senderId)) !== undefined,
    ask: async (place, sender, chatId, also) => await inTurn(async () => await ask(place, sender, chatId, also)),
    list: async (place = {}) => (await pending()).filter(isAt(place)),
    async approve (place, idOrCode) {
      const wanted = idOrCode.trim().toUpperCase()
      const request = (await pending()).filter(isAt(place)).find(({ requestId, code }) => requestId === idOrCode || code === wanted)
      if (!request) throw new GatewayError('NOT_FOUND', { message: 'there is no such pairing request, or it is older than an hour' })
      await allowed.put(allowedKey(request, request.senderId), { atMs: now(), senderLabel: request.senderLabel })
      await requests.delete(request.requestId)
      return request
    },
    dismiss: async requestId => await requests.delete(requestId),
    revoke: async (place, senderId) => await allowed.delete(allowedKey(place, senderId))
  }
}
