/** What a channel is: the way to one service where people write. */
import type { Logger } from '../log/logger.ts'
import type { TObject } from '../protocol/type.ts'
import type { MessageTemplate } from '../tools/messages/port.ts'

/** A conversation of the service. */
export interface Chat {
  readonly kind: 'direct' | 'group' | 'channel'
  readonly id: string
  readonly title?: string
  /** A topic or thread within it. */
  readonly threadId?: string
  /** The conversation that a thread belongs to, where that has an id of its own. */
  readonly parentId?: string
  /** Server or workspace. */
  readonly spaceId?: string
}

export interface Person {
  readonly id: string
  readonly name?: string
  readonly username?: string
  readonly isBot?: boolean
  readonly roles?: readonly string[]
}

export interface Attachment {
  readonly kind: 'image' | 'audio' | 'video' | 'file'
  readonly mimeType?: string
  readonly name?: string
  readonly sizeBytes?: number
  /** Fetches it, at most so many bytes; called only for messages that are let in. */
  fetch (limitBytes: number, signal: AbortSignal): Promise<Uint8Array>
}

export interface InboundMessage {
  /** One for each message of the service, however often it is delivered: it is answered once. */
  readonly eventId: string
  /** What replies and edits refer to. */
  readonly messageId?: string
  readonly chat: Chat
  readonly sender: Person
  readonly text: string
  readonly atMs: number
  /** The agent was named, or answered to. Absent where the service cannot tell. */
  readonly isMention?: boolean
  readonly replyTo?: { readonly messageId: string, readonly text?: string, readonly isOurs?: boolean }
  readonly attachments?: readonly Attachment[]
  /** An earlier message as it reads now. */
  readonly isEdit?: boolean
}

export interface OutboundMedia {
  readonly kind: Attachment['kind']
  readonly data: Uint8Array
  readonly mimeType: string
  readonly name?: string
}

/** Fits the limits of the channel already: it is sent as one message. */
export interface OutboundMessage {
  /** One for each part, the same at every try: services that know such keys are told. */
  readonly key: string
  readonly chatId: string
  readonly threadId?: string
  readonly text: string
  readonly media?: OutboundMedia
  /** In place of the text; only for channels that send templates. */
  readonly template?: MessageTemplate
  readonly replyTo?: string
  readonly isSilent?: boolean
}

/** A question with answers to choose from. */
export interface OutboundPoll {
  readonly key: string
  readonly chatId: string
  readonly threadId?: string
  readonly question: string
  readonly options: readonly string[]
  /** One unless said otherwise. */
  readonly maxSelections?: number
  readonly durationSeconds?: number
  readonly isAnonymous?: boolean
  readonly isSilent?: boolean
}

/** What became of one try. */
export type SendOutcome =
  | { readonly kind: 'sent', readonly messageId: string }
  /** Trying again would not help. */
  | { readonly kind: 'refused', readonly reason: string }
  /** It has not arrived, and may later. */
  | { readonly kind: 'later', readonly reason: string, readonly retryAfterMs?: number }
  /** Nobody knows whether it has arrived. */
  | { readonly kind: 'unknown', readonly reason: string }

export interface ProbeResult {
  readonly ok: boolean
  readonly error?: string
  /** Whom the service says we are. */
  readonly self?: { readonly id?: string, readonly name?: string }
}

/** Why a connection is over for good, until a person does something. */
export type Terminal = 'logged-out' | 'replaced' | 'misconfigured'

/** What people can ask for by a slash and a word, whatever the service. */
export interface ChatCommand {
  readonly name: string
  readonly description: string
}

