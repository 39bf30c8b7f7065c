/** Who is answered, and what in a group is meant for the agent. */
import type { Config } from '../../config/schema.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { MessageFields } from './fields.ts'

export type DataPlaneSettings = Config['gateway']['dataPlane']

const trimmed = (entries: readonly string[]): string[] => entries.map(entry => entry.trim()).filter(entry => entry !== '')

/** An empty list lets nobody in. */
export function checkUser ({ allowUsers }: DataPlaneSettings, user: string): void {
  if (allowUsers === undefined || trimmed(allowUsers).includes(user)) return
  throw new GatewayError('USER_NOT_ALLOWED')
}

/** Whoever brings messages of others here does not make them its own, unless the configuration says whose are. */
export const isOwner = ({ ownerUsers }: DataPlaneSettings, user: string): boolean =>
  trimmed(ownerUsers).some(entry => entry === '*' || entry === user)

/** Patterns are plain words, by their case. */
export function isMeant ({ requireMention, mentionPatterns }: DataPlaneSettings, { thread }: Pick<MessageFields, 'thread'>, text: string): boolean {
  return !requireMention || thread === '' || trimmed(mentionPatterns).some(pattern => text.includes(pattern))
}
