/** What has to be known of rooms: who is in them, whether they are talks of two, and whether we can read them at all. */
import { createRecent } from '../../../lib/recent.ts'
import { isJson, type Json } from '../../http/service.ts'
import { isAbsent, type Api } from './api.ts'
import { isAlias, isRoomId, isUserId, type RoomEvent } from './wire.ts'

export interface RoomFacts {
  readonly isDirect: boolean
  /** Names of people by id. */
  readonly names: { readonly [userId: string]: string }
}

export interface Rooms {
  factsOf (roomId: string, signal: AbortSignal): Promise<RoomFacts>
  isEncrypted (roomId: string, signal: AbortSignal): Promise<boolean>
  /** The id behind `!room`, `#alias` or `@person`; undefined when there is none. */
  find (name: string, signal: AbortSignal): Promise<string | undefined>
  /** State changed. */
  heard (roomId: string, event: RoomEvent): void
  setDirect (content: Json): void
  /** We accepted an invitation to a talk of two. */
  addDirect (userId: string, roomId: string, signal: AbortSignal): Promise<void>
}

const rememberedRooms = 500
const mostNames = 200

export function createRooms (api: Api, selfId: () => string): Rooms {
  const facts = createRecent<RoomFacts>(rememberedRooms)
  const encrypted = createRecent<boolean>(rememberedRooms)
  const aliases = createRecent<string>(rememberedRooms)
  let direct: Json | undefined

  const directPath = (): string => `user/${encodeURIComponent(selfId())}/account_data/m.direct`

  async function loadDirect (signal: AbortSignal): Promise<Json> {
    direct ??= await api.call('GET', directPath(), { signal }).catch(error => {
      if (isAbsent(error)) return {}
      throw error
    })
    return direct
  }

  async function lookAt (roomId: string, signal: AbortSignal): Promise<RoomFacts> {
    const told = await loadDirect(signal)
    const { joined } = await api.call('GET', `rooms/${encodeURIComponent(roomId)}/joined_members`, { signal })
    const members = isJson(joined) ? Object.entries(joined) : []
    const names = members.slice(0, mostNames).flatMap(([id, member]) =>
      isJson(member) && typeof member.display_name === 'string' ? [[id, member.display_name.slice(0, 200)] as const] : [])
    const isTold = Object.values(told).some(rooms => Array.isArray(rooms) && rooms.includes(roomId))
    return { isDirect: isTold || members.length <= 2, names: Object.fromEntries(names) }
  }

  async function aliasOf (alias: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const { room_id: id } = await api.call('GET', `directory/room/${encodeURIComponent(alias)}`, { signal })
      if (typeof id !== 'string' || !isRoomId(id)) return undefined
      aliases.set(alias, id)
      return id
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  return {
    async factsOf (roomId, signal) {
      const known = facts.get(roomId) ?? await lookAt(roomId, signal)
      facts.set(roomId, known)
      return known
    },
    async isEncrypted (roomId, signal) {
      const known = encrypted.get(roomId)
      if (known !== undefined) return known
      const is = await api.call('GET', `rooms/${encodeURIComponent(roomId)}/state/m.room.encryption`, { signal }).then(() => true, error => {
        if (isAbsent(error)) return false
        throw error
      })
      encrypted.set(roomId, is)
      return is
    },
    async find (name, signal) {
      const wanted = name.replace(/^(?:room|user):(?=[!#@])/, '')
      if (isRoomId(wanted)) return wanted
      if (isAlias(wanted)) return aliases.get(wanted) ?? await aliasOf(wanted, signal)
      const rooms = isUserId(wanted) ? (await loadDirect(signal))[wanted] : undefined
      const room: unknown = Array.isArray(rooms) ? rooms.at(-1) : undefined
      return typeof room === 'string' && isRoomId(room) ? room : undefined
    },
    heard (roomId, { type }) {
      if (type === 'm.room.encryption') encrypted.set(roomId, true)
      if (type === 'm.room.member') facts.delete(roomId)
    },
    setDirect (content) {
      direct = content
    },
    async addDirect (userId, roomId, signal) {
      const told = await loadDirect(signal)
      const rooms = Array.isArray(told[userId]) ? told[userId] : []
      if (rooms.includes(roomId)) return
      const next = { ...told, [userId]: [...rooms, roomId] }
      await api.call('PUT', directPath(), { json: next, signal })
      direct = next
    }
  }
}
