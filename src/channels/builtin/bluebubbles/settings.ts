/** The keys of `channels.bluebubbles` (and `channels.imessage`, which is the same), and what they come to for one account. */
import { secretInput } from '../../../config/schema/types.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, oneOf, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

export const bluebubblesKeys = Type.Object({
  serverUrl: Type.Optional(Type.String({ minLength: 1, description: 'Address of the BlueBubbles server, such as http://192.168.1.100:1234.' })),
  password: Type.Optional(secretInput),
  webhookSecret: Type.Optional(secretInput),
  webhookUrl: Type.Optional(Type.String({ minLength: 1, description: 'Address of our webhook as the Mac sees it; it is entered there by itself.' })),
  sweepSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 3600, description: 'How often it is asked for what no webhook brought; default 60.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 45.' })),
  sendReadReceipts: Type.Optional(Type.Boolean({ description: 'Tell people that what they wrote has been read; default true.' })),
  reactionNotifications: Type.Optional(oneOf(['off', 'all'], { description: 'Whether tapbacks are messages to the agent; default off.' }))
})

export type BluebubblesKeys = Static<typeof bluebubblesKeys>

export interface BluebubblesSettings {
  readonly serverUrl: string
  readonly password: string
  /** What the webhook has to bring: of its own, or the password. */
  readonly webhookSecret: string
  readonly webhookUrl: string | undefined
  readonly sweepMs: number
  readonly timeoutMs: number
  readonly sendReadReceipts: boolean
  readonly hearsReactions: boolean
}

/** The next step towards settings that can be started with. */
export const missingSettings = (channel: string) => (keys: BluebubblesKeys, accountId: string): string | undefined => {
  const { serverUrl, password, webhookUrl } = keys
  const where = settingsPath(channel, accountId)
  if (serverUrl === undefined) return `set ${where}.serverUrl to the address of a BlueBubbles server, such as http://192.168.1.100:1234`
  if (!isHttpAddress(serverUrl)) return `${where}.serverUrl must be an absolute http or https address`
  if (!isGiven(password)) return `set ${where}.password: the one of the BlueBubbles server (Settings, API)`
  if (webhookUrl !== undefined && !isHttpAddress(webhookUrl)) return `${where}.webhookUrl must be an absolute http or https address`
  return undefined
}

export async function readSettings ({ config, secret }: AccountContext<BluebubblesKeys>): Promise<BluebubblesSettings> {
  const { serverUrl = '', webhookUrl, sweepSeconds = 60, timeoutSeconds = 45, sendReadReceipts = true } = config
  const password = await secret('password')
  return {
    serverUrl,
    password,
    webhookSecret: config.webhookSecret === undefined ? password : await secret('webhookSecret'),
    webhookUrl,
    sweepMs: sweepSeconds * 1000,
    timeoutMs: timeoutSeconds * 1000,
    sendReadReceipts,
    hearsReactions: config.reactionNotifications === 'all'
  }
}
