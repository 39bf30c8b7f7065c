import { jobFields, jobOptions, type JobOptions } from '../cron-options.ts'
import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command, flag, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

/** As on the paper of a crontab: first when, then what. */
function withWords (options: JobOptions, [when, message]: ReadonlyArray<string | undefined>): JobOptions {
  if (when === undefined) return options
  if ([options.at, options.every, options.cron].some(value => value !== undefined)) throw new UsageError('Give the schedule once: as a word, or by --at, --every or --cron')
  if (message !== undefined && options.message !== undefined) throw new UsageError('Give the text once: as a word, or by --message')
  const isExpression = when.trim().split(/\s+/).length >= 5
  return { ...options, ...(isExpression ? { cron: when } : { at: when }), ...(message === undefined ? {} : { message }) }
}

export default command({
  name: 'cron add',
  summary: 'Add a job that runs by itself: once, at intervals, or by a cron expression',
  args: [
    { name: 'when', help: 'A cron expression, a time or 20m; the same as --cron and --at', optional: true },
    { name: 'text', help: 'What the agent is to do; the same as --message', optional: true }
  ],
  options: {
    ...rpcOptions,
    ...jobOptions,
    displayName: text('name', 'A name for people'),
    declarationKey: text('key', 'The same key is the same job: the call adds it or changes it'),
    disabled: flag('Do not run it yet'),
    deleteAfterRun: flag('Take it away once it has run (with --at that is so anyway)'),
    keepAfterRun: flag('Keep it, switched off, once it has run')
  },
  examples: [
    ['openclaw cron add --name report --cron "0 7 * * 1-5" --tz Europe/Berlin --message "Sum up the night" --announce', 'On work days at seven.'],
    ['openclaw cron add --name tea --at 20m --system-event "The tea is ready" --wake now', 'Once, in the main conversation.'],
    ['openclaw cron add --name queue --every 15m --command "df -h /srv" --announce --channel telegram --to 123456789', 'What a command prints, to a chat.'],
    ['openclaw cron add "0 18 * * 1-5" "Sum up the deploys" --name deploys', 'In short.']
  ],
  run: context => {
    const { displayName, declarationKey, disabled, deleteAfterRun, keepAfterRun } = context.options
    const fields = jobFields(withWords(context.options, context.args))
    if (fields['name'] === undefined) throw new UsageError('--name is required')
    if (fields['schedule'] === undefined) throw new UsageError('Give one of --at, --every and --cron')
    const payload = fields['payload'] as { kind: string } | undefined
    if (!payload) throw new UsageError('Give --message, --system-event or --command')
    const job = {
      sessionTarget: payload.kind === 'systemEvent' ? 'main' : 'isolated',
      wakeMode: 'now',
      ...fields,
      ...(displayName === undefined ? {} : { displayName }),
      ...(declarationKey === undefined ? {} : { declarationKey }),
      ...(disabled ? { enabled: false } : {}),
      ...(keepAfterRun ? { deleteAfterRun: false } : deleteAfterRun ? { deleteAfterRun: true } : {})
    }
    return callGateway(context, cronCourse('Cron add'), 'cron.add', job, (added: CronJob | { job: CronJob }) =>
      context.out.line(jobText('job' in added ? added.job : added, Date.now())))
  }
})
