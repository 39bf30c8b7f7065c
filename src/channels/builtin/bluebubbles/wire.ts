/** What of BlueBubbles' objects is read here. Fields that are not there are absent or null. */

type Maybe<Value> = Value | null | undefined

export interface WireAttachment {
  readonly guid: string
  readonly mimeType?: Maybe<string>
  readonly transferName?: Maybe<string>
  readonly totalBytes?: Maybe<number>
  readonly hideAttachment?: Maybe<boolean>
}

export interface WireChat {
  /** `iMessage;-;+15551234567` for a person, `iMessage;+;chat123` for a group. */
  readonly guid: string
  /** 43 for groups, 45 for two people. */
  readonly style?: Maybe<number>
  readonly displayName?: Maybe<string>
}

export interface WireMessage {
  readonly guid: string
  readonly text?: Maybe<string>
  readonly subject?: Maybe<string>
  readonly handle?: Maybe<{ readonly address?: Maybe<string> }>
  readonly chats?: Maybe<readonly WireChat[]>
  readonly attachments?: Maybe<readonly WireAttachment[]>
  /** Milliseconds. */
  readonly dateCreated?: Maybe<number>
  readonly dateEdited?: Maybe<number>
  readonly dateRetracted?: Maybe<number>
  readonly isFromMe?: Maybe<boolean>
  /** 0 for messages; who joined, who left and new names have others. */
  readonly itemType?: Maybe<number>
  readonly associatedMessageGuid?: Maybe<string>
  /** A tapback: `love`, `-love`, or 2000 to 3006. */
  readonly associatedMessageType?: Maybe<string | number>
  readonly associatedMessageEmoji?: Maybe<string>
  readonly threadOriginatorGuid?: Maybe<string>
  readonly error?: Maybe<number>
}

export interface ServerInfo {
  readonly server_version?: Maybe<string>
  readonly private_api?: Maybe<boolean>
  readonly helper_connected?: Maybe<boolean>
  readonly detected_imessage?: Maybe<string>
  readonly detected_icloud?: Maybe<string>
}
