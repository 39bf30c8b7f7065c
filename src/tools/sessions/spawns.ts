/**
 * Helpers that conversations began: at most so many at once, each followed to its end, reported once, and put away later. What is
 * known of one stands on the row of its session, so nothing of it is lost with this process.
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../protocol/errors.ts'
import { buildKey } from '../../sessions/keys.ts'
import type { SessionRecord, SpawnFacts } from '../../sessions/record.ts'
import type { LineBody } from '../../protocol/transcript.ts'
import { descends } from './visibility.ts'
import { depthOf } from './fields.ts'
import type { RunEnd, SessionToolSources, StartedRun } from './ports.ts'
import { createReports } from './reports.ts'
import { createRetirement } from './retirement.ts'
import { helperPrompt } from './spawn-words.ts'

/** At work or waiting for a place in their lane, all conversations together. */
const maxLive = 1000
const maxStoredTaskChars = 500
/** Helpers of earlier processes are settled side by side, so many at once. */
const recoverAtOnce = 50
const recoverWaitMs = 50

export interface SpawnOrder {
  readonly requesterKey: string
  readonly agentId: string
  readonly key: string
  readonly task: string
  readonly isOwner: boolean
  readonly incognito: boolean
  readonly label?: string
  readonly model?: { readonly provider: string, readonly model: string }
  readonly thinking?: string
  readonly timeoutMs?: number
  readonly cleanup?: 'delete'
  /** What the helper knows of the conversation that began it. */
  readonly lines?: readonly LineBody[]
}

export interface Spawns {
  newKey (agentId: string, incognito: boolean): string
  /** Takes a place at once; throws BUSY when there is none. Give it back with `release` when nothing comes of it. */
  reserve (requesterKey: string, key: string): void
  release (key: string): void
  /** Helpers of this conversation at work. */
  active (requesterKey: string): number
  start (order: SpawnOrder): Promise<{ readonly runId: string }>
  /** Ends it and whatever it began itself. Whoever asked for that needs no report. */
  cancel (key: string): Promise<boolean>
  /** Settles when none of these is at work any more, or with the signal. */
  settled (keys: readonly string[], signal: AbortSignal): Promise<void>
  /** Settles what an earlier process left, after its runs were looked at. */
  recover (): Promise<{ readonly interrupted: number, readonly reported: number }>
  close (): Promise<void>
}

interface Live {
  readonly requesterKey: string
  runId?: string
  cancelled: boolean
  readonly done: Promise<void>
  readonly finish: () => void
}

function newLive (requesterKey: string): Live {
  let finish!: () => void
  const done = new Promise<void>(resolve => { finish = resolve })
  return { requesterKey, cancelled: false, done, finish }
}

type Sources = Pick<SessionToolSources, 'sessions' | 'runs' | 'log' | 'now' | 'config'>

