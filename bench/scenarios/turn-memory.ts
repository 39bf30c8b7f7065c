import { setTimeout as sleep } from 'node:timers/promises'
import { memoryOf } from '../process-figures.ts'
import { failuresOf, withModel, withRunning, type Running, type Scenario } from './scenario.ts'
import { turnsJob } from './turns.ts'

const turnsInAll = 10_000
/** A slow gateway is measured over as many turns as it manages. */
const withinMs = 90_000
const lanes = 8
const sessionsPerLane = 10

const job = (running: Running, name: string, maxCount: number) => ({
  ...turnsJob(running, { method: 'chat.send', connections: 1, concurrency: lanes, name, durationMs: withinMs }), maxCount, sessionsPerLane, sessionName: 'memory'
})

/** The lowest of some seconds of quiet: what a burst of work left behind has been collected by then. */
export async function settledMb (pid: number | undefined, scale: number): Promise<number> {
  let lowest = Infinity
  for (let waited = 0; waited < 8_000 * Math.max(0.1, scale); waited += 400) {
    await sleep(400)
    lowest = Math.min(lowest, memoryOf(pid).rssKb / 1024)
  }
  return lowest
}

/** The same conversations go on and on: their rows are there after the warm-up, and only leaks and caches can grow. */
export const turnMemory: Scenario = {
  name: 'turn-memory',
  ceiling: 'ceiling',
  needsTurns: true,
  run: async (target, context) => target.takesModel
    ? withModel(context, model => withRunning(target, context, async running => {
      const count = Math.max(100, Math.round(turnsInAll * context.scale))
      await running.load.run(job(running, 'memory', count / 5))
      const before = await settledMb(running.spawned.pid, context.scale)
      const first = await running.load.run(job(running, 'memory-a', count / 2))
      const half = await settledMb(running.spawned.pid, context.scale)
      const second = await running.load.run(job(running, 'memory-b', count / 2))
      const after = await settledMb(running.spawned.pid, context.scale)
      const turns = first.count + second.count
      return [
        { key: 'memory before', value: before, unit: 'MB', better: 'less' },
        { key: 'memory after half of the turns', value: half, unit: 'MB', better: 'less' },
        { key: 'memory after all turns', value: after, unit: 'MB', better: 'less' },
        { key: 'growth over the second half', value: after - half, unit: 'MB', better: 'less', wanted: { value: 10 } },
        { key: 'turns in all', value: turns, unit: '', better: 'more' },
        { key: 'turns failed', value: failuresOf(first) + failuresOf(second), unit: '', better: 'less', wanted: { value: 0 } }
      ]
    }, { model: { endpoint: model.endpoint, id: 'zero' } }))
    : []
}
