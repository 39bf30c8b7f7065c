/** `channels` of the configuration file as commands read and change it. */
import { accountEntries, channelSections, onlyAccountId, type AccountEntry } from '../config/channel-entries.ts'
import { formatPath, valueAt, type PathStep } from '../config/path-syntax.ts'
import { isObject } from '../lib/json-object.ts'
import { changeConfig, type ConfigOperation } from './config-change.ts'
import type { CommandContext } from './define-command.ts'
import { CommandFailure } from './failure.ts'
import { loadLocalSettings, pathsOf, type LocalSettings } from './local-settings.ts'

type Fields = { readonly [key: string]: unknown }

interface KnownChannel {
  readonly label: string
  /** Settings by the option that sets them. */
  readonly keys: { readonly [option: string]: string }
  /** Variables that `--use-env` refers to, by the setting that they are for. */
  readonly env: { readonly [key: string]: string }
}

/** The channels that come with the gateway. What else they can be told goes through --set. */
export const knownChannels: { readonly [id: string]: KnownChannel } = {
  telegram: {
    label: 'Telegram',
    keys: { token: 'botToken', tokenFile: 'tokenFile', webhookUrl: 'webhookUrl', webhookSecret: 'webhookSecret' },
    env: { botToken: 'TELEGRAM_BOT_TOKEN' }
  },
  discord: { label: 'Discord', keys: { token: 'token' }, env: { token: 'DISCORD_BOT_TOKEN' } },
  slack: {
    label: 'Slack',
    keys: { token: 'botToken', botToken: 'botToken', appToken: 'appToken', signingSecret: 'signingSecret' },
    env: { botToken: 'SLACK_BOT_TOKEN', appToken: 'SLACK_APP_TOKEN' }
  },
  whatsapp: {
    label: 'WhatsApp',
    keys: { token: 'accessToken', accessToken: 'accessToken', phoneNumberId: 'phoneNumberId', appSecret: 'appSecret', verifyToken: 'verifyToken' },
    env: { accessToken: 'WHATSAPP_ACCESS_TOKEN', appSecret: 'WHATSAPP_APP_SECRET' }
  },
  bluebubbles: { label: 'BlueBubbles', keys: { serverUrl: 'serverUrl', password: 'password' }, env: { password: 'BLUEBUBBLES_PASSWORD' } },
  imessage: { label: 'iMessage', keys: { serverUrl: 'serverUrl', password: 'password' }, env: { password: 'BLUEBUBBLES_PASSWORD' } },
  matrix: {
    label: 'Matrix',
    keys: { token: 'accessToken', accessToken: 'accessToken', homeserver: 'homeserver' },
    env: { accessToken: 'MATRIX_ACCESS_TOKEN' }
  },
  webhook: { label: 'Webhook', keys: {}, env: {} }
}

export const knownChannel = (id: string): KnownChannel | undefined => Object.hasOwn(knownChannels, id) ? knownChannels[id] : undefined

export const labelOfChannel = (id: string): string => knownChannel(id)?.label ?? id

export interface ChannelFile {
  readonly settings: LocalSettings
  readonly entries: readonly AccountEntry[]
  /** Ids in the order of the file, also of those that are switched off. */
  readonly channels: readonly string[]
}

export async function readChannels (context: Pick<CommandContext, 'global' | 'io'>): Promise<ChannelFile> {
  const settings = await loadLocalSettings(context)
  const { config } = settings.loaded
  return { settings, entries: accountEntries(config), channels: channelSections(config).map(([id]) => id) }
}

/** `--account ""` is a variable that nobody set. */
export function accountOf (given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const id = given.trim()
  if (id === '') throw new CommandFailure('--account must not be blank')
  if (!/^[\w.-]{1,64}$/.test(id)) throw new CommandFailure('--account takes 1 to 64 letters, digits, dots, dashes and underscores')
  return id
}

export function channelOf (given: string | undefined, { channels }: Pick<ChannelFile, 'channels'>): string {
  if (given !== undefined && given.trim() === '') throw new CommandFailure('--channel must not be blank')
  const id = given?.trim().toLowerCase() ?? (channels.length === 1 ? channels[0] : undefined)
  if (id !== undefined) return id
  const known = channels.length > 0 ? `one of ${channels.join(', ')}` : 'there is none yet: openclaw channels add'
  throw new CommandFailure(`Which channel? Name it with --channel (${known}).`)
}

const placeOf = (channel: string, account: string | undefined): PathStep[] =>
  account === undefined ? ['channels', channel] : ['channels', channel, 'accounts', account]

interface Written {
  readonly parsed: unknown
}

const accountsIn = ({ parsed }: Written, channel: string): Fields => {
  const accounts = valueAt(parsed, ['channels', channel, 'accounts'])
  return isObject(accounts) ? accounts : {}
}

/** The place of an account in the file: the channel itself as long as it has only one without a name. */
function accountPlace (written: Written, channel: string, account: string | undefined): PathStep[] {
  const accounts = accountsIn(written, channel)
  const id = account ?? onlyAccountId
  return Object.keys(accounts).length > 0 || id !== onlyAccountId ? placeOf(channel, id) : placeOf(channel, undefined)
}

/** What puts settings of one account into the file. */
export function addOperations (written: Written, channel: string, account: string | undefined, keys: Fields): ConfigOperation[] {
  const place = accountPlace(written, channel, account)
  const section = valueAt(written.parsed, ['channels', channel])
  const isFirstNamed = place.length > 2 && Object.keys(accountsIn(written, channel)).length === 0
  const isSecond = isFirstNamed && isObject(section) && Object.keys(section).length > 0
  const set = (steps: readonly PathStep[], value: unknown): ConfigOperation => ({ kind: 'set', path: formatPath([...steps]), value })
  return [
    // The one that had no name keeps its settings, which all accounts share, and gets the name that it always answered to.
    ...(isSecond ? [set(placeOf(channel, onlyAccountId), {})] : []),
    ...(valueAt(written.parsed, place) === undefined
      ? [set(place, { enabled: true, ...keys })]
      : Object.entries({ enabled: true, ...keys }).map(([key, value]) => set([...place, key], value)))
  ]
}

export function removeOperations (written: Written, channel: string, account: string | undefined): ConfigOperation[] {
  const place = accountPlace(written, channel, account)
  const others = Object.keys(accountsIn(written, channel)).filter(id => id !== place.at(-1))
  const gone = place.length > 2 && others.length === 0 ? placeOf(channel, undefined) : place
  return [{ kind: 'unset', path: formatPath([...gone]) }]
}

export const disableOperations = (written: Written, channel: string, account: string | undefined): ConfigOperation[] =>
  [{ kind: 'set', path: formatPath([...accountPlace(written, channel, account), 'enabled']), value: false }]

export interface WrittenChannels {
  readonly path: string
  readonly changed: boolean
}

export async function writeChannels (context: CommandContext, operations: readonly ConfigOperation[]): Promise<WrittenChannels> {
  const { path, changed } = await changeConfig(operations, { paths: pathsOf(context), env: context.io.env, allowDestructive: true })
  return { path, changed }
}
