/** The keys of `channels.webhook`, and what they come to for one account. */
import { secretInput } from '../../../config/schema/types.ts'
import { Type, oneOf, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

export const webhookKeys = Type.Object({
  secret: Type.Optional(secretInput),
  previousSecret: Type.Optional(secretInput),
  url: Type.Optional(Type.String({ minLength: 1, description: 'Where replies are posted; without it messages only come in.' })),
  allowPrivateNetwork: Type.Optional(Type.Boolean({ description: 'url leads to this machine or a private network on purpose; default false.' })),
  toleranceSeconds: Type.Optional(Type.Integer({ minimum: 30, maximum: 3600, description: 'How old a signature may be; default 300.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  events: Type.Optional(oneOf(['messages', 'all'], { description: 'What is posted: messages, or edits, reactions and signs as well; default messages.' }))
})

export type WebhookKeys = Static<typeof webhookKeys>

export interface WebhookSettings {
  /** Signs what goes out, and what comes in. */
  readonly secret: string
  /** Good for what comes in while another one takes its place. */
  readonly previousSecret: string | undefined
  readonly url: string | undefined
  readonly allowPrivateNetwork: boolean
  readonly toleranceMs: number
  readonly timeoutMs: number
  readonly hasAllEvents: boolean
}

const shortestSecret = 16

/** The next step towards settings that can be started with. */
export function missingSettings ({ secret, url, allowPrivateNetwork = false }: WebhookKeys, accountId: string): string | undefined {
  const where = settingsPath('webhook', accountId)
  if (!isGiven(secret)) return `set ${where}.secret to a long random text (openssl rand -hex 32); both sides sign with it`
  if (typeof secret === 'string' && !secret.startsWith('$') && secret.trim().length < shortestSecret) return `${where}.secret must have ${shortestSecret} characters at least (openssl rand -hex 32)`
  if (url === undefined) return undefined
  const { protocol, username, password } = URL.parse(url) ?? {}
  if (protocol !== 'https:' && protocol !== 'http:') return `${where}.url must be an absolute https address`
  if (username || password) return `${where}.url must not contain a name or password; what is posted is signed`
  if (protocol === 'http:' && !allowPrivateNetwork) return `${where}.url must begin with https; http is for your own network alone (${where}.allowPrivateNetwork: true)`
  return undefined
}

export async function readSettings ({ config, secret }: AccountContext<WebhookKeys>): Promise<WebhookSettings> {
  const { url, allowPrivateNetwork = false, toleranceSeconds = 300, timeoutSeconds = 30, events } = config
  return {
    secret: await secret('secret'),
    previousSecret: config.previousSecret === undefined ? undefined : await secret('previousSecret'),
    url,
    allowPrivateNetwork,
    toleranceMs: toleranceSeconds * 1000,
    timeoutMs: timeoutSeconds * 1000,
    hasAllEvents: events === 'all'
  }
}
