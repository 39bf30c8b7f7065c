import { performance } from 'node:perf_hooks'
import type { Spawned } from '../targets/target.ts'
import { authorization } from './http.ts'
import { withRunning, type Figure, type Scenario } from './scenario.ts'

const commands = 16
const printedBytes = 100_000_000
const rounds = 7

interface EventLoop { readonly delayP99Ms: number, readonly delayMaxMs: number }

async function call ({ endpoint, secret }: Spawned, path: string, body?: object): Promise<{ status: number, body: unknown }> {
  const response = await fetch(`http://${endpoint.host}:${endpoint.port}${path}`, {
    headers: { ...authorization(secret), 'content-type': 'application/json' },
    ...body ? { method: 'POST', body: JSON.stringify(body) } : {}
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** Since the last time it was asked. */
const eventLoopOf = async (spawned: Spawned): Promise<EventLoop | undefined> =>
  ((await call(spawned, '/readyz')).body as { eventLoop?: EventLoop } | undefined)?.eventLoop

const run = (spawned: Spawned, command: string): ReturnType<typeof call> =>
  call(spawned, '/tools/invoke', { tool: 'exec', args: { command, yieldMs: 60_000 } })

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

/** Sixteen commands at once, one of which prints a hundred megabytes: what the gateway itself says of its loop meanwhile. */
export const exec: Scenario = {
  name: 'exec',
  ceiling: 'fastify',
  run: (target, context) => withRunning(target, context, async ({ spawned }): Promise<Figure[]> => {
    // The target has no commands for programs, or does not tell how its loop is.
    if ((await run(spawned, 'echo warm')).status !== 200 || !await eventLoopOf(spawned)) return []
    const bytes = Math.max(1, Math.round(printedBytes * context.scale))
    await eventLoopOf(spawned)
    const took: number[] = []
    for (let round = 0; round < rounds; round++) {
      const started = performance.now()
      const small = Array.from({ length: commands - 1 }, (_, index) => run(spawned, `echo ${index}`))
      await Promise.all([run(spawned, `head -c ${bytes} /dev/zero | tr '\\0' x`), ...small])
      took.push(performance.now() - started)
    }
    const { delayP99Ms, delayMaxMs } = (await eventLoopOf(spawned))!
    const name = `${commands} × exec, one prints ${bytes / 1e6} MB`
    return [
      { key: `event loop p99, ${name}`, value: delayP99Ms, unit: 'ms', better: 'less', wanted: { value: 20 } },
      { key: `event loop max, ${name}`, value: delayMaxMs, unit: 'ms', better: 'less' },
      { key: `all done, ${name}`, value: median(took), unit: 'ms', better: 'less' }
    ]
  }, { exec: true })
}
