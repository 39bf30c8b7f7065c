/** Which conversation a message belongs to: the id that programs see, and the session of this gateway behind it. */
import { createHash } from 'node:crypto'
import { invalid, type MessageFields } from './fields.ts'

/** Separators are escaped, so that no two senders share an id by what they are called. */
const escaped = (text: string): string => text.replace(/[%:]/g, mark => mark === ':' ? '%3A' : '%25')
const unescaped = (text: string): string => text.replace(/%3A|%25/g, mark => mark === '%3A' ? ':' : '%')

export function sessionIdOf ({ sessionId, channel, thread, from }: Pick<MessageFields, 'sessionId' | 'channel' | 'thread' | 'from'>): string {
  if (sessionId !== '') return sessionId
  if (thread !== '') return `${escaped(channel)}:thread:${escaped(thread)}`
  if (from !== '') return `${escaped(channel)}:dm:${escaped(from)}`
  throw invalid('gateway: missing from for dm session id')
}

/** Words that mean something in keys of sessions. */
const reserved: ReadonlySet<string> = new Set([
  'main', 'global', 'unknown', 'agent', 'key', 'dashboard', 'explicit', 'subagent', 'cron', 'hook', 'heartbeat', 'acp', 'openai', 'openai-user',
  'openresponses', 'openresponses-user', 'direct', 'dm', 'group', 'channel', 'thread', 'topic', 'user'
])
const plain = /^[a-z0-9@+_-]+(?:\.[a-z0-9@+_-]+)*$/
const maxPlainChars = 100

/** A part of a key that no other text leads to: keys know no upper case and not every character. */
function keyPart (text: string): string {
  if (plain.test(text) && text.length <= maxPlainChars && !reserved.has(text)) return text
  const words = text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40)
  return `${words}~${createHash('sha256').update(text.toWellFormed()).digest('hex').slice(0, 20)}`
}

/**
 * A thread is one conversation of all who write in it. What is said between two is the user's alone, whatever id it is given; only a
 * whole key (`agent:<agent>:…`) names a session of this gateway as it is.
 */
export function sessionNameOf (sessionId: string, user: string): string {
  if (/^agent:/i.test(sessionId)) return sessionId
  const [, channel, kind, peer] = /^([^:]+):(dm|thread):([^:]+)$/.exec(sessionId) ?? []
  if (channel === undefined || peer === undefined) return `${keyPart(sessionId)}:user:${keyPart(user)}`
  const [first, second] = [keyPart(unescaped(channel)), keyPart(unescaped(peer))]
  if (kind === 'thread') return `${first}:group:${second}`
  const isOwn = unescaped(peer) === user
  return `${first}:dm:${second}${isOwn ? '' : `:user:${keyPart(user)}`}`
}
