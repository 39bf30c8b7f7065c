/** `session.sendPolicy`: which conversations may be written to. What somebody decided for one conversation goes before it. */
import type { Config } from '../config/schema.ts'
import { GatewayError } from '../protocol/errors.ts'
import { parseKey, type KeyParts } from './keys.ts'
import type { SessionRecord } from './record.ts'

type Policy = Config['session']['sendPolicy']
type Place = Pick<SessionRecord, 'channel' | 'chatType' | 'overrides'>

const chatTypes: { readonly [kind in KeyParts['kind']]?: string } = { main: 'direct', direct: 'direct', group: 'group', channel: 'channel' }

/** Every field that the rule names has to fit; a rule that names none fits everything. */
function fits (match: unknown, key: string, place: Place | undefined): boolean {
  const { channel, chatType, keyPrefix, rawKeyPrefix } = (match ?? {}) as { readonly [field: string]: unknown }
  const parts = parseKey(key)
  const wanted = chatType === 'dm' ? 'direct' : chatType
  const begins = (text: string, prefix: unknown): boolean => prefix === undefined || text.startsWith(String(prefix).toLowerCase())
  return (channel === undefined || channel === (place?.channel ?? parts.channel)) &&
    (wanted === undefined || wanted === (place?.chatType ?? chatTypes[parts.kind])) &&
    begins(parts.rest.toLowerCase(), keyPrefix) && begins(key.toLowerCase(), rawKeyPrefix)
}

export function mayBeWrittenTo (key: string, place: Place | undefined, policy: Policy): boolean {
  const own = place?.overrides?.['sendPolicy']
  if (own === 'allow' || own === 'deny') return own === 'allow'
  if (!policy) return true
  const fitting = policy.rules.filter(({ match }) => fits(match, key, place))
  if (fitting.some(({ action }) => action === 'deny')) return false
  return policy.default !== 'deny' || fitting.some(({ action }) => action === 'allow')
}

export function checkSendPolicy (key: string, place: Place | undefined, policy: Policy): void {
  if (!mayBeWrittenTo(key, place, policy)) {
    throw new GatewayError('SEND_BLOCKED', { message: `send blocked by session policy: ${key}`, details: { key } })
  }
}
