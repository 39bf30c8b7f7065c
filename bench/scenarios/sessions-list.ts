import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { SessionRecord } from '../../src/sessions/record.ts'
import { listedSessions } from '../capture-turns.ts'
import type { RpcJob } from '../load/job.ts'
import { turnsJob } from './turns.ts'
import { busyFigure, failuresOf, measure, withModel, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const manySessions = 10_000

const job = ({ spawned, identities }: Running, context: ScenarioContext, connections: number, depth: number): RpcJob => ({
  kind: 'rpc',
  endpoint: spawned.endpoint,
  secret: spawned.secret,
  identities,
  connections,
  depth,
  durationMs: context.windowMs,
  method: 'sessions.list',
  params: { limit: listedSessions }
})

async function listFigures (running: Running, context: ScenarioContext, stored: number, shapes: readonly (readonly [number, number])[]): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [connections, depth] of shapes) {
    const name = `${listedSessions} of ${stored}, ${connections} × ${depth}`
    const result = await measure(running, job(running, context, connections, depth))
    figures.push(
      { key: `lists/s, ${name}`, value: result.perSecond, unit: '/s', better: 'more', ...(stored === listedSessions ? { wanted: { ratio: 1 } } : {}) },
      { key: `CPU per list, ${name}`, value: result.serverCpuMsPerOperation, unit: 'ms', better: 'less' },
      { key: `list p50, ${name}`, value: result.latencies.p50Ms, unit: 'ms', better: 'less' },
      { key: `list p95, ${name}`, value: result.latencies.p95Ms, unit: 'ms', better: 'less', ...(stored === manySessions && connections * depth === 1 ? { wanted: { value: 20 } } : {}) },
      { key: `lists refused, ${name}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
      busyFigure(name, result)
    )
  }
  return figures
}

const startedAt = Date.UTC(2026, 0, 1)

/** A row as a conversation of some turns leaves it. */
function record (index: number): SessionRecord {
  const at = startedAt + index * 1000
  const usage = { input: 1200, output: 300, cacheRead: 0, cacheWrite: 0, totalTokens: 1500 }
  return {
    key: `agent:main:seeded-${index}`,
    agentId: 'main',
    sessionId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    createdAt: at,
    createdVia: 'operator',
    updatedAt: at,
    sessionStartedAt: at,
    lastInteractionAt: at,
    lastActivityAt: at,
    lifecycleRevision: 1,
    status: 'done',
    startedAt: at,
    endedAt: at,
    lastRunId: `run-${index}`,
    abortedLastRun: false,
    modelProvider: 'bench',
    model: 'zero',
    contextTokens: 128_000,
    inputTokens: 1200,
    outputTokens: 300,
    totalTokens: 1200,
    usage,
    estimatedCostUsd: 0,
    runtimeMs: 20,
    messageCount: 20,
    contextMessages: 20,
    lastSeq: 20,
    derivedTitle: `Conversation number ${index} about nothing in particular`,
    preview: [{ role: 'user', text: `Message of conversation ${index}, as short as people write.` }, { role: 'assistant', text: 'This is what the model of the bench always says.' }]
  }
}

async function seed (stateDir: string, count: number): Promise<void> {
  const store = await createSqliteStore({ stateDir })
  for (let from = 0; from < count; from += 500) {
    await store.commit(Array.from({ length: Math.min(500, count - from) }, (_, offset) => {
      const value = record(from + offset)
      return { op: 'put', collection: 'sessions', key: value.key, value } as const
    }))
  }
  await store.close()
}

/** A hundred rows that real turns have left; and, of ours, a hundred of ten thousand that were put into the store before the start. */
export const sessionsList: Scenario = {
  name: 'sessions-list',
  ceiling: 'ceiling',
  needsTurns: true,
  async run (target, context) {
    if (!target.takesModel) return []
    const hundred = await withModel(context, model => withRunning(target, context, async running => {
      await running.load.run({
        ...turnsJob(running, { method: 'chat.send', connections: 1, concurrency: 4, name: 'rows', durationMs: 120_000 }), maxCount: listedSessions, turnsPerSession: 1
      })
      await running.load.run({ ...job(running, context, 4, 2), durationMs: context.windowMs / 2 })
      return listFigures(running, context, listedSessions, [[1, 1], [16, 32]])
    }, { model: { endpoint: model.endpoint, id: 'zero' } }))
    if (target.name === 'peer') return hundred
    const stored = target.name === 'ours' ? Math.max(200, Math.round(manySessions * context.scale)) : listedSessions
    const many = await withRunning(target, context, async running => {
      await running.load.run({ ...job(running, context, 4, 2), durationMs: context.windowMs / 2 })
      return listFigures(running, context, manySessions, [[1, 1], [16, 1]])
    }, target.name === 'ours' ? { seed: stateDir => seed(stateDir, stored) } : {})
    return [...hundred, ...many]
  }
}
