import { setTimeout as delay } from 'node:timers/promises'
import { exitCodes } from '../../lib/exit-codes.ts'
import { tailDefaults, type LogsTailResult } from '../../log/tail.ts'
import { isClientError } from '../client-error.ts'
import { command, flag, integer, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { reportFailure } from '../failure.ts'
import { createLogPrinter, type LogPrinter } from '../log-printer.ts'
import { mayReadFileInstead, openLocalLog, openRemoteLog, type LogSource } from '../log-source.ts'
import { loadLocalSettings, type LocalSettings } from '../local-settings.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { addressNote, selectTarget, type GatewayTarget } from '../target.ts'
import { openOptionsFor } from '../with-gateway.ts'

const options = {
  ...rpcOptionsWith(30_000),
  follow: flag('Keep going, and come back when the gateway restarts'),
  interval: integer('ms', 'How often to ask for more', { min: 50, max: 3_600_000 }, 1000),
  limit: integer('n', 'Lines at most', { min: 1, max: 5000 }, 200),
  maxBytes: integer('n', 'Bytes at most', { min: 1, max: 1_000_000 }, 250_000),
  plain: flag('No colours'),
  utc: flag('Times in UTC'),
  localTime: flag('Times of this machine (the default)'),
  expectFinal: flag('Without effect here', { hidden: true })
}

type Context = CommandContext<OptionValues<typeof options>>

/** Enough for a restart with a slow start; after that somebody should look. */
const maxReconnects = 8
const firstReconnectDelayMs = 1000
const longestReconnectDelayMs = 30_000

const isRefusal = (error: unknown): boolean => isClientError(error) && error.kind === 'request' && !error.retryable

interface Course { context: Context, settings: LocalSettings, target: GatewayTarget, printer: LogPrinter }

async function openAgain (course: Course): Promise<LogSource> {
  const { context, settings, target, printer } = course
  for (let attempt = 1; ; attempt++) {
    await delay(Math.min(firstReconnectDelayMs * 2 ** (attempt - 1), longestReconnectDelayMs))
    try {
      const source = await openRemoteLog(target, openOptionsFor(context, settings))
      printer.notice('Reconnected to the gateway.')
      return source
    } catch (error) {
      if (isRefusal(error) || attempt >= maxReconnects) throw error
      printer.notice(`The gateway does not answer; trying again (${attempt} of ${maxReconnects}).`)
    }
  }
}

/** What the flags say is about the beginning. Whoever follows wants every line, so all is asked for that one answer may hold. */
const most = { limit: tailDefaults.maxLimit, maxBytes: tailDefaults.mostBytes }
/** After an answer of this size the next one is asked for sooner: there may soon be more than one answer holds. */
const manyLines = most.limit / 5
const soonMs = 50

/** Asks for what came after `last`. A gateway that lost the thread when the log went on in another file is asked for all of that one. */
async function next (source: LogSource, last: LogsTailResult): Promise<LogsTailResult> {
  const more = await source.tail({ cursor: last.cursor, ...most })
  return more.file === last.file || !more.reset ? more : await source.tail({ cursor: 0, ...most })
}

async function follow (first: LogSource, course: Course, start: LogsTailResult): Promise<number> {
  const { context, printer } = course
  let source = first
  let last = start
  try {
    while (!context.out.gone) {
      await delay(last.lines.length < manyLines ? context.options.interval : Math.min(context.options.interval, soonMs))
      try {
        last = await next(source, last)
        printer.print(last)
      } catch (error) {
        if (!isClientError(error) || isRefusal(error)) throw error
        await source.close()
        source = await openAgain(course)
      }
    }
    return exitCodes.ok
  } finally {
    await source.close()
  }
}

async function openSource ({ context, settings, target, printer }: Course): Promise<LogSource> {
  try {
    return await openRemoteLog(target, openOptionsFor(context, settings))
  } catch (error) {
    const { follow: following } = context.options
    const local = target.local && !following && mayReadFileInstead(error) ? openLocalLog(settings) : undefined
    if (!local) throw error
    printer.notice(`Reading the log file directly: ${(error as Error).message}`)
    return local
  }
}

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  if (given.utc && given.localTime) throw new UsageError('--utc and --local-time exclude each other')
  const settings = await loadLocalSettings(context)
  const target = selectTarget(given, settings)
  const said = addressNote(settings, target)
  if (said !== undefined) out.note(said)
  const printer = createLogPrinter(out, given)
  try {
    const source = await openSource({ context, settings, target, printer })
    const start = await source.tail({ limit: given.limit, maxBytes: given.maxBytes })
    printer.print(start)
    if (given.follow) return await follow(source, { context, settings, target, printer }, start)
    await source.close()
    return exitCodes.ok
  } catch (error) {
    if (!given.json || !isClientError(error)) return reportFailure(error, { out, json: given.json, target, doing: 'Logs' })
    printer.error(error)
    return exitCodes.failed
  }
}

export default command({
  name: 'logs',
  summary: 'Show the log of the gateway, or follow it',
  details: 'Asks the gateway. When the one of this machine does not answer, its log file is read instead (not with --follow).',
  options,
  examples: [
    ['openclaw logs --follow', 'What happens now; goes on across restarts.'],
    ['openclaw logs --limit 1000 --json', 'One JSON record per line, for programs.']
  ],
  run
})
