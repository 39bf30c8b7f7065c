import { cronCourse, jobsText, type CronJob } from '../cron-view.ts'
import { command, flag, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'cron list',
  summary: 'List the jobs that run by themselves, and when they run next',
  options: { ...rpcOptions, all: flag('Also those that are switched off'), agent: text('id', 'Only of this agent') },
  examples: [['openclaw cron list --all', 'With those that are switched off.']],
  run: context => callGateway(context, cronCourse('Cron list'), 'cron.list', {
    includeDisabled: context.options.all, ...(context.options.agent === undefined ? {} : { agentId: context.options.agent })
  }, ({ jobs }: { jobs: CronJob[] }) => context.out.line(jobsText(jobs, Date.now())))
})
