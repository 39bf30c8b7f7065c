import type { RpcJob } from '../load/job.ts'
import { busyFigure, failuresOf, measure, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const job = ({ spawned, identities }: Running, context: ScenarioContext, connections: number, depth: number): RpcJob => ({
  kind: 'rpc',
  endpoint: spawned.endpoint,
  secret: spawned.secret,
  identities,
  connections,
  depth,
  durationMs: context.windowMs,
  method: 'health'
})

export async function rpcFigures (running: Running, context: ScenarioContext, connections: number, depth: number, note = ''): Promise<Figure[]> {
  const result = await measure(running, job(running, context, connections, depth))
  const name = `${connections} × ${depth}${note}`
  return [
    { key: `calls/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', wanted: { ratio: 0.6 } },
    { key: `CPU per call, ${name}`, value: result.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less', wanted: { ratio: 1 / 0.6 } },
    { key: `call p50, ${name}`, value: result.latencies.p50Ms, unit: 'ms', better: 'less' },
    { key: `call p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
    { key: `calls refused, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
    busyFigure(name, result)
  ]
}

/** `health` calls: connections × requests under way on each. */
export const rpc: Scenario = {
  name: 'rpc',
  ceiling: 'ceiling',
  run: (target, context) => withRunning(target, context, async running => {
    await running.load.run({ ...job(running, context, 4, 4), durationMs: context.windowMs / 2 })
    const figures: Figure[] = []
    for (const [connections, depth] of [[1, 1], [1, 32], [16, 1], [16, 32]] as const) {
      figures.push(...await rpcFigures(running, context, connections, depth))
    }
    return figures
  })
}
