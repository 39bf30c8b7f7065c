/** The keys of `channels.telegram`, and what they come to for one account. */
import { isSecretRef, secretInput } from '../../../config/schema/types.ts'
import { readPrivateFile } from '../../../config/secret-file.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

export const telegramKeys = Type.Object({
  botToken: Type.Optional(secretInput),
  tokenFile: Type.Optional(Type.String({ minLength: 1, description: 'A file that holds the token, readable by nobody else.' })),
  apiRoot: Type.Optional(Type.String({ minLength: 1, description: 'Address of a Bot API server of your own.' })),
  proxy: Type.Optional(Type.String({ minLength: 1, description: 'HTTP proxy that leads to the Bot API.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  pollingTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'How long one poll waits for messages; default 30.' })),
  commands: Type.Optional(Type.Object({
    native: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('auto')], { description: 'Show the commands to whoever types a slash; default true.' }))
  })),
  linkPreview: Type.Optional(Type.Boolean({ description: 'Show previews of links in what is sent; default true.' })),
  webhookUrl: Type.Optional(Type.String({ minLength: 1, description: 'Public https address for messages; without it they are polled for.' })),
  webhookSecret: Type.Optional(secretInput),
  webhookCheckSeconds: Type.Optional(Type.Integer({
    minimum: 0, maximum: 86_400, description: 'How often Telegram is asked whether it can reach the webhook; default 120, 0: never.'
  }))
})

export type TelegramKeys = Static<typeof telegramKeys>

export interface TelegramSettings {
  readonly token: string
  readonly apiRoot: string
  readonly proxy: string | undefined
  readonly timeoutMs: number
  readonly pollSeconds: number
  readonly linkPreview: boolean
  readonly webhook: { readonly url: string, readonly secret: string, readonly checkMs: number } | undefined
}

const publicRoot = 'https://api.telegram.org'
const secretShape = /^[\w-]{1,256}$/
const tokenShape = /^\d{1,20}:[\w-]{1,100}$/
const tokenAdvice = 'it looks like 123456:ABC… and comes from @BotFather'
const maxTokenFileBytes = 4096

function missingToken ({ botToken, tokenFile }: TelegramKeys, where: string): string | undefined {
  if (!isGiven(botToken)) {
    return tokenFile === undefined ? `set ${where}.botToken or ${where}.tokenFile: a bot's token, ${tokenAdvice}` : undefined
  }
  return typeof botToken !== 'string' || tokenShape.test(botToken.trim()) ? undefined : `${where}.botToken is no token of a bot: ${tokenAdvice}`
}

function missingWebhook ({ webhookUrl, webhookSecret = '', apiRoot }: TelegramKeys, where: string): string | undefined {
  if (webhookUrl === undefined) return undefined
  if (!isHttpAddress(webhookUrl)) return `${where}.webhookUrl must be an absolute address, such as https://example.com/telegram`
  if (apiRoot === undefined && !webhookUrl.startsWith('https:')) return `${where}.webhookUrl must begin with https: Telegram calls nothing else`
  return isSecretRef(webhookSecret) || secretShape.test(webhookSecret)
    ? undefined
    : `set ${where}.webhookSecret to 1 to 256 of A-Z a-z 0-9 _ -: without it anybody could speak in Telegram's name`
}

/** The next step towards settings that can be started with. */
export function missingSettings (keys: TelegramKeys, accountId: string): string | undefined {
  const where = settingsPath('telegram', accountId)
  for (const name of ['apiRoot', 'proxy'] as const) {
    const address = keys[name]
    if (address !== undefined && !isHttpAddress(address)) return `${where}.${name} must be an absolute http or https address`
  }
  return missingToken(keys, where) ?? missingWebhook(keys, where)
}

type Source = Pick<AccountContext<TelegramKeys>, 'accountId' | 'config' | 'secret'>

async function tokenOf ({ accountId, config: { botToken, tokenFile }, secret }: Source): Promise<string> {
  if (isGiven(botToken)) {
    const token = await secret('botToken')
    // It stands in every address.
    if (!tokenShape.test(token)) throw new Error(`${settingsPath('telegram', accountId)}.botToken leads to no token of a bot: ${tokenAdvice}`)
    return token
  }
  const token = (await readPrivateFile(tokenFile ?? '', maxTokenFileBytes)).trim()
  if (!tokenShape.test(token)) throw new Error(`${tokenFile} holds no token of a bot: ${tokenAdvice}`)
  return token
}

async function webhookOf ({ accountId, config: { webhookUrl, webhookCheckSeconds = 120 }, secret }: Source): Promise<TelegramSettings['webhook']> {
  if (webhookUrl === undefined) return undefined
  const given = await secret('webhookSecret')
  if (!secretShape.test(given)) throw new Error(`${settingsPath('telegram', accountId)}.webhookSecret must be 1 to 256 of A-Z a-z 0-9 _ -`)
  return { url: webhookUrl, secret: given, checkMs: webhookCheckSeconds * 1000 }
}

export async function readSettings (source: Source): Promise<TelegramSettings> {
  const { apiRoot = publicRoot, proxy, timeoutSeconds = 30, pollingTimeoutSeconds = 30, linkPreview = true } = source.config
  return {
    token: await tokenOf(source),
    apiRoot,
    proxy,
    timeoutMs: timeoutSeconds * 1000,
    pollSeconds: pollingTimeoutSeconds,
    linkPreview,
    webhook: await webhookOf(source)
  }
}