export function createSpawns (sources: Sources): Spawns {
  const { sessions, runs, log, now } = sources
  const reports = createReports(sources)
  const live = new Map<string, Live>()
  const work = new Set<Promise<void>>()
  const ages = createRetirement(sources, track)
  let closed = false

  const recordOf = (key: string): SessionRecord | undefined => sessions.get(key)

  function release (key: string): void {
    live.get(key)?.finish()
    live.delete(key)
  }

  function outcomeOf ({ outcome, stopReason, error }: RunEnd, isCancelled: boolean): Pick<SpawnFacts, 'outcome' | 'reason'> {
    if (outcome === 'aborted' && isCancelled) return { outcome: 'cancelled' }
    const reason = error?.message ?? (outcome === 'aborted' ? stopReason : undefined)
    return { outcome, ...(reason ? { reason } : {}) }
  }

  /** How it ended is durable before the report goes out. */
  async function conclude (begun: SessionRecord, ended: Pick<SpawnFacts, 'outcome' | 'reason' | 'endedAtMs'>, text: string): Promise<void> {
    const { key } = begun
    const current = recordOf(key)
    // Whoever deletes the session of a helper has not told the one who waits for it.
    const record = current ?? begun
    if (!record.spawn || record.spawn.report) return
    const isUnwanted = ended.outcome === 'cancelled'
    const facts: SpawnFacts = { ...record.spawn, ...ended, ...(isUnwanted ? { report: 'unwanted' } : {}) }
    if (current) await sessions.write(key, { patch: { spawn: facts }, reason: 'subagent.ended' })
    if (!isUnwanted) await reports.deliver(record, facts, text)
    if (facts.cleanup === 'delete' && !closed) await sessions.lifecycle.remove(key, { reason: 'subagent.cleanup' })
    else ages.watch()
  }

  async function follow (key: string, { result }: StartedRun): Promise<void> {
    const begun = recordOf(key)!
    const end = await result
    const isCancelled = live.get(key)?.cancelled ?? false
    // Put down by a stop: the next start says so.
    if (end.stopReason === 'shutdown') return release(key)
    try {
      await conclude(begun, { ...outcomeOf(end, isCancelled), endedAtMs: end.endedAtMs }, end.text)
    } catch (err) {
      log.warn({ err, sessionKey: key }, 'the end of a helper could not be stored; the next start looks at it again')
    } finally {
      release(key)
    }
  }

  function track (promise: Promise<void>): void {
    work.add(promise)
    void promise.finally(() => work.delete(promise))
  }

  async function createSession (order: SpawnOrder, runId: string): Promise<void> {
    const { key, agentId, requesterKey, task, label, model, cleanup, isOwner, incognito, lines = [] } = order
    const spawn: SpawnFacts = {
      runId, task: task.slice(0, maxStoredTaskChars), startedAtMs: now(), ...(isOwner ? { isOwner } : {}), ...(cleanup ? { cleanup } : {})
    }
    await sessions.write(key, {
      create: {
        agentId,
        createdVia: 'spawn',
        spawnedBy: requesterKey,
        parentSessionKey: requesterKey,
        spawnDepth: depthOf(recordOf(requesterKey) ?? { key: requesterKey }) + 1,
        spawn,
        ...(incognito ? { incognito } : {}),
        ...(label ? { label, displayName: label } : {}),
        ...(model ? { providerOverride: model.provider, modelOverride: model.model } : {})
      },
      lines,
      reason: 'create'
    })
  }

  async function begin (order: SpawnOrder, runId: string): Promise<StartedRun> {
    const { key, requesterKey, isOwner, thinking, timeoutMs } = order
    return await runs.start({
      caller: { principal: requesterKey },
      via: 'spawn',
      idempotencyKey: runId,
      sessionKey: key,
      message: order.task,
      ownTurn: true,
      lane: 'subagent',
      spawnedBy: requesterKey,
      extraSystemPrompt: helperPrompt(requesterKey),
      ...(thinking ? { thinking } : {}),
      ...(timeoutMs ? { timeoutMs } : {}),
      origin: { senderIsOwner: isOwner, inputProvenance: { kind: 'inter_session', sourceSessionKey: requesterKey, sourceTool: 'sessions_spawn' } }
    })
  }

  async function start (order: SpawnOrder): Promise<{ runId: string }> {
    const { key } = order
    const runId = randomUUID()
    try {
      await createSession(order, runId)
      const started = await begin(order, runId)
      live.get(key)!.runId = started.runId
      track(follow(key, started))
      return { runId }
    } catch (error) {
      release(key)
      if (recordOf(key)) await sessions.lifecycle.remove(key, { reason: 'subagent.refused' })
      throw error
    }
  }

  async function cancel (key: string): Promise<boolean> {
    const below = [...live.keys()].filter(other => descends(other, key, recordOf))
    const entry = live.get(key)
    for (const each of [entry, ...below.map(other => live.get(other))]) if (each) each.cancelled = true
    await Promise.all(below.map(async other => await runs.abort({ sessionKey: other, origin: 'subagents' })))
    if (!entry) return below.length > 0
    await runs.abort({ sessionKey: key, origin: 'subagents' })
    return true
  }

  /** None of these was begun by this process, so what of them is over was over before, or was put down when this process began. */
  async function settleOne (record: SessionRecord, beganAtMs: number): Promise<boolean> {
    const { key, spawn } = record
    if (spawn!.outcome !== undefined) {
      await conclude(record, { outcome: spawn!.outcome }, await lastWords(key))
      return false
    }
    const end = await runs.wait(spawn!.runId, recoverWaitMs)
    const isInterrupted = !end || end.endedAtMs >= beganAtMs
    const ended = isInterrupted ? { outcome: 'interrupted' as const, endedAtMs: now() } : { ...outcomeOf(end, false), endedAtMs: end.endedAtMs }
    await conclude(record, ended, isInterrupted ? '' : end.text)
    return isInterrupted
  }

  async function lastWords (key: string): Promise<string> {
    const [last] = (await sessions.lines.tail(key, { limit: 20 })).map(({ value }) => value).filter(value => value.type === 'message' && value.message.role === 'assistant').slice(-1)
    if (last?.type !== 'message' || last.message.role !== 'assistant') return ''
    return last.message.content.map(part => part.type === 'text' ? part.text : '').join('')
  }

  const beganAtMs = now()

  return {
    newKey: (agentId, incognito) => buildKey(agentId, `subagent:${incognito ? 'incognito-' : ''}${randomUUID()}`),
    reserve (requesterKey, key) {
      if (live.size >= maxLive) throw new GatewayError('BUSY', { message: `${live.size} helpers are at work already`, retryAfterMs: 5000 })
      live.set(key, newLive(requesterKey))
    },
    release,
    active: requesterKey => [...live.values()].filter(entry => entry.requesterKey === requesterKey).length,
    start,
    cancel,
    async settled (keys, signal) {
      const gone = new Promise<void>(resolve => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([gone, Promise.all(keys.map(key => live.get(key)?.done))])
    },
    async recover () {
      await sessions.ready
      const all = [...sessions.records()].filter(({ spawn, key }) => spawn && !live.has(key))
      const owed = all.filter(({ spawn }) => !spawn!.report)
      let interrupted = 0
      for (let from = 0; from < owed.length; from += recoverAtOnce) {
        const verdicts = await Promise.all(owed.slice(from, from + recoverAtOnce).map(async record => await settleOne(record, beganAtMs)))
        interrupted += verdicts.filter(Boolean).length
      }
      if (owed.length > 0) log.info({ interrupted, reported: owed.length }, 'settled helpers that an earlier process began')
      if (all.length > 0) await ages.sweep()
      return { interrupted, reported: owed.length }
    },
    async close () {
      closed = true
      ages.close()
      reports.close()
      await Promise.allSettled(work)
    }
  }
}
