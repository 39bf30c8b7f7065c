import type { ConnectsJob } from '../load/job.ts'
import { busyFigure, failuresOf, measure, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const base = ({ spawned, identities }: Running, context: ScenarioContext, concurrency: number): ConnectsJob => ({
  kind: 'connects',
  endpoint: spawned.endpoint,
  secret: spawned.secret,
  identities,
  concurrency,
  durationMs: context.windowMs
})

export async function connectFigures (running: Running, context: ScenarioContext, concurrency: number, note = ''): Promise<Figure[]> {
  const result = await measure(running, base(running, context, concurrency))
  const name = `${concurrency} at a time${note}`
  return [
    { key: `connects/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', wanted: { ratio: 0.7 } },
    { key: `CPU per connect, ${name}`, value: result.serverCpuMsPerOperation, unit: 'ms', better: 'less', wanted: { ratio: 1 / 0.7 } },
    { key: `connect p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
    { key: `connects refused, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
    busyFigure(name, result)
  ]
}

async function burst (running: Running, context: ScenarioContext): Promise<Figure[]> {
  const count = Math.max(2, Math.round(64 * context.scale))
  const result = await running.load.run({ ...base(running, context, count), maxCount: count, durationMs: 30_000 })
  return [
    { key: `burst of ${count}: refused`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
    { key: `burst of ${count}: all in after`, value: result.elapsedMs, unit: 'ms', better: 'less' }
  ]
}

/** Signed handshakes of paired devices. */
export const connects: Scenario = {
  name: 'connects',
  ceiling: 'ceiling',
  run: (target, context) => withRunning(target, context, async running => {
    await running.load.run({ ...base(running, context, 16), durationMs: context.windowMs })
    const figures: Figure[] = []
    for (const concurrency of [1, 16, 64]) figures.push(...await connectFigures(running, context, concurrency))
    const byToken = await measure(running, { ...base(running, context, 16), useDeviceToken: true })
    figures.push(
      { key: 'connects/s, 16 at a time, device token', value: byToken.perSecond, unit: '/s', better: 'more' },
      { key: 'CPU per connect, 16 at a time, device token', value: byToken.serverCpuMsPerOperation, unit: 'ms', better: 'less' }
    )
    return [...figures, ...await burst(running, context)]
  })
}
