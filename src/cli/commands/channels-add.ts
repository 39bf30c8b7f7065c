import json5 from 'json5'
import { accountOf, addOperations, knownChannel, knownChannels, labelOfChannel, readChannels, writeChannels } from '../channel-config.ts'
import { channelArgument, namedChannel } from '../channel-course.ts'
import { takeUp } from '../channel-live.ts'
import { command, flag, text, texts, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'

const { token: _token, password: _password, url: _url, ...connection } = rpcOptions

const options = {
  ...connection,
  channel: text('name', 'Channel (openclaw channels list --all)'),
  account: text('id', 'Account (default: default)'),
  name: text('name', 'Name of the account for people'),
  token: text('token', 'The token of the bot or the application'),
  tokenFile: text('path', 'A private file that holds it'),
  botToken: text('token', 'Slack: token of the bot (xoxb-…)'),
  appToken: text('token', 'Slack: token of the application (xapp-…)'),
  signingSecret: text('secret', 'Slack: what its requests are signed with'),
  accessToken: text('token', 'WhatsApp, Matrix: access token'),
  phoneNumberId: text('id', 'WhatsApp: id of the phone number'),
  appSecret: text('secret', 'WhatsApp: what its requests are signed with'),
  verifyToken: text('token', 'WhatsApp: what a new webhook is verified with'),
  homeserver: text('url', 'Matrix: the server of the account'),
  serverUrl: text('url', 'iMessage, BlueBubbles: the bridge'),
  password: text('password', 'iMessage, BlueBubbles: password of the bridge'),
  webhookUrl: text('url', 'Public address at which the service calls us'),
  webhookSecret: text('secret', 'What it proves itself with there'),
  useEnv: flag('Refer to the variables of the channel (TELEGRAM_BOT_TOKEN, …) in place of writing credentials down'),
  set: texts('key=value', 'Any other setting of the account; may be repeated')
}

type Flags = OptionValues<typeof options>
type Context = CommandContext<Flags>

const credentialOptions = [
  'token', 'tokenFile', 'botToken', 'appToken', 'signingSecret', 'accessToken', 'phoneNumberId', 'appSecret', 'verifyToken', 'homeserver',
  'serverUrl', 'password', 'webhookUrl', 'webhookSecret'
] as const satisfies (keyof Flags)[]

const dashed = (name: string): string => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

function settingOf (pair: string): [key: string, value: unknown] {
  const at = pair.indexOf('=')
  if (at < 1) throw new UsageError(`Invalid --set "${pair}" (use key=value)`)
  const [key, given] = [pair.slice(0, at), pair.slice(at + 1)]
  if (!/^[A-Za-z][\w-]*$/.test(key)) throw new UsageError(`Invalid --set "${pair}" (a key is one word)`)
  try {
    return [key, json5.parse(given)]
  } catch {
    return [key, given]
  }
}

/** `${NAME}`: the configuration says where the credential is, not what it is. */
function fromEnv (channel: string, env: NodeJS.ProcessEnv): { [key: string]: string } {
  const named = Object.entries(knownChannel(channel)?.env ?? {})
  if (named.length === 0) throw new UsageError(`${channel} has no variables of its own; use --set key='\${NAME}'`)
  const missing = named.filter(([, name]) => !env[name]).map(([, name]) => name)
  if (missing.length > 0) throw new CommandFailure(`--use-env needs ${missing.join(' and ')} in the environment of this command and of the gateway.`)
  return Object.fromEntries(named.map(([key, name]) => [key, `\${${name}}`]))
}

function keysOf (channel: string, flags: Flags, env: NodeJS.ProcessEnv): { [key: string]: unknown } {
  const known = knownChannel(channel)
  const given = credentialOptions.filter(option => flags[option] !== undefined)
  const foreign = given.find(option => known?.keys[option] === undefined)
  if (foreign !== undefined) throw new UsageError(`${dashed(foreign)} is no setting of ${channel}; use --set key=value for what it has beside that`)
  return {
    ...(flags.useEnv ? fromEnv(channel, env) : {}),
    ...Object.fromEntries(given.map(option => [known!.keys[option]!, flags[option]])),
    ...Object.fromEntries((flags.set ?? []).map(settingOf)),
    ...(flags.name === undefined ? {} : { name: flags.name })
  }
}

function meantChannel (context: Context): string {
  const id = namedChannel(context)?.trim().toLowerCase()
  if (id === undefined || id === '') throw new UsageError(`Which channel? openclaw channels add --channel <${Object.keys(knownChannels).join('|')}>`)
  if (!/^[a-z][\w-]*$/.test(id) || id === 'defaults') throw new UsageError(`"${id}" is no name of a channel (openclaw channels list --all)`)
  return id
}

async function run (context: Context): Promise<number> {
  const { options: flags, out, io } = context
  const channel = meantChannel(context)
  const account = accountOf(flags.account)
  const keys = keysOf(channel, flags, io.env)
  const known = knownChannel(channel)
  if (known && Object.keys(keys).length === 0) {
    const wanted = Object.keys(known.keys).map(dashed).join(', ') || '--set key=value'
    throw new UsageError(`What is the account signed in with? ${labelOfChannel(channel)} takes ${[wanted, '--use-env'].join(', ')}.`)
  }
  const { settings } = await readChannels(context)
  const { changed } = await writeChannels(context, addOperations({ parsed: settings.loaded.parsed }, channel, account, keys))
  const { said, live, warnings } = await takeUp({ ...context, options: { ...flags, token: undefined, password: undefined } }, channel)
  const place = `${labelOfChannel(channel)} account ${account ?? 'default'}`
  if (flags.json) out.json({ ok: true, channel, accountId: account ?? 'default', changed, live, warnings })
  else out.line(changed ? `Saved ${place}. ${said}` : `${place} was configured like that already. ${said}`)
  for (const warning of warnings) out.note(`Warning: ${warning}`)
  return 0
}

export default command({
  name: 'channels add',
  summary: 'Add an account of a channel to the configuration, or change one; a gateway that runs takes it up',
  details: 'Comments and all the rest of the configuration stay. A second account of a channel needs --account; what stood there before becomes ' +
    'the account "default".',
  args: [channelArgument],
  options,
  examples: [
    ['openclaw channels add --channel telegram --token 123456:ABC…', 'The token stands in the configuration.'],
    ['openclaw channels add telegram --use-env', 'The token stays in TELEGRAM_BOT_TOKEN.'],
    ['openclaw channels add --channel slack --account work --bot-token xoxb-… --app-token xapp-…', 'A second account.']
  ],
  run
})
