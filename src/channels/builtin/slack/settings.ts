/** The keys of `channels.slack`, and what they come to for one account. */
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

const conversation = Type.Object({
  enabled: Type.Optional(Type.Boolean({ description: 'Answer there; default true.' })),
  requireMention: Type.Optional(Type.Boolean({ description: 'Answer only when named; default true.' })),
  users: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Who is answered: ids of users; absent: everybody there.' }))
})

export const slackKeys = Type.Object({
  mode: Type.Optional(Type.Union([Type.Literal('socket'), Type.Literal('http')], {
    description: 'How messages come in: over a socket that we open (default), or by calls of Slack.'
  })),
  botToken: Type.Optional(Type.Unknown({ description: 'Token of the bot, xoxb-…: text, or a SecretRef {source, provider, id}.' })),
  appToken: Type.Optional(Type.Unknown({ description: 'Token of the app, xapp-…, with the scope connections:write; for mode "socket".' })),
  signingSecret: Type.Optional(Type.Unknown({ description: 'What Slack signs its calls with; for mode "http".' })),
  apiRoot: Type.Optional(Type.String({ minLength: 1, description: 'Address of the Web API, where something stands before Slack.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  unfurlLinks: Type.Optional(Type.Boolean({ description: 'Show previews of links in what is sent; default false.' })),
  channels: Type.Optional(Type.Record(Type.String(), conversation, { description: 'Channels by id that are answered in, "*" for every one.' })),
  dm: Type.Optional(Type.Object({
    enabled: Type.Optional(Type.Boolean({ description: 'Answer direct messages; default true.' })),
    groupEnabled: Type.Optional(Type.Boolean({ description: 'Answer in direct messages of several people; default false.' })),
    groupChannels: Type.Optional(Type.Array(Type.String(), { description: 'Only in these of them.' }))
  })),
  socketMode: Type.Optional(Type.Object({
    clientPingTimeout: Type.Optional(Type.Integer({ minimum: 300, maximum: 600_000, description: 'A socket that is silent for so many ms is gone; default 15000.' }))
  }))
})

export type SlackKeys = Static<typeof slackKeys>

export interface SlackSettings {
  readonly botToken: string
  readonly apiRoot: string
  readonly timeoutMs: number
  readonly unfurlLinks: boolean
  readonly silentMs: number
  /** Which of the two brings messages. */
  readonly source: { readonly kind: 'socket', readonly appToken: string } | { readonly kind: 'http', readonly signingSecret: string }
}

const publicRoot = 'https://slack.com/api'
export const appsPage = 'https://api.slack.com/apps'

/** The next step towards settings that can be started with. */
export function missingSettings ({ mode = 'socket', botToken, appToken, signingSecret, apiRoot }: SlackKeys, accountId: string): string | undefined {
  const where = settingsPath('slack', accountId)
  if (apiRoot !== undefined && !isHttpAddress(apiRoot)) return `${where}.apiRoot must be an absolute http or https address`
  if (!isGiven(botToken)) return `set ${where}.botToken to the bot's token, xoxb-…; it stands at ${appsPage}, under OAuth & Permissions`
  if (mode === 'socket' && !isGiven(appToken)) {
    return `set ${where}.appToken to an app-level token, xapp-…, with connections:write; it is made at ${appsPage}, under Basic Information`
  }
  if (mode === 'http' && !isGiven(signingSecret)) return `set ${where}.signingSecret; it stands at ${appsPage}, under Basic Information`
  return undefined
}

export async function readSettings ({ config, secret, accountId }: Pick<AccountContext<SlackKeys>, 'config' | 'secret' | 'accountId'>): Promise<SlackSettings> {
  const { mode = 'socket', apiRoot = publicRoot, timeoutSeconds = 30, unfurlLinks = false, socketMode } = config
  const where = settingsPath('slack', accountId)
  async function token (name: 'botToken' | 'appToken', prefix: RegExp, looks: string): Promise<string> {
    const value = await secret(name)
    if (!prefix.test(value)) throw new Error(`${where}.${name} is another kind of token: it looks like ${looks}`)
    return value
  }
  return {
    botToken: await token('botToken', /^xox[bpe][.-][\w.-]+$/, 'xoxb-…'),
    apiRoot,
    timeoutMs: timeoutSeconds * 1000,
    unfurlLinks,
    silentMs: socketMode?.clientPingTimeout ?? 15_000,
    source: mode === 'socket'
      ? { kind: 'socket', appToken: await token('appToken', /^xapp-[\w-]+$/, 'xapp-…') }
      : { kind: 'http', signingSecret: await secret('signingSecret') }
  }
}
