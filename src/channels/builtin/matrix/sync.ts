/** Reads what is new: one call waits with the server until there is something. Only what is durable counts as read. */
import { createRecent, type Recent } from '../../../lib/recent.ts'
import type { OpenMemory } from '../../account-memory.ts'
import type { AccountContext } from '../../define-channel.ts'
import { NotTaken } from '../../reading.ts'
import { isJson } from '../../http/service.ts'
import type { Api } from './api.ts'
import { readEvent, relationOf, type Reader, type Replied } from './inbound.ts'
import type { Invitations } from './invitations.ts'
import type { Rooms } from './rooms.ts'
import { filterOf, timelineTypes, type JoinedRoom, type RoomEvent, type SyncAnswer } from './wire.ts'

export interface Saved {
  readonly since?: { readonly userId: string, readonly token: string }
  /** Rooms that were told why nobody answers there. */
  readonly toldRooms?: readonly string[]
}

export interface SyncOptions {
  readonly api: Api
  readonly context: Pick<AccountContext, 'receive' | 'log'>
  readonly memory: OpenMemory<Saved>
  readonly rooms: Rooms
  readonly invitations: Invitations
  readonly reader: Reader
  readonly isOurs: (eventId: string) => boolean
  /** Somebody wrote; receipts refer to it. */
  readonly heard: (roomId: string, eventId: string) => void
  /** Says once in a room that its messages cannot be read. */
  readonly tellEncrypted: (roomId: string, signal: AbortSignal) => Promise<void>
}

export interface Sync {
  turn (heard: () => void, waitMs: number, signal: AbortSignal): Promise<void>
}

const eventsAtOnce = 50
const pageSize = 100
/** A room in which more was written meanwhile has outrun us: the rest is left out, and said so. */
const mostPages = 20
const rememberedEvents = 2000
const rememberedToldRooms = 300

/** A room that was just joined comes with what was said in it before we were asked in, which was not said to us. */
function sinceInvited (events: readonly RoomEvent[], selfId: string): readonly RoomEvent[] {
  const isOwn = (event: RoomEvent, membership: string): boolean =>
    event?.type === 'm.room.member' && event.state_key === selfId && event.content?.membership === membership
  const joined = events.findLastIndex(event => isOwn(event, 'join') && event.unsigned?.prev_content?.membership !== 'join')
  if (joined < 0) return events
  const invited = events.findLastIndex((event, index) => index < joined && isOwn(event, 'invite'))
  return events.slice(invited < 0 ? joined : invited)
}

class MatrixSync implements Sync {
  readonly #options: SyncOptions
  /** Taken in by this process. The room of the channels knows the others by their ids. */
  readonly #taken: Recent<true> = createRecent<true>(rememberedEvents)

  constructor (options: SyncOptions) {
    this.#options = options
  }

  async turn (heard: () => void, waitMs: number, signal: AbortSignal): Promise<void> {
    const { api, memory, invitations, reader: { selfId }, rooms } = this.#options
    const since = memory.saved.since?.userId === selfId ? memory.saved.since.token : undefined
    const query = new URLSearchParams({
      // The first one is about where to begin, in however many rooms.
      filter: JSON.stringify(filterOf(since === undefined ? 1 : eventsAtOnce)),
      timeout: String(since === undefined ? 0 : waitMs),
      set_presence: 'offline',
      ...(since === undefined ? {} : { since })
    })
    const answer = await api.call('GET', `sync?${query}`, { signal, extraMs: waitMs + (since === undefined ? 60_000 : 0) }) as unknown as SyncAnswer
    if (typeof answer.next_batch !== 'string') throw new Error('the sync brought no token to go on with')
    heard()
    for (const { type, content } of answer.account_data?.events ?? []) if (type === 'm.direct' && isJson(content)) rooms.setDirect(content)
    for (const [roomId, room] of Object.entries(answer.rooms?.invite ?? {})) invitations.note(roomId, room)
    // What was written before there was a gateway is answered by nobody.
    if (since !== undefined) await this.#takeAll(answer, since, signal)
    if (answer.next_batch !== since) await memory.change(saved => ({ ...saved, since: { userId: selfId, token: answer.next_batch } }))
    await invitations.accept(signal)
  }

