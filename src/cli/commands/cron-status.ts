import { cronCourse } from '../cron-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { duration, facts } from '../table.ts'
import { callGateway } from '../with-gateway.ts'

interface Status {
  readonly enabled: boolean
  readonly jobs: number
  readonly running: number
  readonly nextWakeAtMs: number | null
}

export default command({
  name: 'cron status',
  summary: 'Say whether jobs run by themselves, how many there are, and when the next one is due',
  options: rpcOptions,
  examples: [['openclaw cron status', 'Is it on?']],
  run: context => callGateway(context, cronCourse('Cron status'), 'cron.status', {}, (status: Status) => context.out.line(facts([
    ['Jobs', `${status.jobs}${status.running > 0 ? `, ${status.running} at work` : ''}`],
    ['Scheduler', status.enabled ? 'on' : 'off (cron.enabled, OPENCLAW_SKIP_CRON)'],
    ['Next', status.nextWakeAtMs === null ? 'nothing is due' : `in ${duration(Math.max(0, status.nextWakeAtMs - Date.now()))}`]
  ])))
})
