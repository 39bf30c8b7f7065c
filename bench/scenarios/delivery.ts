import type { DeliveryJob } from '../load/job.ts'
import { busyFigure, failuresOf, measure, withModel, withRunning, type Scenario } from './scenario.ts'

/** Turns of one conversation, one a quarter of a second: a lively group. */
const everyMs = 250

/** One conversation to 200 connections that follow it: every chat, agent and session.message event counts as a delivery. */
export const delivery: Scenario = {
  name: 'delivery',
  ceiling: 'ceiling',
  needsTurns: true,
  run: async (target, context) => target.takesModel
    ? withModel(context, model => withRunning(target, context, async running => {
      const subscribers = Math.max(4, Math.round(200 * context.scale))
      const { endpoint, secret } = running.spawned
      const job: DeliveryJob = { kind: 'delivery', endpoint, secret, identities: running.identities, subscribers, durationMs: context.windowMs }
      const fast = await measure(running, job)
      const paced = await measure(running, { ...job, everyMs, durationMs: 2 * context.windowMs })
      const name = `1 to ${subscribers}`
      return [
        { key: `events delivered/s, ${name}, turn after turn`, value: fast.perSecond, unit: '/s', better: 'more' },
        { key: `CPU per 1,000 deliveries, ${name}, turn after turn`, value: fast.serverCpuMsPerOperation * 1000, unit: 'ms', better: 'less', wanted: { value: 15 } },
        { key: `CPU per 1,000 deliveries, ${name}, a turn every ${everyMs} ms`, value: paced.serverCpuMsPerOperation * 1000, unit: 'ms', better: 'less' },
        { key: `message to last subscriber's end p50, ${name}`, value: fast.latencies.p50Ms, unit: 'ms', better: 'less' },
        { key: `turns with losses, ${name}`, value: failuresOf(fast) + failuresOf(paced), unit: '', better: 'less', wanted: { value: 0 } },
        busyFigure(name, fast)
      ]
    }, { model: { endpoint: model.endpoint, id: 'zero' } }))
    : []
}