  async #takeAll ({ rooms = {} }: SyncAnswer, since: string, signal: AbortSignal): Promise<void> {
    for (const [roomId, room] of Object.entries(rooms.join ?? {})) {
      const missed = room.timeline?.limited ? await this.#missed(roomId, room, since, signal) : []
      const events = sinceInvited([...missed, ...room.timeline?.events ?? []], this.#options.reader.selfId)
      for (const event of [...room.state?.events ?? [], ...events]) await this.#take(roomId, event, signal)
    }
  }

  /** What came between the last sync and the part of the room that this one brought. */
  async #missed (roomId: string, { timeline }: JoinedRoom, since: string, signal: AbortSignal): Promise<RoomEvent[]> {
    const { api, context: { log } } = this.#options
    const found: RoomEvent[] = []
    let from = timeline?.prev_batch
    for (let page = 0; from !== undefined; page++) {
      if (page === mostPages) {
        log.warn({ roomId }, `more than ${mostPages * pageSize} messages were written in a room meanwhile; the older ones are left out`)
        break
      }
      const query = new URLSearchParams({ dir: 'b', from, to: since, limit: String(pageSize), filter: JSON.stringify({ types: timelineTypes }) })
      const { chunk, end } = await api.call('GET', `rooms/${encodeURIComponent(roomId)}/messages?${query}`, { signal })
      if (Array.isArray(chunk)) found.push(...chunk as RoomEvent[])
      from = typeof end === 'string' && end !== from && end !== since && Array.isArray(chunk) && chunk.length > 0 ? end : undefined
    }
    return found.reverse()
  }

  async #take (roomId: string, event: RoomEvent, signal: AbortSignal): Promise<void> {
    const { rooms, reader: { selfId }, tellEncrypted } = this.#options
    if (!isJson(event?.content) || typeof event.event_id !== 'string' || typeof event.sender !== 'string') return
    if (event.state_key !== undefined) return rooms.heard(roomId, event)
    if (event.sender === selfId || this.#taken.get(event.event_id)) return
    if (event.type === 'm.room.encrypted') await tellEncrypted(roomId, signal)
    else if (event.type === 'm.room.message' || event.type === 'm.reaction') await this.#receive(roomId, event, signal)
    this.#taken.set(event.event_id, true)
  }

  async #receive (roomId: string, event: RoomEvent, signal: AbortSignal): Promise<void> {
    const { context: { receive, log }, rooms, reader, heard } = this.#options
    const facts = await rooms.factsOf(roomId, signal)
    const { answers } = relationOf(event)
    const replied = answers === undefined ? undefined : await this.#replied(roomId, answers, signal)
    let message: ReturnType<typeof readEvent>
    try {
      message = readEvent(event, roomId, facts, replied, reader)
    } catch (err) {
      // What cannot be read today cannot be read tomorrow, and must not hold up what comes after it.
      return log.warn({ err, roomId }, 'Matrix brought a message that cannot be read; it is left out')
    }
    if (!message) return
    await receive(message).catch((error: unknown) => { throw new NotTaken(error) })
    heard(roomId, event.event_id)
  }

  /** Whoever answers us speaks to us. */
  async #replied (roomId: string, eventId: string, signal: AbortSignal): Promise<Replied> {
    const { api, isOurs, reader: { selfId } } = this.#options
    if (isOurs(eventId)) return { isOurs: true }
    const event = await api.call('GET', `rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`, { signal }).catch(() => undefined)
    const text = isJson(event?.content) && typeof event.content.body === 'string' ? event.content.body.slice(0, 4000) : undefined
    return { isOurs: event?.sender === selfId, ...(text === undefined ? {} : { text }) }
  }
}

export const createSync = (options: SyncOptions): Sync => new MatrixSync(options)

/** The room is told once, whatever becomes of it. */
export function createTeller (memory: OpenMemory<Saved>, say: (roomId: string, signal: AbortSignal) => Promise<unknown>): SyncOptions['tellEncrypted'] {
  return async (roomId, signal) => {
    if (memory.saved.toldRooms?.includes(roomId)) return
    await memory.change(saved => ({ ...saved, toldRooms: [...saved.toldRooms ?? [], roomId].slice(-rememberedToldRooms) }))
    await say(roomId, signal).catch(() => {})
  }
}
