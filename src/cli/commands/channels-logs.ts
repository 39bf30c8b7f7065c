import { knownChannels, readChannels } from '../channel-config.ts'
import { channelArgument, namedChannel } from '../channel-course.ts'
import { command, integer, text, type CommandContext, type OptionValues } from '../define-command.ts'
import { createLogPrinter } from '../log-printer.ts'
import { parseLogLine } from '../log-lines.ts'
import { mayReadFileInstead, openLocalLog, openRemoteLog, type LogSource } from '../log-source.ts'
import { loadLocalSettings } from '../local-settings.ts'
import { reportFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { addressNote, selectTarget } from '../target.ts'
import { openOptionsFor } from '../with-gateway.ts'

const options = {
  ...rpcOptions,
  channel: text('name', 'Only what this channel said (default: all)'),
  lines: integer('n', 'Lines at most', { min: 1, max: 5000 }, 200)
}

type Context = CommandContext<OptionValues<typeof options>>

/** What looks after all of them. */
const shared = ['channels', 'delivery', 'health-monitor']
const linesLookedAt = 5000
const bytesLookedAt = 1_000_000

/** A subsystem of its own, or below one: `discord-archive` is not `discord`. */
const speaksFor = (subsystem: string, names: readonly string[]): boolean => names.some(name =>
  [name, `gateway/channels/${name}`].some(root => subsystem === root || subsystem.startsWith(`${root}/`)))

async function source (context: Context): Promise<LogSource> {
  const settings = await loadLocalSettings(context)
  const target = selectTarget(context.options, settings)
  const said = addressNote(settings, target)
  if (said !== undefined) context.out.note(said)
  try {
    return await openRemoteLog(target, openOptionsFor(context, settings))
  } catch (error) {
    const local = target.local && mayReadFileInstead(error) ? openLocalLog(settings) : undefined
    if (!local) throw error
    context.out.note(`Reading the log file directly: ${(error as Error).message}`)
    return local
  }
}

async function run (context: Context): Promise<number> {
  const { options: { lines, json }, out } = context
  const channel = namedChannel(context)
  const { channels } = await readChannels(context)
  const names = channel === undefined || channel === 'all' ? [...new Set([...channels, ...Object.keys(knownChannels), ...shared])] : [channel]
  try {
    const log = await source(context)
    try {
      const tail = await log.tail({ limit: linesLookedAt, maxBytes: bytesLookedAt })
      const isMeant = (line: string): boolean => {
        const parsed = parseLogLine(line)
        return parsed.type === 'log' && parsed.subsystem !== undefined && speaksFor(parsed.subsystem, names)
      }
      const found = tail.lines.filter(isMeant).slice(-lines)
      if (json) out.json({ file: tail.file, channel: channel ?? 'all', lines: found.map(parseLogLine) })
      else if (found.length === 0) out.line('The log has nothing of it.')
      else createLogPrinter(out, { json: false, plain: false, utc: false }).print({ ...tail, lines: found, truncated: false, reset: false })
      return 0
    } finally {
      await log.close()
    }
  } catch (error) {
    return reportFailure(error, { out, json, doing: 'Channels logs' })
  }
}

export default command({
  name: 'channels logs',
  summary: 'Show what channels said in the log of the gateway',
  details: 'Looks at the last megabyte of the log. Without a gateway the log file of this machine is read.',
  args: [channelArgument],
  options,
  examples: [['openclaw channels logs --channel telegram --lines 50', 'The last 50 lines of this channel.']],
  run
})
