import { jobFields, jobOptions } from '../cron-options.ts'
import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command, flag, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'cron add',
  summary: 'Add a job that runs by itself: once, at intervals, or by a cron expression',
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
    ['openclaw cron add --name queue --every 15m --command "df -h /srv" --announce --channel telegram --to 123456789', 'What a command prints, to a chat.']
  ],
  run: context => {
    const { displayName, declarationKey, disabled, deleteAfterRun, keepAfterRun } = context.options
    const fields = jobFields(context.options)
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
