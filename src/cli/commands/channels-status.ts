import { escapeControl } from '../../lib/text.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { isClientError } from '../client-error.ts'
import { labelOfChannel, readChannels, type ChannelFile } from '../channel-config.ts'
import { statusText, type ChannelsView } from '../channel-view.ts'
import { command, flag, text, type CommandContext, type OptionValues } from '../define-command.ts'
import { isUnreachable, reportFailure } from '../failure.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { addressNote, selectTarget, type GatewayTarget } from '../target.ts'
import { reachGateway } from '../with-gateway.ts'

const options = {
  ...rpcOptionsWith(60_000),
  channel: text('name', 'Only this channel'),
  probe: flag('Ask each service whether it knows us')
}

type Context = CommandContext<OptionValues<typeof options>>

/** Where the service is asked, its answer must come before ours is due. */
const probeMs = (timeout: number): number => Math.max(1, Math.min(30_000, timeout - 500))

async function live (context: Context, where: { target: GatewayTarget, settings: ChannelFile['settings'] }): Promise<number> {
  const { options: { probe, channel, timeout, json }, out } = context
  if (!json) out.note(probe ? 'Checking channel status (probe)…' : 'Checking channel status…')
  return await reachGateway(context, where, false, async ({ client }) => {
    const view = await client.request('channels.status', {
      ...(probe ? { probe, timeoutMs: probeMs(timeout) } : {}), ...(channel === undefined || channel === 'all' ? {} : { channel })
    }) as unknown as ChannelsView
    if (json) out.json(view)
    else out.line(statusText(view))
    return exitCodes.ok
  })
}

/** What the file says, which is not how things are. */
function configured (context: Context, { settings, entries, channels }: ChannelFile, error: unknown): number {
  const { options: { channel, json }, out } = context
  const message = error instanceof Error ? error.message : String(error)
  const isReached = !isUnreachable(error)
  const meant = entries.filter(entry => channel === undefined || channel === 'all' || entry.channel === channel)
  const mode = settings.mode ?? 'local'
  if (json) {
    out.json({
      gatewayReachable: false,
      error: message,
      gatewayAuthUnavailable: isReached,
      configOnly: true,
      config: { path: settings.configPath, mode },
      configuredChannels: channels.filter(id => meant.some(entry => entry.channel === id))
    })
    return exitCodes.ok
  }
  out.line(isReached ? 'Gateway auth unavailable; showing config-only status.' : 'Gateway not reachable; showing config-only status.')
  out.line(`Config: ${settings.configPath}`)
  out.line(`Mode: ${mode}`)
  out.line()
  if (meant.length === 0) out.line('- no configured chat channels (openclaw channels list --all shows what there is)')
  for (const entry of meant) {
    const { dmPolicy = 'pairing' } = entry.config
    out.line(escapeControl(`- ${labelOfChannel(entry.channel)} ${entry.accountId}: ${entry.enabled ? 'enabled' : 'disabled'}, dm:${String(dmPolicy)}`))
  }
  out.note(escapeControl(message.split('\n')[0]!, 300))
  return exitCodes.ok
}

/** A gateway that is there and refuses the request itself is no reason to look into a file. */
const mayReadFile = (error: unknown): boolean =>
  isClientError(error) && (error.kind === 'transport' || error.code === 'NOT_PAIRED' || /^(AUTH|DEVICE|PAIRING)_/.test(error.detailCode ?? ''))

async function run (context: Context): Promise<number> {
  const { options: flags, out } = context
  const file = await readChannels(context)
  let target: GatewayTarget | undefined
  try {
    target = selectTarget(flags, file.settings)
    const said = addressNote(file.settings, target)
    if (said !== undefined) out.note(said)
    return await live(context, { target, settings: file.settings })
  } catch (error) {
    if (mayReadFile(error)) return configured(context, file, error)
    return reportFailure(error, { out, json: flags.json, doing: 'Channels status', ...(target ? { target } : {}) })
  }
}

export default command({
  name: 'channels status',
  summary: 'Say how each account of each channel is, or what is configured when no gateway runs',
  details: 'Without a gateway it shows what the configuration says, says so, and ends with exit code 0 all the same.',
  options,
  examples: [
    ['openclaw channels status', 'What the gateway knows.'],
    ['openclaw channels status --probe --json', 'Each service is asked; for programs.']
  ],
  run
})
