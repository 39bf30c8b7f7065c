/** What of Discord's objects is read here. Ids are decimal numbers of 64 bits, written as text. */

export interface User {
  readonly id: string
  readonly username?: string
  readonly global_name?: string | null
  readonly bot?: boolean
}

export interface WireAttachment {
  readonly filename?: string
  readonly content_type?: string
  readonly size?: number
  readonly url?: string
}

export interface Content {
  readonly content?: string
  readonly attachments?: readonly WireAttachment[]
  readonly sticker_items?: ReadonlyArray<{ readonly name: string }>
}

export interface Member {
  readonly nick?: string | null
  readonly roles?: readonly string[]
}

export interface Message extends Content {
  readonly id: string
  readonly channel_id: string
  readonly guild_id?: string
  readonly author?: User
  readonly member?: Member
  readonly webhook_id?: string
  readonly type?: number
  readonly timestamp?: string
  readonly edited_timestamp?: string | null
  readonly mentions?: ReadonlyArray<User & { readonly member?: Member }>
  readonly mention_roles?: readonly string[]
  readonly referenced_message?: Message | null
  readonly message_reference?: { readonly type?: number, readonly message_id?: string }
  readonly message_snapshots?: ReadonlyArray<{ readonly message?: Content }>
  readonly poll?: { readonly question?: { readonly text?: string } }
}

export interface WireChannel {
  readonly id: string
  readonly type: number
  readonly guild_id?: string
  readonly name?: string | null
  readonly parent_id?: string | null
}

export interface Guild {
  readonly id: string
  readonly name?: string
  readonly unavailable?: boolean
  readonly channels?: readonly WireChannel[]
  readonly threads?: readonly WireChannel[]
}

/** News, public and private threads. */
export const threadTypes: ReadonlySet<number> = new Set([10, 11, 12])
/** What people write: messages and replies. The other kinds are said by Discord itself. */
export const spokenTypes: ReadonlySet<number> = new Set([0, 19])

export interface Frame {
  readonly op: number
  readonly d?: unknown
  readonly s?: number | null
  readonly t?: string | null
}

export const op = {
  dispatch: 0, heartbeat: 1, identify: 2, resume: 6, reconnect: 7, invalidSession: 9, hello: 10, heartbeatAck: 11
} as const

/** Servers with their channels, messages in them, direct messages, and what messages say. */
export const intents = (1 << 0) | (1 << 9) | (1 << 12) | (1 << 15)

export const isSnowflake = (text: unknown): text is string => typeof text === 'string' && /^\d{1,20}$/.test(text)

/** The number of a message says when it was written. */
export const writtenAtMs = (snowflake: string): number => Number(BigInt(snowflake) >> 22n) + 1_420_070_400_000
