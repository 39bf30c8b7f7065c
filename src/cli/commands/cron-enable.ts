import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'cron enable',
  summary: 'Let a job run, also one that was switched off because it failed',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: rpcOptions,
  examples: [['openclaw cron enable 6f1c…', 'openclaw cron list --all shows the ids.']],
  run: context => callGateway(context, cronCourse('Cron enable'), 'cron.update', {
    id: required(context.args[0], '<id>'), patch: { enabled: true }
  }, (job: unknown) => context.out.line(jobText(job as CronJob, Date.now())))
})
