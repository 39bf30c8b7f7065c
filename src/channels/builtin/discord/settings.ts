/** The keys of `channels.discord`, and what they come to for one account. */
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

const id = { type: 'string', pattern: '^(?:\\d{1,20}|\\*)$' }
const people = Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Who is answered: ids of users; absent: everybody there.' }))
const roles = Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Ids of roles whose members are answered as well.' }))
const mention = Type.Optional(Type.Boolean({ description: 'Answer only when named; default true.' }))
const enabled = Type.Optional(Type.Boolean({ description: 'Answer there; default true.' }))

const place = Type.Object({ enabled, requireMention: mention, users: people, roles })
const guild = Type.Object({
  requireMention: mention,
  users: people,
  roles,
  channels: Type.Optional(Type.Record(Type.String(), place, {
    propertyNames: id, description: 'Channels by id, "*" for the others; named at all, those that are not named are not answered in.'
  }))
})

export const discordKeys = Type.Object({
  token: Type.Optional(Type.Unknown({ description: 'The token of a bot: text, or a SecretRef {source, provider, id}.' })),
  apiRoot: Type.Optional(Type.String({ minLength: 1, description: 'Address of the REST API, where something stands before Discord.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  commands: Type.Optional(Type.Object({
    native: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('auto')], {
      description: 'Show /new, /stop, /status and /help to whoever types a slash; default auto, which does.'
    }))
  })),
  guilds: Type.Optional(Type.Record(Type.String(), guild, { propertyNames: id, description: 'Servers by id that are answered in, "*" for every one.' })),
  dm: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean({ description: 'Answer direct messages; default true.' })) }))
})

export type DiscordKeys = Static<typeof discordKeys>

export interface DiscordSettings {
  readonly token: string
  readonly apiRoot: string
  readonly timeoutMs: number
}

const publicRoot = 'https://discord.com/api/v10'
export const tokenAdvice = 'it stands at https://discord.com/developers/applications, under Bot'

/** The next step towards settings that can be started with. */
export function missingSettings ({ token, apiRoot }: DiscordKeys, accountId: string): string | undefined {
  const where = settingsPath('discord', accountId)
  if (apiRoot !== undefined && !isHttpAddress(apiRoot)) return `${where}.apiRoot must be an absolute http or https address`
  return isGiven(token) ? undefined : `set ${where}.token to the token of a bot; ${tokenAdvice}`
}

export async function readSettings ({ config, secret, accountId }: Pick<AccountContext<DiscordKeys>, 'config' | 'secret' | 'accountId'>): Promise<DiscordSettings> {
  const { apiRoot = publicRoot, timeoutSeconds = 30 } = config
  const token = (await secret('token')).replace(/^Bot\s+/i, '')
  if (!/^[\w.-]{20,200}$/.test(token)) throw new Error(`${settingsPath('discord', accountId)}.token is no token of a bot; ${tokenAdvice}`)
  return { token, apiRoot, timeoutMs: timeoutSeconds * 1000 }
}
