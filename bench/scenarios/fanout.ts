import { presenceTrigger } from '../profile.ts'
import { busyFigure, failuresOf, measure, withRunning, type Scenario } from './scenario.ts'

/** One event to 200 subscribers, the next when the last has it. */
export const fanout: Scenario = {
  name: 'fanout',
  ceiling: 'ceiling',
  run: (target, context) => withRunning(target, context, async running => {
    const subscribers = Math.max(4, Math.round(200 * context.scale))
    const { endpoint, secret } = running.spawned
    const result = await measure(running, {
      kind: 'fanout', endpoint, secret, identities: running.identities, subscribers, durationMs: context.windowMs, trigger: presenceTrigger
    })
    const name = `1 to ${subscribers}`
    return [
      { key: `events delivered/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more' },
      { key: `CPU per delivery, ${name}`, value: result.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less' },
      { key: `last subscriber p50, ${name}`, value: result.latencies.p50Ms, unit: 'ms', better: 'less' },
      { key: `last subscriber p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
      { key: `shots with losses, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
      busyFigure(name, result)
    ]
  })
}
