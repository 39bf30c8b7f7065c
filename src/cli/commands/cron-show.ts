import { cronCourse, jobText, type CronJob } from '../cron-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'cron show',
  summary: 'Show one job',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: rpcOptions,
  examples: [['openclaw cron show 6f1c… --json', 'Everything that is known of it.']],
  run: context => callGateway(context, cronCourse('Cron show'), 'cron.get', { id: required(context.args[0], '<id>') },
    (job: unknown) => context.out.line(jobText(job as CronJob, Date.now())))
})
