/** What a job is, as somebody types it: for `cron add` and `cron edit`. */
import { momentIn, parseDuration } from '../lib/duration.ts'
import { flag, integer, oneOfWords, text, texts, unset, UsageError, type OptionValues } from './define-command.ts'

export const jobOptions = {
  name: text('name', 'What the job is called'),
  description: text('text', 'What it is for'),
  agent: text('id', 'The agent that does it; absent: the default one'),
  at: text('when', 'Once: a time such as 2027-02-01T16:00:00Z (UTC without a zone, or in --tz), or in 20m, 3h, 2d'),
  every: text('duration', 'Again and again: 10m, 1h, 1d'),
  cron: text('expr', 'By a cron expression with 5 fields, or 6 with seconds'),
  tz: text('zone', 'The zone of --cron and --at, such as Europe/Berlin'),
  stagger: text('duration', 'Spread the runs of --cron over so long'),
  exact: flag('Not spread at all'),
  message: text('text', 'What the agent is to do, in a conversation of its own'),
  systemEvent: text('text', 'What the main conversation is told'),
  command: text('line', 'A command line of the machine of the gateway, under its rules for commands'),
  commandArgv: text('json', 'The same as a list of a program and its arguments: ["node","report.mjs"]'),
  commandCwd: text('dir', 'The directory for it; absent: the workspace of the agent'),
  commandEnv: texts('name=value', 'A variable for it; may be repeated'),
  noOutputTimeoutSeconds: integer('n', 'End it when it prints nothing for so long', { min: 1, max: 3_500 }),
  outputMaxBytes: integer('n', 'So much of what it prints is told', { min: 1, max: 131_072 }),
  session: text('target', 'main, isolated, current or session:<id>'),
  sessionKey: text('key', 'The conversation that "current" and "last" mean'),
  wake: oneOfWords('mode', ['now', 'next-heartbeat'], 'When the main conversation hears of it'),
  model: text('model', 'Another model for it'),
  fallbacks: text('list', 'Models to try when that one cannot serve, with commas between them; "" for none'),
  clearFallbacks: flag('Those of the agent again'),
  pacingMin: text('duration', 'The agent may say when it wants to look again, so soon at the earliest'),
  pacingMax: text('duration', 'The same, so late at the latest'),
  clearPacing: flag('By the schedule alone again'),
  thinking: text('level', 'How much the model thinks'),
  timeoutSeconds: integer('n', 'Time for one run', { min: 1, max: 604_800 }),
  tools: text('list', 'Tools that it may use at most, with commas between them'),
  announce: flag('Send the reply to a chat'),
  webhook: text('url', 'POST the reply to this address'),
  deliver: unset('Leave the reply in the conversation of the run'),
  channel: text('channel', 'The channel of the chat; absent: where the conversation was heard of last'),
  to: text('id', 'The chat'),
  account: text('id', 'The account of the channel'),
  threadId: text('id', 'The thread or topic'),
  bestEffortDeliver: flag('A reply that does not arrive is no failure')
} as const

export type JobOptions = OptionValues<typeof jobOptions>
type Fields = { readonly [name: string]: unknown }

const given = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== false))

const listOf = (text: string): string[] => text.split(',').map(name => name.trim()).filter(Boolean)

function spanOf (text: string, name: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new UsageError(`Invalid ${name} (use a duration such as 30s, 10m, 1h or 2d)`)
  }
}

/** How far a zone is ahead of UTC at a time that its clocks show. */
function inZone (local: string, tz: string): string {
  const asUtc = Date.parse(`${local}Z`)
  if (Number.isNaN(asUtc)) throw new UsageError('Invalid --at (use a time such as 2027-02-01T16:00)')
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short', timeStyle: 'medium' })
  } catch {
    throw new UsageError('Invalid --tz (use a zone such as Europe/Berlin)')
  }
  const aheadAt = (ms: number): number => Date.parse(`${format.format(ms).replace(' ', 'T')}Z`) - ms
  // Once more, in case the clocks change in between.
  const first = asUtc - aheadAt(asUtc)
  return new Date(asUtc - aheadAt(first)).toISOString()
}