export interface AccountContext<Config = unknown> {
  readonly accountId: string
  readonly config: Config
  /** The credential under this key of the settings, wherever it is kept. Throws with the next step when it cannot be had. */
  secret (name: string): Promise<string>
  /** Aborted when the account has to end. */
  readonly signal: AbortSignal
  readonly log: Logger
  readonly now: () => number
  /** The connection to the service is up. Webhooks and the like, which have none, never call this. */
  connected (): void
  /** It is down; the channel itself tries to bring it up again, unless `terminal` says that this is no use. */
  disconnected (why: { readonly reason: string, readonly terminal?: Terminal }): void
  /** The service is there: a frame, a ping, a poll that returned. Silence of people is none of the connection's. */
  activity (): void
  /** Of webhooks: why the service cannot reach us, or undefined when it can. Whoever cannot know never calls this. */
  ingress (problem: string | undefined): void
  /** The account cannot go on: it is begun anew after a while. */
  failed (error: unknown): void
  /** Resolves when the message is durable: only then the service may be told that we have it. */
  receive (message: InboundMessage): Promise<void>
  /** For services that have a menu of them; none when orders are not to be shown, or not understood. */
  commands (): readonly ChatCommand[]
  /** Something small that outlives the gateway, such as how far a service has been read. */
  readonly memory: AccountMemory
}

export interface AccountMemory {
  get (): Promise<{ readonly [name: string]: unknown }>
  put (value: { readonly [name: string]: unknown }): Promise<void>
}

export interface RunningAccount {
  stop (): Promise<void>
  send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome>
  probe? (signal: AbortSignal): Promise<ProbeResult>
  /** Changes what was sent; live text comes in this way. */
  edit? (message: OutboundMessage & { readonly messageId: string }, signal: AbortSignal): Promise<SendOutcome>
  remove? (chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome>
  react? (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome>
  poll? (poll: OutboundPoll, signal: AbortSignal): Promise<SendOutcome>
  /** What can be ordered is something else now. */
  commandsChanged? (): void
  typing? (chatId: string, threadId: string | undefined, signal: AbortSignal): Promise<void>
  /** Ends the session of the account with the service. */
  logout? (signal: AbortSignal): Promise<void>
  /** A request that the service made of our HTTP side. Answers within the time that the service allows. */
  webhook? (request: WebhookRequest): Promise<WebhookAnswer>
}

export interface WebhookRequest {
  readonly method: string
  /** Below the address of the account. */
  readonly path: string
  readonly query: { readonly [name: string]: string | undefined }
  readonly headers: { readonly [name: string]: string | undefined }
  /** As it came, for signatures. */
  readonly body: Buffer
}

export interface WebhookAnswer {
  readonly status: number
  readonly body?: string | object
  readonly headers?: { readonly [name: string]: string }
}

/** What the settings of a service say of one of its groups, where they have a shape of their own. */
export interface GroupRules {
  readonly isListed: boolean
  readonly enabled?: boolean
  readonly requireMention?: boolean
  /** Whoever is not in it is not answered, even if nobody is; absent: as in every group. */
  readonly allowFrom?: readonly string[]
}

export interface ChannelLimits {
  /** The longest text of one message. */
  readonly textLength: number
  readonly textUnit: 'utf16' | 'code-points' | 'bytes'
  readonly mediaBytes?: number
}

export interface Channel<Config = unknown> {
  readonly id: string
  readonly label: string
  /** Keys of `channels.<id>` and of its accounts beyond those that every channel has. */
  readonly config: TObject
  readonly limits: ChannelLimits
  /** For so long the service recognises the key of a message, and does not show it twice. */
  readonly repeatMs?: number
  /** What marks up text on its way out. */
  readonly markup: 'markdown' | 'html' | 'plain' | 'slack' | 'whatsapp'
  readonly mode: 'socket' | 'polling' | 'webhook'
  /** The longest request that the service makes of our HTTP side; absent: 1 MiB. More than 3 MiB are never read. */
  readonly webhookBytes?: number
  readonly sendsTemplates?: true
  /** Replies are shown while they are written, unless the settings say otherwise (`streaming`). Needs `edit`. */
  readonly showsLive?: boolean
  /** What is missing before an account can start, as a sentence with the next step. */
  missing (config: Config, accountId: string): string | undefined
  /** What the settings say of the group that a message stands in. Undefined: what `groups` says. */
  groupRules? (config: Config, message: InboundMessage): GroupRules | undefined
  /** Resolves when the account can be used or tries to connect. Throws when it cannot be started at all. */
  start (context: AccountContext<Config>): Promise<RunningAccount>
}

/** Declares a channel; third-party packages use the same function. */
export const defineChannel = <Config>(channel: Channel<Config>): Channel<Config> => channel
