/** What of the Bot API's objects is read here. Fields that are not there are absent, never null. */

export interface User {
  readonly id: number
  readonly is_bot?: boolean
  readonly first_name?: string
  readonly last_name?: string
  readonly username?: string
}

export interface WireChat {
  readonly id: number
  readonly type: 'private' | 'group' | 'supergroup' | 'channel'
  readonly title?: string
  readonly username?: string
  readonly is_forum?: boolean
}

/** Offsets and lengths count UTF-16 code units, as those of strings do. */
export interface Entity {
  readonly type: string
  readonly offset: number
  readonly length: number
  readonly url?: string
  readonly user?: User
}

export interface WireFile {
  readonly file_id: string
  readonly file_size?: number
  readonly mime_type?: string
  readonly file_name?: string
}

export interface Message {
  readonly message_id: number
  readonly date: number
  readonly edit_date?: number
  readonly chat: WireChat
  readonly from?: User
  readonly sender_chat?: WireChat
  readonly message_thread_id?: number
  readonly is_topic_message?: boolean
  readonly media_group_id?: string
  readonly reply_to_message?: Message
  readonly quote?: { readonly text?: string }
  readonly text?: string
  readonly entities?: readonly Entity[]
  readonly caption?: string
  readonly caption_entities?: readonly Entity[]
  readonly photo?: ReadonlyArray<WireFile & { readonly width?: number, readonly height?: number }>
  readonly document?: WireFile
  readonly video?: WireFile
  readonly animation?: WireFile
  readonly video_note?: WireFile
  readonly voice?: WireFile
  readonly audio?: WireFile
  readonly sticker?: WireFile & { readonly emoji?: string, readonly is_animated?: boolean, readonly is_video?: boolean }
  readonly location?: { readonly latitude: number, readonly longitude: number }
  readonly venue?: { readonly title: string, readonly address: string }
  readonly contact?: { readonly phone_number: string, readonly first_name: string, readonly last_name?: string }
  readonly poll?: { readonly question: string, readonly options: ReadonlyArray<{ readonly text: string }> }
  readonly forum_topic_created?: object
}

/** The kinds that are asked for, and no others. */
export const updateKinds = ['message', 'edited_message', 'channel_post', 'edited_channel_post'] as const

export type Update = { readonly update_id: number } & { readonly [kind in typeof updateKinds[number]]?: Message }

/** The topic that every forum has. Sending to it works only without naming it. */
export const generalTopicId = '1'
