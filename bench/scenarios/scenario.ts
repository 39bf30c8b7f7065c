import type { Children } from '../children.ts'
import type { JobResult } from '../load/job.ts'
import { startLoad, type Load } from '../load/load.ts'
import { cpuMsOf } from '../process-figures.ts'
import { startModel, type ModelServer } from '../model/model.ts'
import type { Spawned, Target, Wish } from '../targets/target.ts'
import type { DeviceIdentity } from '../wire/identity.ts'
import { untilServing } from './ready.ts'

/** One row of the table: the same key for every target. */
export interface Figure {
  readonly key: string
  readonly value: number
  readonly unit: string
  readonly better: 'more' | 'less'
  /** What the contract wants. `ratio`: to the ceiling; `value`: absolute. */
  readonly wanted?: { readonly ratio?: number, readonly value?: number }
  /** Shown with `--detail` only. */
  readonly detail?: true
}

export interface ScenarioContext {
  readonly children: Children
  readonly windowMs: number
  readonly identities: readonly DeviceIdentity[]
  /** Smaller counts for a quick look and for the tests. */
  readonly scale: number
}

export interface Scenario {
  readonly name: string
  /** Which bare server stands beside the gateway. */
  readonly ceiling: 'ceiling' | 'fastify'
  /** The ceiling must have seen a turn of the target, which takes a while on a slow one. */
  readonly needsTurns?: true
  /** Takes so long that it only runs when somebody asks for it. */
  readonly onlyNamed?: true
  run: (target: Target, context: ScenarioContext) => Promise<Figure[]>
}

export interface Running {
  readonly spawned: Spawned
  readonly target: Target
  /** The identities, each let in once and with its own token. */
  readonly identities: readonly DeviceIdentity[]
  readonly load: Load
  /** A second load process, for clients that must not share an event loop with the first. */
  readonly otherLoad: () => Load
}

/** Starts the target, lets every identity in once, runs `body`, stops everything whatever happened. */
export async function withRunning<T> (target: Target, context: ScenarioContext, body: (running: Running) => Promise<T>, wish?: Wish): Promise<T> {
  const spawned = await target.spawn(wish)
  const loads: Load[] = []
  const newLoad = (): Load => {
    const load = startLoad(context.children)
    loads.push(load)
    return load
  }
  try {
    const identities = await untilServing(target, spawned, context.identities)
    return await body({ spawned, target, identities, load: newLoad(), otherLoad: newLoad })
  } finally {
    await Promise.allSettled(loads.map(load => load.stop()))
    await spawned.stop()
  }
}

/** A model server for the time of `body`. */
export async function withModel<T> (context: Pick<ScenarioContext, 'children'>, body: (model: ModelServer) => Promise<T>): Promise<T> {
  const model = await startModel(context.children)
  try {
    return await body(model)
  } finally {
    await model.stop()
  }
}

export interface Measured extends JobResult {
  readonly perSecond: number
  readonly serverCpuMsPerOperation: number
  /** Share of one core that each side used: which one was the limit. */
  readonly serverBusy: number
  readonly loadBusy: number
}

/** Runs a job and charges the server's CPU time of the same window to its operations. */
export async function measure (running: Running, job: Parameters<Load['run']>[0], load = running.load): Promise<Measured> {
  const { pid } = running.spawned
  let cpuBefore = cpuMsOf(pid)
  const result = await load.run(job, () => { cpuBefore = cpuMsOf(pid) })
  const cpuMs = cpuMsOf(pid) - cpuBefore
  return {
    ...result,
    perSecond: result.count / (result.elapsedMs / 1000),
    serverCpuMsPerOperation: cpuMs / result.count,
    serverBusy: cpuMs / result.elapsedMs,
    loadBusy: result.loadCpuMs / result.elapsedMs
  }
}

/** Which side was the limit: clearly above 1, the server; below, the load, and then only the CPU figures tell the truth. */
export const busyFigure = (name: string, result: Measured): Figure =>
  ({ key: `busy server/load, ${name}`, value: result.serverBusy / result.loadBusy, unit: '', better: 'more', detail: true })

export const failuresOf = (result: JobResult): number => Object.values(result.failures).reduce((sum, count) => sum + count, 0)
