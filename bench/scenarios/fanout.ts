import type { FanoutJob } from '../load/job.ts'
import { presenceTrigger } from '../profile.ts'
import { busyFigure, failuresOf, measure, withRunning, type Scenario } from './scenario.ts'

/** Longer than a gateway may collect changes of presence before it announces them. */
const everyMs = 75

/** One event to 200 subscribers: at a steady pace for its cost, and as fast as the gateway speaks for its rate. */
export const fanout: Scenario = {
  name: 'fanout',
  ceiling: 'ceiling',
  run: (target, context) => withRunning(target, context, async running => {
    const subscribers = Math.max(4, Math.round(200 * context.scale))
    const { endpoint, secret } = running.spawned
    const job: FanoutJob = {
      kind: 'fanout', endpoint, secret, identities: running.identities, subscribers, durationMs: context.windowMs, trigger: presenceTrigger
    }
    const fast = await measure(running, job)
    const paced = await measure(running, { ...job, everyMs, durationMs: 2 * context.windowMs })
    const name = `1 to ${subscribers}`
    return [
      { key: `CPU per delivery, ${name}, every ${everyMs} ms`, value: paced.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less' },
      { key: `first to last subscriber p50, ${name}`, value: paced.latencies.p50Ms, unit: 'ms', better: 'less' },
      { key: `first to last subscriber p99, ${name}`, value: paced.latencies.p99Ms, unit: 'ms', better: 'less' },
      { key: `shots with losses, ${name}`, value: failuresOf(paced) + failuresOf(fast), unit: '', better: 'less', wanted: { value: 0 } },
      { key: `events delivered/s, ${name}, one after the other`, value: fast.perSecond, unit: '/s', better: 'more' },
      { key: `shot to last subscriber p50, ${name}`, value: fast.latencies.p50Ms, unit: 'ms', better: 'less' },
      busyFigure(name, fast)
    ]
  })
}
