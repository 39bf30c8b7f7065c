import { execFileSync } from 'node:child_process'
import type { TurnsJob } from '../load/job.ts'
import type { ModelServer } from '../model/model.ts'
import type { Durability, Target } from '../targets/target.ts'
import { busyFigure, failuresOf, measure, withModel, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

/** What people reach before they begin a new conversation, more or less. */
const turnsPerSession = 10

interface Shape {
  readonly method: 'chat.send' | 'agent'
  readonly connections: number
  readonly concurrency: number
}

export const turnsJob = ({ spawned, identities }: Running, shape: Shape & { name: string, durationMs: number }): TurnsJob =>
  ({ kind: 'turns', endpoint: spawned.endpoint, secret: spawned.secret, identities, turnsPerSession, until: 'end', ...shape })

const nameOf = ({ method, connections, concurrency }: Shape, note: string): string =>
  `${method}, ${concurrency} at a time on ${connections}${note}`

/** Bytes of everything under the directory, as the file system counts them. */
const diskKb = (home: string | undefined): number =>
  home === undefined ? NaN : Number.parseInt(execFileSync('du', ['-sk', home], { encoding: 'utf8' }), 10)

async function shapeFigures (running: Running, context: ScenarioContext, shape: Shape, note: string): Promise<Figure[]> {
  const { home } = running.spawned
  const before = diskKb(home)
  const result = await measure(running, turnsJob(running, {
    ...shape, name: `${shape.method.slice(0, 4)}-${shape.connections}-${shape.concurrency}`, durationMs: context.windowMs
  }))
  const name = nameOf(shape, note)
  const judged = shape.concurrency === 8 && shape.connections === 1 && shape.method === 'chat.send' && note === ''
  return [
    { key: `turns/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', ...(judged ? { wanted: { value: 1_000 } } : {}) },
    { key: `CPU per turn, ${name}`, value: result.serverCpuMsPerOperation, unit: 'ms', better: 'less' },
    { key: `turn p50, ${name}`, value: result.latencies.p50Ms, unit: 'ms', better: 'less' },
    { key: `turn p99, ${name}`, value: result.latencies.p99Ms, unit: 'ms', better: 'less' },
    { key: `turns failed, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
    { key: `disk per turn, ${name}`, value: (diskKb(home) - before) / result.count, unit: 'KB', better: 'less', detail: true },
    busyFigure(name, result)
  ]
}

const withFull: readonly Shape[] = [
  { method: 'chat.send', connections: 1, concurrency: 1 },
  { method: 'chat.send', connections: 1, concurrency: 8 },
  { method: 'chat.send', connections: 8, concurrency: 8 },
  { method: 'chat.send', connections: 1, concurrency: 64 },
  { method: 'chat.send', connections: 8, concurrency: 64 },
  { method: 'agent', connections: 1, concurrency: 8 },
  { method: 'agent', connections: 8, concurrency: 64 }
]
const withOther: readonly Shape[] = [
  { method: 'chat.send', connections: 1, concurrency: 1 },
  { method: 'chat.send', connections: 1, concurrency: 8 },
  { method: 'chat.send', connections: 8, concurrency: 64 }
]

interface Variant {
  readonly note: string
  readonly shapes: readonly Shape[]
  readonly model?: ModelServer
  readonly durability: Durability
}

const variant = (target: Target, context: ScenarioContext, { note, shapes, model, durability }: Variant): Promise<Figure[]> =>
  withRunning(target, context, async running => {
    const figures: Figure[] = []
    // A process that has just started gets faster for a while: both methods, before anything is counted.
    for (const method of ['chat.send', 'agent'] as const) {
      await running.load.run(turnsJob(running, { method, connections: 2, concurrency: 8, name: `warm-${method.slice(0, 4)}`, durationMs: context.windowMs }))
    }
    for (const shape of shapes) figures.push(...await shapeFigures(running, context, shape, note))
    return figures
  }, { durability, ...(model ? { model: { endpoint: model.endpoint, id: 'zero' } } : {}) })

/** Whole turns through a model that answers at once: what the gateway itself needs for a message and its reply. */
export const turns: Scenario = {
  name: 'turns',
  ceiling: 'ceiling',
  needsTurns: true,
  run: async (target, context) => target.takesModel
    ? withModel(context, async model => [
      ...await variant(target, context, { note: '', shapes: withFull, model, durability: 'full' }),
      ...target.name === 'peer' ? [] : await variant(target, context, { note: ', durability process', shapes: withOther, model, durability: 'process' }),
      ...target.hasEcho ? await variant(target, context, { note: ', echo', shapes: withOther, durability: 'full' }) : []
    ])
    : []
}
