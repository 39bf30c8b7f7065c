import { jobFields, jobOptions } from '../cron-options.ts'
import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command, flag, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'cron edit',
  summary: 'Change a job',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: { ...rpcOptions, ...jobOptions, enable: flag('Let it run again'), disable: flag('Let it rest') },
  examples: [['openclaw cron edit 6f1c… --every 2h', 'Another interval; the rest stays.']],
  run: context => {
    const { enable, disable } = context.options
    const patch = { ...jobFields(context.options), ...(enable ? { enabled: true } : disable ? { enabled: false } : {}) }
    if (Object.keys(patch).length === 0) throw new UsageError('Say what is to change: see openclaw cron edit --help')
    return callGateway(context, cronCourse('Cron edit'), 'cron.update', { id: required(context.args[0], '<id>'), patch },
      (job: unknown) => context.out.line(jobText(job as CronJob, Date.now())))
  }
})
