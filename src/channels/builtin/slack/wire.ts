/** What of Slack's objects is read here. */

export interface WireFile {
  readonly id?: string
  readonly name?: string
  readonly mimetype?: string
  readonly size?: number
  readonly url_private?: string
  readonly url_private_download?: string
}

export interface WireEvent {
  readonly type?: string
  readonly subtype?: string
  readonly channel?: string
  readonly channel_type?: string
  readonly user?: string
  readonly bot_id?: string
  readonly bot_profile?: { readonly name?: string }
  readonly username?: string
  readonly text?: string
  readonly ts?: string
  readonly thread_ts?: string
  readonly parent_user_id?: string
  readonly files?: readonly WireFile[]
  readonly edited?: { readonly ts?: string }
  readonly attachments?: ReadonlyArray<{ readonly is_share?: boolean, readonly text?: string, readonly files?: readonly WireFile[] }>
  /** In an event that says how another message reads now. */
  readonly message?: WireEvent
  readonly tokens?: { readonly bot?: readonly string[] }
}

export interface EventCallback {
  readonly type?: string
  readonly team_id?: string
  readonly event_id?: string
  /** In whose name the app is told. */
  readonly authorizations?: ReadonlyArray<{ readonly team_id?: string, readonly is_enterprise_install?: boolean }>
  readonly event?: WireEvent
}

/** Who we are, as `auth.test` says. */
export interface Self {
  readonly userId: string
  readonly botId: string | undefined
  readonly teamId: string
  readonly name: string | undefined
}

/** Kinds of messages that people and other bots write; the other ones are said by Slack itself. */
export const spokenSubtypes: ReadonlySet<string | undefined> = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message', 'bot_message'])

export const isTimestamp = (text: unknown): text is string => typeof text === 'string' && /^\d{1,12}\.\d{1,9}$/.test(text)
export const isUserId = (text: string): boolean => /^[UW][A-Z0-9]{2,30}$/.test(text)
export const isChannelId = (text: string): boolean => /^[CDG][A-Z0-9]{2,30}$/.test(text)
export const atMsOf = (ts: string): number => Math.round(Number(ts) * 1000)
