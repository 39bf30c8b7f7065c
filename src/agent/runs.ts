/** The agent room: messages become runs, each carried out once, one at a time for a session. */
import { availableParallelism } from 'node:os'
import type { CallerKey } from '../auth/keys/caller-key.ts'
import { steadyNow } from '../lib/clock.ts'
import { GatewayError } from '../protocol/errors.ts'
import { createAcceptance } from './acceptance.ts'
import { createBeginAnew } from './anew.ts'
import type { RunContext } from './context.ts'
import { createExecution, voiceOf, type External } from './execution.ts'
import { createInboxes, type Inbox } from './inboxes.ts'
import { createLanes } from './lanes.ts'
import { createLookup } from './lookup.ts'
import { createRecovery, pendingOf } from './recovery.ts'
import { createRegistry } from './registry.ts'
import type { PendingInput, RunEvent, RunResult, Runs } from './room.ts'
import { Run, untilEnded } from './run.ts'
import { resultOf, runOp, settledRow, type StoredEntry, type StoredRun } from './stored-run.ts'

/** How long the store remembers a settled run, and with it the key of its request. */
const keptMs = 24 * 60 * 60_000
/** Settled runs between two looks at what may be forgotten. */
const pruneEvery = 500
const pruneAtOnce = 2000

/** A run that is told to end at a stop answers at once, unless the store does not. */
const putDownMs = 2000

export interface RunsOptions extends RunContext {
  readonly external: External
}

