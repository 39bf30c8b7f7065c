/** What of the client-server API's objects is read here. Everything in an event was written by somebody else's client. */

export interface Content { readonly [key: string]: unknown }

export interface RoomEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly origin_server_ts?: number
  readonly state_key?: string
  readonly content: Content
  readonly unsigned?: { readonly prev_content?: Content }
}

export interface JoinedRoom {
  readonly timeline?: { readonly events?: readonly RoomEvent[], readonly limited?: boolean, readonly prev_batch?: string }
  readonly state?: { readonly events?: readonly RoomEvent[] }
}

export interface InvitedRoom { readonly invite_state?: { readonly events?: readonly RoomEvent[] } }

export interface SyncAnswer {
  readonly next_batch: string
  readonly account_data?: { readonly events?: ReadonlyArray<{ readonly type?: string, readonly content?: Content }> }
  readonly rooms?: {
    readonly join?: { readonly [roomId: string]: JoinedRoom }
    readonly invite?: { readonly [roomId: string]: InvitedRoom }
  }
}

/** The kinds that are asked for, and no others. */
export const timelineTypes = ['m.room.message', 'm.room.encrypted', 'm.room.encryption', 'm.room.member', 'm.reaction'] as const

/** `limit`: most events of one room. */
export const filterOf = (limit: number): object => ({
  presence: { not_types: ['*'] },
  account_data: { types: ['m.direct'] },
  room: {
    timeline: { limit, types: timelineTypes },
    state: { types: ['m.room.encryption'], lazy_load_members: true },
    ephemeral: { not_types: ['*'] },
    account_data: { not_types: ['*'] }
  }
})

export const isRoomId = (id: string): boolean => /^![^\s/?#]{1,254}$/.test(id)
export const isEventId = (id: string): boolean => /^\$[^\s/?#]{1,254}$/.test(id)
export const isUserId = (id: string): boolean => /^@[^\s:/?#]{1,200}:[^\s/?#]{1,200}$/.test(id)
export const isAlias = (id: string): boolean => /^#[^\s:/?]{1,200}:[^\s/?#]{1,200}$/.test(id)
