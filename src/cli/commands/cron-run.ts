import { setTimeout as sleep } from 'node:timers/promises'
import { steadyNow } from '../../lib/clock.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { parseDuration } from '../../lib/duration.ts'
import { cronCourse, runsText, type CronRun } from '../cron-view.ts'
import { command, flag, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

const pollMs = 1_000

interface Begun {
  readonly enqueued?: boolean
  readonly reason?: string
  readonly runId?: string
}

function limitOf (given = '10m'): number {
  try {
    return parseDuration(given)
  } catch {
    throw new UsageError('Invalid --wait-timeout (use a duration such as 10m)')
  }
}

export default command({
  name: 'cron run',
  summary: 'Run a job now, whatever its schedule says',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: {
    ...rpcOptions,
    due: flag('Only when it is due'),
    wait: flag('Wait until it is done; the exit code says how it went'),
    waitTimeout: text('duration', 'How long at most (default: 10m)')
  },
  examples: [['openclaw cron run 6f1c… --wait', 'Try it and see what comes of it.']],
  run: context => withGateway(context, cronCourse('Cron run'), async ({ client }) => {
    const { options, out } = context
    const id = required(context.args[0], '<id>')
    const untilMs = steadyNow() + limitOf(options.waitTimeout)
    const begun = await client.request('cron.run', { id, mode: options.due ? 'due' : 'force' }) as Begun
    if (!begun.enqueued || !options.wait) {
      if (options.json) out.json(begun)
      else out.line(begun.enqueued ? `It runs: ${begun.runId}` : `It was not started: ${begun.reason}.`)
      return begun.enqueued ? 0 : exitCodes.failed
    }
    for (; steadyNow() < untilMs; await sleep(pollMs)) {
      const { entries: [run] } = await client.request('cron.runs', { id, runId: begun.runId!, limit: 1 }) as unknown as { entries: CronRun[] }
      if (!run) continue
      if (options.json) out.json({ ...begun, completed: true, status: run.status, run })
      else out.line(runsText([run]))
      return run.completionStatus === 'succeeded' ? 0 : exitCodes.failed
    }
    out.note('It still runs; openclaw cron runs shows the end of it.')
    return exitCodes.failed
  })
})