export function createRuns (options: RunsOptions): Runs {
  const { store, now, log, config, external } = options
  const context: RunContext = options
  const registry = createRegistry()
  const claims = new Map<string, Promise<Run | StoredEntry>>()
  const parked = new Map<string, StoredEntry>()
  let halted = false
  let settledCount = 0
  let recovering: Promise<unknown> | undefined

  const defaultConcurrent = Math.max(8, availableParallelism() * 4)
  const lanes = createLanes({
    max (lane) {
      const { maxConcurrent, subagents } = config().config.agents.defaults
      if (lane === 'subagent') return subagents.maxConcurrent
      if (lane === 'background') return 3
      return maxConcurrent ?? defaultConcurrent
    }
  })

  function prune (): void {
    if (++settledCount % pruneEvery !== 0) return
    store.commit([{ op: 'prune-runs', beforeMs: now() - keptMs, limit: pruneAtOnce }])
      .catch(err => log.warn({ err }, 'old runs could not be forgotten'))
  }

  function finish (run: Run, result: RunResult): void {
    run.state = 'settled'
    claims.delete(run.claim)
    registry.remove(run, result)
    run.resolve(result)
    for (const input of run.answers) finish(input, { ...result, runId: input.id })
    prune()
  }

  const execution = createExecution({
    context,
    lanes,
    external,
    halted: () => halted,
    onSettled (run, result, inbox) {
      finish(run, result)
      inboxes.release(inbox)
    },
    onSteered (runs) {
      for (const run of runs) finish(run, run.ended({ outcome: 'ok', endedAtMs: now(), stopReason: 'steered' }))
    }
  })

  const inboxes = createInboxes({
    context,
    launch: execution,
    onExecution: run => registry.add(run),
    onDropped: run => finish(run, run.ended({ outcome: 'aborted', endedAtMs: now(), stopReason: 'dropped' })),
    halted: () => halted
  })

  const accept = createAcceptance({
    context,
    inboxes,
    registry,
    claims,
    expectRoom: ({ lane }) => lanes.expectRoom(lane ?? 'main'),
    beginAnew: createBeginAnew(context, abort),
    onQueued: run => setImmediate(() => voiceOf(run, context).terminal({ state: 'final' }))
  })

  const recover = createRecovery({ context, inboxes, registry, claims, parked, onSettled: finish, isPatient: external.serves })

  const find = createLookup({ store, claims })

  /** Takes a message back that nobody has begun to answer. */
  async function cancel (run: Run, origin: string): Promise<boolean> {
    if (!inboxes.withdraw(run)) return false
    const result = run.ended({ outcome: 'aborted', endedAtMs: now(), stopReason: origin })
    const ops = run.ops({ ...settledRow(run.row!, result), state: 'cancelled' }, false)
    try {
      if (ops.length > 0) await store.commit(ops)
    } catch (error) {
      inboxes.restore(run)
      throw error
    }
    if (run.mode === 'own' || run.mode === 'interrupt') voiceOf(run, context).terminal({ state: 'aborted', stopReason: origin })
    finish(run, result)
    return true
  }

  /** A message may go on under the id of the run that answers it. */
  const answeringOf = (run: Run): Run => [...registry.live.values()].find(({ answers }) => answers.includes(run)) ?? run

  async function stop (run: Run, origin: string): Promise<boolean> {
    if (run.state === 'queued') return cancel(run, origin)
    const answering = answeringOf(run)
    if (!answering.end({ kind: 'aborted', origin })) return false
    return (await answering.settled).outcome === 'aborted'
  }

  /** Its caller has gone; waiting or running, it ends. */
  const gone = (run: Run): void => {
    stop(run, 'caller').catch(err => log.warn({ err, runId: run.id }, 'a run could not be taken back'))
  }

  /** The caller is the only one who wants the answer. */
  function endWith (signal: AbortSignal, run: Run): void {
    const end = (): void => gone(run)
    signal.addEventListener('abort', end, { once: true })
    void run.settled.then(() => signal.removeEventListener('abort', end))
    if (signal.aborted) end()
  }

  /** What a program began ends with its API key, also where nobody waits for it. What somebody else began and it joined goes on. */
  function endWithKey (key: CallerKey, run: Run): void {
    const end = (): void => { if (answeringOf(run).request.caller.key?.id === key.id) gone(run) }
    void run.settled.then(key.whenEnded(end))
    if (!key.isInForce()) end()
  }

  async function unpark (runId: string, origin: string): Promise<boolean> {
    const entry = parked.get(runId)
    if (!entry) return false
    parked.delete(runId)
    const value: StoredRun = { ...entry.value, state: 'cancelled', stopReason: origin, endedAtMs: now() }
    await store.commit([runOp({ ...entry, open: false, value })])
    return true
  }

  function concerned ({ runId, sessionKey }: { runId?: string, sessionKey?: string }): Run[] {
    if (runId !== undefined) {
      const run = registry.live.get(runId)
      return run && (sessionKey === undefined || run.key === sessionKey) ? [run] : []
    }
    const inbox: Inbox | undefined = sessionKey === undefined ? undefined : inboxes.get(sessionKey)
    return inbox ? [...inbox.queue, ...inbox.active ? [inbox.active] : []] : []
  }

  async function abort ({ origin = 'rpc', ...what }: Parameters<Runs['abort']>[0]): ReturnType<Runs['abort']> {
    const runs = concerned(what)
    const stopped = await Promise.all(runs.map(async run => await stop(run, origin) ? run.id : undefined))
    const runIds = stopped.filter(id => id !== undefined)
    if (runs.length === 0 && what.runId !== undefined && await unpark(what.runId, origin)) runIds.push(what.runId)
    return { runIds }
  }

  async function settledIn (run: Run, timeoutMs: number, signal?: AbortSignal): Promise<RunResult | undefined> {
    const limit = AbortSignal.timeout(Math.min(Math.max(1, timeoutMs), 2 ** 31 - 1))
    return untilEnded(signal ? AbortSignal.any([signal, limit]) : limit, run.settled).catch(() => undefined)
  }

  /** What is known of a settled run, or the run that answers it and goes on. */
  async function storedResult (runId: string): Promise<RunResult | Run | undefined> {
    const entry = await store.runs.get<StoredRun>(runId)
    if (!entry || entry.open) return undefined
    const { executedAs } = entry.value
    const executed = executedAs === undefined ? undefined : await store.runs.get<StoredRun>(executedAs)
    if (executed?.open) return registry.live.get(executed.runId)
    return { ...resultOf(executed ?? entry), runId }
  }

  return {
    async start (request) {
      if (halted) throw new GatewayError('STOPPING')
      await recovering
      const handle = await accept(request)
      const run = handle.status === 'started' ? registry.live.get(handle.runId) : undefined
      if (run && request.signal) endWith(request.signal, run)
      if (run && request.caller.key) endWithKey(request.caller.key, run)
      return handle
    },
    async find (request) {
      await recovering
      return await find(request)
    },
    abort,
    async wait (runId, timeoutMs, signal) {
      const startedAtMs = steadyNow()
      const known = registry.live.get(runId)
      if (known) return settledIn(known, timeoutMs, signal)
      const result = registry.recent(runId) ?? await storedResult(runId)
      if (result instanceof Run) {
        const settled = await settledIn(result, timeoutMs, signal)
        return settled && { ...settled, runId }
      }
      if (result) return result
      const run = await registry.arrival(runId, timeoutMs, signal)
      return run && settledIn(run, timeoutMs - (steadyNow() - startedAtMs), signal)
    },
    async sessionOf (runId) {
      const known = registry.live.get(runId)?.key ?? registry.recent(runId)?.sessionKey
      return known ?? (await store.runs.get<StoredRun>(runId))?.sessionKey
    },
    follow (runId, listener: (event: RunEvent) => void) {
      const run = registry.live.get(runId)
      if (!run) return () => {}
      run.voice ??= voiceOf(run, context)
      return run.voice.follow(listener)
    },
    active: sessionKey => [...inboxes.all()]
      .filter(({ key, active }) => active && active.state !== 'accepting' && (sessionKey === undefined || key === sessionKey))
      .map(({ key, active }) => ({
        runId: active!.id, sessionKey: key, startedAtMs: active!.startedAtMs ?? active!.atMs, text: active!.voice?.soFar() ?? ''
      })),
    pending (sessionKey) {
      const inbox = inboxes.get(sessionKey)
      const waiting = [...inbox?.active?.state === 'waiting' ? [inbox.active] : [], ...inbox?.queue ?? []]
      return [
        ...[...parked.values()].filter(entry => entry.sessionKey === sessionKey).map(pendingOf),
        ...waiting.map((run): PendingInput => ({
          runId: run.id, text: run.row?.input?.message ?? run.request.message, state: 'queued', atMs: run.atMs
        }))
      ]
    },
    waiting (agentId) {
      let count = [...parked.values()].filter(({ value }) => value.agentId === agentId).length
      for (const { active, queue } of inboxes.all()) {
        if (active?.agentId === agentId && active.state === 'waiting') count++
        for (const run of queue) if (run.agentId === agentId) count++
      }
      return count
    },
    stats () {
      const counts = { active: 0, queued: 0, sessions: 0, waitingSessions: 0 }
      for (const { active, queue } of inboxes.all()) {
        counts.sessions++
        if (active) counts.active++
        if (queue.length > 0) counts.waitingSessions++
        counts.queued += queue.length
      }
      return { ...counts, parked: parked.size, lanes: lanes.facts() }
    },
    recover () {
      const work = recover()
      recovering = work.then(() => {}, () => {}).finally(() => { recovering = undefined })
      return work
    },
    async drain (budgetMs) {
      halted = true
      const running = (): Run[] => [...inboxes.all()].flatMap(({ active, timer }) => active && timer === undefined ? [active] : [])
      // What waits is taken up by the next start; whoever waits for it here need not wait any longer.
      for (const { queue } of inboxes.all()) {
        for (const run of queue) if (run.state === 'queued') finish(run, run.ended({ outcome: 'aborted', endedAtMs: now(), stopReason: 'shutdown' }))
      }
      // Nobody knows when an agent that is away comes back.
      for (const run of running()) if (run.state === 'waiting') run.end({ kind: 'shutdown', origin: 'shutdown' })
      const all = Promise.allSettled(running().map(run => run.settled))
      let timer: NodeJS.Timeout | undefined
      await Promise.race([all, new Promise(resolve => { timer = setTimeout(resolve, budgetMs) })])
      clearTimeout(timer)
      const left = running()
      for (const run of left) run.end({ kind: 'shutdown', origin: 'shutdown' })
      await Promise.race([Promise.all(left.map(run => run.settled)), new Promise(resolve => { timer = setTimeout(resolve, putDownMs) })])
      clearTimeout(timer)
      for (const inbox of inboxes.all()) clearTimeout(inbox.timer)
      if (left.length > 0) log.info({ runs: left.length }, 'runs were put down and go on at the next start')
    }
  }
}
