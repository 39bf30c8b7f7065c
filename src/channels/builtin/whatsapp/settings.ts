/** The keys of `channels.whatsapp`, and what they come to for one account. */
import { secretInput } from '../../../config/schema/types.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, oneOf, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

export const whatsappKeys = Type.Object({
  phoneNumberId: Type.Optional(Type.String({ minLength: 1, description: 'Id of the phone number, as the App Dashboard shows it.' })),
  accessToken: Type.Optional(secretInput),
  appSecret: Type.Optional(secretInput),
  verifyToken: Type.Optional(secretInput),
  apiRoot: Type.Optional(Type.String({ minLength: 1, description: 'Address of the Graph API; default https://graph.facebook.com.' })),
  apiVersion: Type.Optional(Type.String({ pattern: '^v\\d{1,3}\\.\\d{1,3}$', description: 'Its version; default v23.0.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  webhookUrl: Type.Optional(Type.String({
    minLength: 1, maxLength: 200, description: 'Public https address of our webhook; it is entered for the number by itself, and looked after.'
  })),
  webhookCheckSeconds: Type.Optional(Type.Integer({
    minimum: 0, maximum: 86_400, description: 'How often WhatsApp is asked whether it calls that address; default 120, 0: never.'
  })),
  linkPreview: Type.Optional(Type.Boolean({ description: 'Show previews of links in what is sent; default true.' })),
  sendReadReceipts: Type.Optional(Type.Boolean({ description: 'Tell people that what they wrote has been read; default true.' })),
  reactionNotifications: Type.Optional(oneOf(['off', 'all'], { description: 'Whether reactions are messages to the agent; default off.' }))
})

export type WhatsappKeys = Static<typeof whatsappKeys>

export interface WhatsappSettings {
  readonly phoneNumberId: string
  readonly accessToken: string
  readonly appSecret: string
  readonly verifyToken: string
  readonly apiRoot: string
  readonly apiVersion: string
  readonly timeoutMs: number
  readonly webhook: { readonly url: string, readonly checkMs: number } | undefined
  readonly linkPreview: boolean
  readonly sendReadReceipts: boolean
  readonly hearsReactions: boolean
}

const publicRoot = 'https://graph.facebook.com'

const wanted = [
  ['accessToken', 'a token of a system user with whatsapp_business_messaging'],
  ['appSecret', 'App settings, Basic, App secret: without it anybody could speak in WhatsApp\'s name'],
  ['verifyToken', 'any text; the same one is entered beside the callback URL in the App Dashboard']
] as const

/** The next step towards settings that can be started with. */
export function missingSettings (keys: WhatsappKeys, accountId: string): string | undefined {
  const where = settingsPath('whatsapp', accountId)
  if (!/^\d{1,32}$/.test(keys.phoneNumberId ?? '')) {
    return `set ${where}.phoneNumberId to the id of the phone number, digits only (App Dashboard, WhatsApp, API Setup); it is not the number itself`
  }
  for (const [name, advice] of wanted) if (!isGiven(keys[name])) return `set ${where}.${name}: ${advice}`
  const { apiRoot, webhookUrl } = keys
  if (webhookUrl !== undefined && !(isHttpAddress(webhookUrl) && (apiRoot !== undefined || webhookUrl.startsWith('https:')))) {
    return `${where}.webhookUrl must be an absolute https address, such as https://example.com/webhooks/whatsapp/default`
  }
  if (apiRoot !== undefined && !isHttpAddress(apiRoot)) return `${where}.apiRoot must be an absolute http or https address`
  return undefined
}

export async function readSettings ({ config, secret }: AccountContext<WhatsappKeys>): Promise<WhatsappSettings> {
  const { phoneNumberId = '', apiRoot = publicRoot, apiVersion = 'v23.0', timeoutSeconds = 30, linkPreview = true, sendReadReceipts = true } = config
  const { webhookUrl: url, webhookCheckSeconds = 120 } = config
  const [accessToken, appSecret, verifyToken] = await Promise.all([secret('accessToken'), secret('appSecret'), secret('verifyToken')])
  return {
    phoneNumberId,
    accessToken,
    appSecret,
    verifyToken,
    apiRoot,
    apiVersion,
    timeoutMs: timeoutSeconds * 1000,
    webhook: url === undefined || webhookCheckSeconds === 0 ? undefined : { url, checkMs: webhookCheckSeconds * 1000 },
    linkPreview,
    sendReadReceipts,
    hearsReactions: config.reactionNotifications === 'all'
  }
}