function scheduleOf ({ at, every, cron, tz, stagger, exact }: JobOptions): Fields | undefined {
  const named = [at, every, cron].filter(value => value !== undefined)
  if (named.length > 1) throw new UsageError('Give one of --at, --every and --cron')
  if (every !== undefined) return { kind: 'every', everyMs: spanOf(every, '--every') }
  if (cron !== undefined) {
    const staggerMs = exact ? 0 : stagger === undefined ? undefined : spanOf(stagger, '--stagger')
    return { kind: 'cron', expr: cron, ...given({ tz }), ...(staggerMs === undefined ? {} : { staggerMs }) }
  }
  if (at === undefined) return undefined
  const laterMs = momentIn(at, Date.now())
  if (laterMs !== undefined) return { kind: 'at', at: new Date(laterMs).toISOString() }
  const hasZone = /(?:z|[+-]\d{2}:?\d{2})$/i.test(at.slice(10))
  return { kind: 'at', at: tz === undefined || hasZone ? at : inZone(at.replace(' ', 'T'), tz) }
}

function argvOf ({ command, commandArgv }: JobOptions): readonly string[] | undefined {
  if (commandArgv === undefined) return command === undefined ? undefined : ['sh', '-lc', command]
  try {
    const argv: unknown = JSON.parse(commandArgv)
    if (Array.isArray(argv) && argv.length > 0 && argv.every(word => typeof word === 'string')) return argv
  } catch { /* Said below. */ }
  throw new UsageError('Invalid --command-argv (use a list such as ["node","report.mjs"])')
}

function variablesOf (pairs: readonly string[]): { [name: string]: string } {
  return Object.fromEntries(pairs.map(pair => {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(pair) ?? []
    if (name === undefined) throw new UsageError('Invalid --command-env (use NAME=value)')
    return [name, value!]
  }))
}

function commandOf (options: JobOptions): Fields | undefined {
  const { commandCwd: cwd, commandEnv, timeoutSeconds, noOutputTimeoutSeconds, outputMaxBytes } = options
  const command = given({
    argv: argvOf(options), cwd, env: commandEnv && variablesOf(commandEnv), noOutputTimeoutSeconds, outputMaxBytes
  })
  return Object.keys(command).length > 0 ? { kind: 'command', ...command, ...given({ timeoutSeconds }) } : undefined
}

function payloadOf (options: JobOptions): Fields | undefined {
  const { message, systemEvent, model, fallbacks, clearFallbacks, thinking, timeoutSeconds, tools } = options
  const command = commandOf(options)
  if ([message, systemEvent, command].filter(value => value !== undefined).length > 1) throw new UsageError('Give one of --message, --system-event and --command')
  if (command) return command
  if (fallbacks !== undefined && clearFallbacks) throw new UsageError('Give one of --fallbacks and --clear-fallbacks')
  const toolsAllow = tools === undefined ? undefined : listOf(tools)
  if (systemEvent !== undefined) return { kind: 'systemEvent', text: systemEvent }
  const others = clearFallbacks ? null : fallbacks === undefined ? undefined : listOf(fallbacks)
  const turn = given({ message, model, fallbacks: others, thinking, timeoutSeconds, toolsAllow })
  return Object.keys(turn).length > 0 ? { kind: 'agentTurn', ...turn } : undefined
}

function deliveryOf (options: JobOptions): Fields | undefined {
  const { announce, webhook, deliver, channel, to, account, threadId, bestEffortDeliver } = options
  if (webhook !== undefined) return { mode: 'webhook', to: webhook, ...given({ bestEffort: bestEffortDeliver }) }
  if (!deliver) return { mode: 'none' }
  const place = given({ channel, to, accountId: account, threadId, bestEffort: bestEffortDeliver })
  return announce || Object.keys(place).length > 0 ? { mode: 'announce', ...place } : undefined
}

function pacingOf ({ pacingMin: min, pacingMax: max, clearPacing }: JobOptions): Fields | null | undefined {
  if (clearPacing) return null
  return min === undefined && max === undefined ? undefined : given({ min, max })
}

/** Nothing but what was typed. */
export function jobFields (options: JobOptions): Fields {
  const { name, description, agent, session, sessionKey, wake } = options
  return given({
    name,
    description,
    agentId: agent,
    schedule: scheduleOf(options),
    sessionTarget: session,
    sessionKey,
    wakeMode: wake,
    payload: payloadOf(options),
    pacing: pacingOf(options),
    delivery: deliveryOf(options)
  })
}
