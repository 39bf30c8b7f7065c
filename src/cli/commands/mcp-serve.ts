import { readFile } from 'node:fs/promises'
import { packageVersion } from '../../lib/package-version.ts'
import { command, flag, oneOfWords, text, type CommandContext, type OptionValues } from '../define-command.ts'
import { CommandFailure, reportFailure } from '../failure.ts'
import { loadLocalSettings } from '../local-settings.ts'
import { serveMcp } from '../mcp/serve.ts'
import { openGateway } from '../open-gateway.ts'
import { rpcOptions } from '../rpc-options.ts'
import { meantTarget } from '../target.ts'
import { openOptionsFor } from '../with-gateway.ts'

const { url, port, token, password, timeout } = rpcOptions

const options = {
  url,
  port,
  token,
  tokenFile: text('path', 'File with the gateway token'),
  password,
  passwordFile: text('path', 'File with the gateway password'),
  timeout,
  claudeChannelMode: oneOfWords('mode', ['auto', 'on', 'off'], 'Tell clients of messages in their own words; auto is on'),
  verbose: flag('Say on stderr what happens', { short: 'v' })
}

type Context = CommandContext<OptionValues<typeof options>>

/** Reads, writes and approvals: nothing that an administrator alone may do. */
const scopes = ['operator.read', 'operator.write', 'operator.approvals']

async function secretIn (path: string | undefined, given: string | undefined): Promise<string | undefined> {
  if (path === undefined) return given
  const secret = await readFile(path, 'utf8').then(content => content.trim(), (error: Error) => { throw new CommandFailure(`${path} cannot be read: ${error.message}`) })
  if (secret === '') throw new CommandFailure(`${path} is empty`)
  return secret
}

async function run (context: Context): Promise<number> {
  const { options: given, out, io } = context
  const flags = {
    ...given, json: false, token: await secretIn(given.tokenFile, given.token), password: await secretIn(given.passwordFile, given.password)
  }
  const settings = await loadLocalSettings(context)
  const target = meantTarget(flags, settings, out.note)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  try {
    await serveMcp({
      open: () => openGateway(target, { ...openOptionsFor({ ...context, options: flags }, settings), scopes, caps: ['approvals'] }),
      stdin: io.stdin as typeof process.stdin,
      stdout: io.stdout as typeof process.stdout,
      version: packageVersion(),
      tellsChannels: given.claudeChannelMode !== 'off',
      note: words => { if (given.verbose) out.note(words) },
      now: Date.now,
      signal: ended.signal
    })
    return 0
  } catch (error) {
    return reportFailure(error, { out, json: false, doing: 'MCP serve', target })
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  }
}

export default command({
  name: 'mcp serve',
  summary: 'Offer the conversations and tools of the gateway to an MCP client, over standard input and output',
  details: 'Started by the client. Everything goes through the gateway and its rules; standard output carries nothing but the protocol.',
  options,
  examples: [
    ['openclaw mcp serve', 'The gateway of this machine.'],
    ['openclaw mcp serve --url wss://gateway-host:18789 --token-file ~/.openclaw/gateway.token', 'Another one.']
  ],
  run
})
