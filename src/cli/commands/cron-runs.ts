import { cronCourse, runsText, type CronRun } from '../cron-view.ts'
import { command, integer, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'cron runs',
  summary: 'Show how the runs of jobs went, the newest first',
  options: {
    ...rpcOptions,
    id: text('id', 'Only of this job'),
    runId: text('id', 'Only this run'),
    limit: integer('n', 'How many', { min: 1, max: 200 }, 50)
  },
  examples: [['openclaw cron runs --id 6f1c… --limit 5', 'The last five of one job.']],
  run: context => {
    const { id, runId, limit } = context.options
    return callGateway(context, cronCourse('Cron runs'), 'cron.runs', {
      limit, ...(id === undefined ? {} : { id }), ...(runId === undefined ? {} : { runId })
    }, ({ entries }: { entries: CronRun[] }) => context.out.line(runsText(entries)))
  }
})
