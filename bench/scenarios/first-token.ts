import { performance } from 'node:perf_hooks'
import type { ModelServer } from '../model/model.ts'
import { percentile } from '../statistics.ts'
import type { Durability } from '../targets/target.ts'
import { openHttp } from '../wire/http.ts'
import { turnsJob } from './turns.ts'
import { failuresOf, withModel, withRunning, type Figure, type Scenario } from './scenario.ts'

const asks = 400

/** What the model itself takes, asked directly over one kept connection with a body of the same kind. */
async function direct ({ endpoint }: ModelServer, count: number): Promise<number[]> {
  const body = JSON.stringify({ model: 'zero', stream: true, messages: [{ role: 'user', content: 'Message 1 of lane 0, as short as people write.' }] })
  const connection = openHttp(endpoint, { method: 'POST', path: '/v1/chat/completions', body })
  const took: number[] = []
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now()
    await new Promise<void>(resolve => connection.send(() => resolve()))
    took.push(performance.now() - startedAt)
  }
  connection.destroy()
  return took
}

/** From the request to the first word a client hears, less what the model takes. One at a time: nobody waits for anybody. */
export const firstToken: Scenario = {
  name: 'first-token',
  ceiling: 'ceiling',
  needsTurns: true,
  run: async (target, context) => target.takesModel
    ? withModel(context, async model => {
      const figures: Figure[] = []
      const durabilities: readonly Durability[] = target.name === 'peer' ? ['full'] : ['full', 'process']
      for (const durability of durabilities) {
        figures.push(...await withRunning(target, context, async running => {
          const ask = (method: 'chat.send' | 'agent', name: string, maxCount: number) => running.load.run({
            ...turnsJob(running, { method, connections: 1, concurrency: 1, name, durationMs: 4 * context.windowMs }), maxCount, until: 'first-word'
          })
          const count = Math.max(20, Math.round(asks * context.scale))
          const found: Figure[] = []
          const note = durability === 'full' ? '' : `, durability ${durability}`
          await direct(model, count)
          for (const method of ['chat.send', 'agent'] as const) {
            await ask(method, `warm-${method.slice(0, 4)}`, count)
            const alone = await direct(model, count)
            const result = await ask(method, `first-${method.slice(0, 4)}`, count)
            const judged = note === '' && method === 'chat.send' ? { wanted: { value: 2 } } : {}
            found.push(
              { key: `added to the first word p50, ${method}${note}`, value: result.latencies.p50Ms - percentile(alone, 50), unit: 'ms', better: 'less', ...judged },
              { key: `added to the first word p95, ${method}${note}`, value: result.latencies.p95Ms - percentile(alone, 95), unit: 'ms', better: 'less' },
              { key: `turns failed, ${method}${note}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
              { key: `the model alone p50, ${method}${note}`, value: percentile(alone, 50), unit: 'ms', better: 'less', detail: true }
            )
          }
          return found
        }, { durability, model: { endpoint: model.endpoint, id: 'zero' } }))
      }
      return figures
    })
    : []
}
