import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'cron disable',
  summary: 'Let a job rest',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: rpcOptions,
  examples: [['openclaw cron disable 6f1c…', 'openclaw cron list --all shows the ids.']],
  run: context => callGateway(context, cronCourse('Cron disable'), 'cron.update', {
    id: required(context.args[0], '<id>'), patch: { enabled: false }
  }, (job: unknown) => context.out.line(jobText(job as CronJob, Date.now())))
})
