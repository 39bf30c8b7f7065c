import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldJob } from '../load/job.ts'
import { memoryOf } from '../process-figures.ts'
import type { Target } from '../targets/target.ts'
import { connectFigures } from './connects.ts'
import { rpcFigures } from './rpc.ts'
import { withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const lookEveryMs = 500
const settleMs = 6_000
const warmUpConnects = 100

const hold = ({ spawned, identities }: Running, count: number): HoldJob =>
  ({ kind: 'hold', endpoint: spawned.endpoint, secret: spawned.secret, identities, count, concurrency: 8 })

/**
 * The lowest RSS within the settling time: what a burst of work left behind has been collected by then, without asking
 * the process for anything.
 */
async function settledRssKb (pid: number | undefined, scale: number): Promise<number> {
  let lowest = Infinity
  for (let waited = 0; waited < settleMs * scale; waited += lookEveryMs) {
    await sleep(lookEveryMs)
    lowest = Math.min(lowest, memoryOf(pid).rssKb)
  }
  return lowest
}

/**
 * In a fresh process: the first thousand clients bring the heap's one-time growth with them (on the bare server more than the
 * clients themselves), the second thousand cost what a client costs.
 */
const memory = (target: Target, context: ScenarioContext, clients: number): Promise<Figure[]> =>
  withRunning(target, context, async running => {
    const { spawned, identities, load } = running
    const { pid } = spawned
    await load.run({
      kind: 'connects', endpoint: spawned.endpoint, secret: spawned.secret, identities, concurrency: 16, durationMs: 60_000, maxCount: warmUpConnects
    })
    const rssKb = [await settledRssKb(pid, context.scale)]
    for (let thousand = 0; thousand < 2; thousand++) {
      await running.otherLoad().run(hold(running, clients))
      rssKb.push(await settledRssKb(pid, context.scale))
    }
    const [none, first, second] = rssKb as [number, number, number]
    return [
      { key: `memory per idle client, first ${clients} of a fresh process`, value: (first - none) / clients, unit: 'KB', better: 'less' },
      { key: `memory per idle client, next ${clients}`, value: (second - first) / clients, unit: 'KB', better: 'less', wanted: { value: 12 } }
    ]
  })

/** What two windows of one process differ by anyway. */
const noise = 0.15

/** Rates and costs with this many idle clients as a share of those without; 1 = none of it worse. */
function shares (without: readonly Figure[], withIdle: readonly Figure[], clients: number): Figure[] {
  return without.flatMap((figure, index): Figure[] => {
    const share = { key: `${figure.key}: with ${clients} idle / without`, value: withIdle[index]!.value / figure.value, unit: '' }
    if (figure.unit === '/s') return [{ ...share, better: 'more', wanted: { value: 1 - noise } }]
    return figure.key.startsWith('CPU') ? [{ ...share, better: 'less', wanted: { value: 1 + noise } }] : []
  })
}

const speed = (target: Target, context: ScenarioContext, clients: number): Promise<Figure[]> =>
  withRunning(target, context, async running => {
    const figures = async (note = ''): Promise<Figure[]> =>
      [...await connectFigures(running, context, 16, note), ...await rpcFigures(running, context, 16, 1, note)]
    await figures() // a process that has just started gets faster for some seconds: not the doing of the idle clients
    const without = await figures()
    await running.otherLoad().run(hold(running, clients))
    const withIdle = await figures(`, ${clients} idle`)
    return [...withIdle, ...shares(without, withIdle, clients)]
  })

/** A thousand clients that say nothing: what each costs, and whether the others notice. */
export const idle: Scenario = {
  name: 'idle',
  ceiling: 'ceiling',
  async run (target, context) {
    const clients = Math.max(8, Math.round(1_000 * context.scale))
    return [...await memory(target, context, clients), ...await speed(target, context, clients)]
  }
}
