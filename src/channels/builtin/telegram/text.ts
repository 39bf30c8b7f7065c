/** What a message says, as one text, and whether it speaks to us. */
import type { Entity, Message, User } from './wire.ts'

export interface ReadText {
  readonly text: string
  /** We are named in it. */
  readonly isMention: boolean
}

const isOurName = (name: string, { username }: User): boolean => username !== undefined && name.toLowerCase() === `@${username.toLowerCase()}`

interface Change { readonly at: number, readonly length: number, readonly by: string }

/** A command for us loses the name behind it; a link that hides behind its text shows where it leads. */
function changeOf (written: string, { type, offset, length, url }: Entity, self: User): Change | undefined {
  if (type === 'text_link' && url !== undefined && url !== written) return { at: offset, length, by: `[${written}](${url})` }
  const name = type === 'bot_command' ? written.indexOf('@') : -1
  return name > 0 && isOurName(written.slice(name), self) ? { at: offset + name, length: length - name, by: '' } : undefined
}

export function readText (text: string, entities: readonly Entity[], self: User): ReadText {
  let isMention = false
  const changes: Change[] = []
  for (const entity of entities) {
    const written = text.slice(entity.offset, entity.offset + entity.length)
    const change = changeOf(written, entity, self)
    if (change) changes.push(change)
    if (entity.type === 'mention' ? isOurName(written, self) : entity.type === 'text_mention' ? entity.user?.id === self.id : change?.by === '') isMention = true
  }
  let [out, done] = ['', 0]
  for (const { at, length, by } of changes.sort((a, b) => a.at - b.at)) {
    // Entities may lie within each other; the outer one has said it all.
    if (at < done) continue
    out += text.slice(done, at) + by
    done = at + length
  }
  return { text: out + text.slice(done), isMention }
}

/** Messages that are neither text nor files, in words. */
export function describe ({ sticker, venue, location, contact, poll }: Message): string {
  if (sticker) return `[sticker${sticker.emoji === undefined ? '' : ` ${sticker.emoji}`}]`
  const place = location ? `${location.latitude}, ${location.longitude}` : ''
  if (venue) return `[place: ${venue.title}, ${venue.address}${place === '' ? '' : ` (${place})`}]`
  if (location) return `[location: ${place}]`
  if (contact) return `[contact: ${[contact.first_name, contact.last_name, contact.phone_number].filter(Boolean).join(' ')}]`
  return poll ? `[poll: ${poll.question} ${poll.options.map(({ text }) => `(${text})`).join(' ')}]` : ''
}
