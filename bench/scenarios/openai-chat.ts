import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { authorization } from './http.ts'
import { settledMb } from './turn-memory.ts'
import type { ModelServer } from '../model/model.ts'
import type { HttpRequest } from '../wire/http.ts'
import { busyFigure, failuresOf, measure, withModel, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const concurrencies = [1, 8, 64] as const
const requestsInAll = 10_000
/** A slow gateway is measured over as many as it manages. */
const withinMs = 60_000

/** What is compiled when it has been called often enough is compiled: on a busy machine seconds alone say little about that. */
const warmUp = 4000

interface Kind { readonly name: 'JSON' | 'SSE', readonly stream: boolean }
const kinds: readonly Kind[] = [{ name: 'JSON', stream: false }, { name: 'SSE', stream: true }]

const bodyOf = (model: string, { stream }: Kind): string =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Message 1 of lane 0, as short as people write.' }] })

const chat = (running: Running, kind: Kind): HttpRequest =>
  ({ method: 'POST', path: '/v1/chat/completions', headers: authorization(running.spawned.secret), body: bodyOf('openclaw', kind) })

/** What the model takes when it is asked directly, by as many at a time. Gateways always have it stream. */
async function alone (running: Running, { endpoint }: ModelServer, connections: number, context: ScenarioContext): Promise<number> {
  const request: HttpRequest = { method: 'POST', path: '/v1/chat/completions', body: bodyOf('zero', kinds[1]!) }
  return (await running.load.run({ kind: 'http', endpoint, connections, request, durationMs: context.windowMs / 3 })).latencies.p50Ms
}

async function drive (running: Running, context: ScenarioContext, model: ModelServer, kind: Kind): Promise<Figure[]> {
  const { endpoint } = running.spawned
  const request = chat(running, kind)
  const warm = await running.load.run({
    kind: 'http', endpoint, connections: 8, request, durationMs: withinMs, maxCount: Math.max(8, Math.round(warmUp * context.scale))
  })
  if (warm.count === 0) return [] // the target does not serve this route
  const figures: Figure[] = []
  for (const connections of concurrencies) {
    const name = `${kind.name} × ${connections}`
    const model50 = await alone(running, model, connections, context)
    const result = await measure(running, { kind: 'http', endpoint, connections, request, durationMs: context.windowMs })
    figures.push(
      { key: `completions/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', ...(connections === 8 ? { wanted: { value: 1000 } } : {}) },
      { key: `CPU per completion, ${name}`, value: result.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less' },
      {
        key: `added to the model p50, ${name}`,
        value: result.latencies.p50Ms - model50,
        unit: 'ms',
        better: 'less',
        ...(connections === 1 ? { wanted: { value: 2 } } : {})
      },
      { key: `completion p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
      { key: `completions failed, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
      busyFigure(name, result)
    )
  }
  return figures
}

async function listModels (running: Running, context: ScenarioContext): Promise<Figure[]> {
  const request: HttpRequest = { method: 'GET', path: '/v1/models', headers: authorization(running.spawned.secret) }
  const job = { kind: 'http' as const, endpoint: running.spawned.endpoint, connections: 16, request }
  await running.load.run({ ...job, durationMs: withinMs, maxCount: Math.round(10 * warmUp * context.scale) })
  const result = await measure(running, { ...job, durationMs: context.windowMs })
  return [
    { key: 'req/s, GET /v1/models × 16', value: result.perSecond, unit: '/s', better: 'more', wanted: { ratio: 0.7 } },
    { key: 'CPU per request, GET /v1/models × 16', value: result.serverCpuMsPerOperation * 1000, unit: 'µs', better: 'less' }
  ]
}

async function bytesIn (directory: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size
  }
  return bytes
}

/** Nobody comes back to these conversations, so nothing may be left of them. */
async function remains (running: Running, context: ScenarioContext): Promise<Figure[]> {
  const { endpoint, home, pid } = running.spawned
  const count = Math.max(100, Math.round(requestsInAll * context.scale))
  const send = async (share: number): Promise<number> => (await running.load.run({
    kind: 'http', endpoint, connections: 8, request: chat(running, kinds[0]!), durationMs: withinMs, maxCount: Math.round(count * share)
  })).count
  await send(0.5)
  const [mbBefore, bytesBefore] = [await settledMb(pid, context.scale), home === undefined ? NaN : await bytesIn(home)]
  const sent = await send(0.5)
  const [mb, bytes] = [await settledMb(pid, context.scale), home === undefined ? NaN : await bytesIn(home)]
  return [
    { key: 'completions for what remains', value: sent, unit: '', better: 'more' },
    { key: 'memory that remains of them', value: mb - mbBefore, unit: 'MB', better: 'less', wanted: { value: 10 } },
    { key: 'disk that remains of them', value: (bytes - bytesBefore) / 1024, unit: 'KB', better: 'less', wanted: { value: 64 } }
  ]
}

/** Programs that were made for OpenAI, beside a bare Fastify that hands requests on to the same model. */
export const openaiChat: Scenario = {
  name: 'openai-chat',
  ceiling: 'fastify',
  run: async (target, context) => target.takesModel || !target.gateway
    ? withModel(context, model => withRunning(target, context, async running => [
      ...await drive(running, context, model, kinds[0]!),
      ...await drive(running, context, model, kinds[1]!),
      ...await listModels(running, context),
      ...await remains(running, context)
    ], { model: { endpoint: model.endpoint, id: 'zero' }, openai: true }))
    : []
}
