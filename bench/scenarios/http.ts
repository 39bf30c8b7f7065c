import { toolsInvokeBody } from '../profile.ts'
import type { HttpRequest } from '../wire/http.ts'
import { busyFigure, measure, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

async function drive (
  running: Running, context: ScenarioContext, request: HttpRequest, connections: number, wantedRatio?: number
): Promise<Figure[]> {
  const { endpoint } = running.spawned
  const warm = await running.load.run({ kind: 'http', endpoint, connections, request, durationMs: context.windowMs / 3 })
  if (warm.count === 0) return [] // the target does not serve this route
  const result = await measure(running, { kind: 'http', endpoint, connections, request, durationMs: context.windowMs })
  const name = `${request.method} ${request.path} × ${connections}`
  return [
    { key: `req/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', ...(wantedRatio === undefined ? {} : { wanted: { ratio: wantedRatio } }) },
    { key: `CPU per request, ${name}`, value: result.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less' },
    { key: `request p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
    busyFigure(name, result)
  ]
}

export const authorization = (secret: { token?: string, password?: string }): { authorization: string } =>
  ({ authorization: `Bearer ${secret.token ?? secret.password}` })

/** Keep-alive connections, one request under way on each, beside bare Fastify. */
export const http: Scenario = {
  name: 'http',
  ceiling: 'fastify',
  run: (target, context) => withRunning(target, context, async running => {
    const invoke: HttpRequest = { method: 'POST', path: '/tools/invoke', headers: authorization(running.spawned.secret), body: toolsInvokeBody }
    return [
      ...await drive(running, context, { method: 'GET', path: '/health' }, 16),
      ...await drive(running, context, { method: 'GET', path: '/health' }, 64),
      ...await drive(running, context, invoke, 16),
      ...await drive(running, context, invoke, 32, 0.6)
    ]
  })
}
