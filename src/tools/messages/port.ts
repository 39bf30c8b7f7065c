/** What tools, methods and programs ask of the channels. The rooms of the channels come later, and answer in these words. */

export type MessageAction = 'send' | 'edit' | 'delete' | 'react' | 'poll'

export const messageActions: readonly MessageAction[] = ['send', 'edit', 'delete', 'react', 'poll']

export interface MessageFile {
  readonly data: Uint8Array
  readonly mimeType: string
  readonly name?: string
}

export interface PollOrder {
  readonly question: string
  readonly options: readonly string[]
  readonly maxSelections?: number
  readonly durationSeconds?: number
  readonly isAnonymous?: boolean
}

/** A text that the service has approved beforehand, for whoever has not written for long. */
export interface MessageTemplate {
  readonly name: string
  readonly language: string
  /** What stands in its places, in the shape of the service. */
  readonly components?: readonly object[]
}

/** Where a message goes, as somebody says it: the channel may be left out where there is only one. */
export interface MessageAddress {
  readonly channel?: string
  readonly accountId?: string
  readonly to?: string
  readonly threadId?: string
}

export interface MessageOrder extends MessageAddress {
  readonly action: MessageAction
  /** The same key is the same message: it goes out once. */
  readonly key: string
  readonly text?: string
  readonly files?: readonly MessageFile[]
  /** Fetched by the gateway, under the rules for addresses that somebody else chose. */
  readonly mediaUrls?: readonly string[]
  /** Pictures and films go as files, as they are. */
  readonly asDocument?: boolean
  /** What is changed, deleted or reacted to. */
  readonly messageId?: string
  readonly replyTo?: string
  /** Empty: takes reactions back. */
  readonly emoji?: string
  readonly isSilent?: boolean
  readonly poll?: PollOrder
  /** In place of text and files. */
  readonly template?: MessageTemplate
  /** How long somebody waits for it to arrive. */
  readonly waitMs?: number
}

/** An address that is understood. */
export interface MessagePlace {
  readonly channel: string
  readonly accountId: string
  readonly to: string
  readonly threadId?: string
}

export interface MessageReceipt extends MessagePlace {
  /** `queued`: it is durable and will go out; nobody waited long enough to hear of it. */
  readonly status: 'sent' | 'queued'
  readonly messageIds: readonly string[]
  /** Names it in the queue. */
  readonly queueId?: string
}

export interface MessagePort {
  /** Throws GatewayError when the order cannot be carried out; nothing is done. */
  check (order: MessageOrder): Promise<MessagePlace>
  perform (order: MessageOrder, signal: AbortSignal): Promise<MessageReceipt>
}

export interface MessageSources {
  /** Loaded with the first message that is not a reply. */
  readonly messages: () => Promise<MessagePort>
}
