/** What people write, in the words of the gateway. */
import type { Attachment, Chat, InboundMessage, Person } from '../../define-channel.ts'
import type { Api } from './api.ts'
import type { Directory } from './directory.ts'
import { readText } from './text.ts'
import { atMsOf, isChannelId, isTimestamp, spokenSubtypes, type Self, type WireEvent, type WireFile } from './wire.ts'

export interface Reader {
  readonly self: Self
  readonly api: Api
  readonly directory: Directory
  readonly readsDirect: boolean
  /** We have written into this thread. */
  readonly isOurThread: (channelId: string, threadTs: string) => boolean
}

const kindOf = (mimeType: string): Attachment['kind'] => {
  const [type] = mimeType.split('/')
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'file'
}

function attachmentOf ({ name, mimetype, size, url_private_download: download, url_private: view }: WireFile, api: Api): Attachment[] {
  const url = download ?? view
  if (url === undefined) return []
  return [{
    kind: kindOf(mimetype ?? ''),
    ...(mimetype === undefined ? {} : { mimeType: mimetype }),
    ...(name === undefined ? {} : { name }),
    ...(size === undefined ? {} : { sizeBytes: size }),
    async fetch (limitBytes, signal) {
      if (size !== undefined && size > limitBytes) throw new Error(`the attachment has ${size} bytes, and ${limitBytes} are allowed`)
      return await api.download(url, limitBytes, signal)
    }
  }]
}

function chatKindOf ({ channel, channel_type: type }: WireEvent): Chat['kind'] {
  if (type === 'im' || (type === undefined && channel!.startsWith('D'))) return 'direct'
  return type === 'mpim' ? 'group' : 'channel'
}

/** Direct messages are known by whom they are with: that is what settings name. */
async function chatOf (event: WireEvent, kind: Chat['kind'], { self, directory }: Reader): Promise<Chat> {
  const { channel, user, ts, thread_ts: thread } = event
  const title = kind === 'channel' ? await directory.titleOf(channel!) : undefined
  return {
    kind,
    id: kind === 'direct' && user !== undefined ? user : channel!,
    ...(title === undefined ? {} : { title }),
    ...(thread === undefined || thread === ts ? {} : { threadId: thread }),
    spaceId: self.teamId
  }
}

async function senderOf (event: WireEvent, { directory }: Reader): Promise<Person | undefined> {
  const { user, bot_id: botId, bot_profile: profile, username, subtype } = event
  const id = user ?? botId
  if (id === undefined) return undefined
  const isBot = botId !== undefined || subtype === 'bot_message'
  const name = isBot ? username ?? profile?.name : await directory.nameOf(id)
  return { id, ...(name === undefined ? {} : { name }), ...(isBot ? { isBot } : {}) }
}

function replyOf ({ channel, ts, thread_ts: thread, parent_user_id: parent }: WireEvent, { self, isOurThread }: Reader): InboundMessage['replyTo'] {
  if (thread === undefined || thread === ts) return undefined
  return { messageId: thread, isOurs: parent === self.userId || isOurThread(channel!, thread) }
}

async function textOf ({ text = '', attachments = [] }: WireEvent, { directory }: Reader): Promise<string> {
  const shared = attachments.filter(({ is_share: isShare, text: inner }) => isShare && inner).map(({ text: inner }) => `[shared] ${inner}`)
  return (await Promise.all([text, ...shared].map(async part => await readText(part, directory)))).filter(Boolean).join('\n')
}

/** The message that an event is about, and whether it was changed. Undefined: nobody has written anything. */
function writtenIn (event: WireEvent): { readonly written: WireEvent, readonly isEdit: boolean } | undefined {
  const { type, subtype, message, channel, channel_type: kind } = event
  if (type === 'app_mention') return { written: event, isEdit: false }
  if (type !== 'message') return undefined
  if (subtype !== 'message_changed') return spokenSubtypes.has(subtype) ? { written: event, isEdit: false } : undefined
  // Previews of links are added to messages in the same way.
  if (!message?.edited || !spokenSubtypes.has(message.subtype)) return undefined
  const place = { ...(channel === undefined ? {} : { channel }), ...(kind === undefined ? {} : { channel_type: kind }) }
  return { written: { ...message, ...place }, isEdit: true }
}

/** Undefined for what Slack itself says, and for what we wrote. */
export async function readEvent (event: WireEvent, reader: Reader): Promise<InboundMessage | undefined> {
  const { self, api, readsDirect } = reader
  const found = writtenIn(event)
  if (!found) return undefined
  const { written, isEdit } = found
  const { channel = '', ts, user, bot_id: botId } = written
  if (!isChannelId(channel) || !isTimestamp(ts) || user === self.userId || (botId !== undefined && botId === self.botId)) return undefined
  const kind = chatKindOf(written)
  if (kind === 'direct' && !readsDirect) return undefined
  const sender = await senderOf(written, reader)
  const text = await textOf(written, reader)
  const shared = (written.attachments ?? []).flatMap(({ is_share: isShare, files = [] }) => isShare ? files : [])
  const attachments = [...written.files ?? [], ...shared].flatMap(file => attachmentOf(file, api))
  if (!sender || (text === '' && attachments.length === 0)) return undefined
  const replyTo = replyOf(written, reader)
  const isNamed = event.type === 'app_mention' || (written.text ?? '').includes(`<@${self.userId}>`)
  return {
    eventId: isEdit ? `edit:${channel}:${ts}:${written.edited!.ts}` : `${channel}:${ts}`,
    messageId: ts,
    chat: await chatOf(written, kind, reader),
    sender,
    text,
    atMs: atMsOf(isEdit && isTimestamp(written.edited!.ts) ? written.edited!.ts : ts),
    ...(kind === 'direct' ? {} : { isMention: isNamed || replyTo?.isOurs === true }),
    ...(replyTo ? { replyTo } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(isEdit ? { isEdit } : {})
  }
}
