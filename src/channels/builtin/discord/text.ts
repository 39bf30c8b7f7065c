/** What a message says, as people read it. */
import type { Places } from './places.ts'
import type { Content, Message, User } from './wire.ts'

export const nameOf = ({ global_name: name, username, id }: User): string => name ?? username ?? id

/** Discord writes people, channels and its own pictures as numbers. */
function readable (text: string, mentions: NonNullable<Message['mentions']>, places: Places): string {
  return text
    .replace(/<@!?(\d{1,20})>/g, (whole, id) => {
      const user = mentions.find(one => one.id === id)
      return user ? `@${user.member?.nick ?? nameOf(user)}` : whole
    })
    .replace(/<#(\d{1,20})>/g, (whole, id) => {
      const name = places.nameOf(id)
      return name === undefined ? whole : `#${name}`
    })
    .replace(/<a?(:\w{1,64}:)\d{1,20}>/g, '$1')
}

const stickersOf = ({ sticker_items: stickers = [] }: Content): string[] => stickers.map(({ name }) => `[sticker ${name}]`)

export function textOf (message: Message, places: Places): string {
  const { content = '', mentions = [], message_snapshots: snapshots = [], poll } = message
  const forwarded = snapshots.flatMap(({ message: inner }) => inner ? [`[forwarded] ${inner.content ?? ''}`, ...stickersOf(inner)] : [])
  const asked = poll?.question?.text === undefined ? [] : [`[poll: ${poll.question.text}]`]
  return [content, ...stickersOf(message), ...forwarded, ...asked].map(part => readable(part, mentions, places)).filter(Boolean).join('\n')
}
