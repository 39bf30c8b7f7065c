/** Takes up what an earlier process left behind, within a budget: each message is answered once, or parked and listed. */
import type { RunContext } from './context.ts'
import { voiceOf } from './execution.ts'
import type { Inboxes } from './inboxes.ts'
import { tellFailure } from './pipeline.ts'
import type { Registry } from './registry.ts'
import type { PendingInput, RunRequest, RunResult } from './room.ts'
import { Run } from './run.ts'
import { breakOff } from './settlement.ts'
import { keptOf, runOp, type StoredEntry } from './stored-run.ts'

export interface RecoveryOptions {
  readonly context: RunContext
  readonly inboxes: Inboxes
  readonly registry: Registry
  readonly claims: Map<string, Promise<Run | StoredEntry>>
  readonly parked: Map<string, StoredEntry>
  readonly onSettled: (run: Run, result: RunResult) => void
  /** Messages for agents that are away wait as long as it takes. */
  readonly isPatient: (agentId: string) => boolean
}

/** Parked messages that are listed; the rest stays in the store. */
const maxParked = 1000

function requestOf ({ runId, sessionKey, value }: StoredEntry): RunRequest {
  const { input, options, via, agentId } = value
  return {
    caller: { principal: 'gateway' },
    via,
    idempotencyKey: input?.key ?? runId,
    sessionKey,
    agentId,
    message: input?.message ?? '',
    ...(input?.images ? { images: input.images } : {}),
    ...(input?.origin ? { origin: input.origin } : {}),
    ...keptOf(value),
    ...options
  }
}

export function pendingOf ({ runId, value, atMs }: StoredEntry): PendingInput {
  return { runId, text: value.input?.message ?? '', state: 'parked', atMs }
}

export function createRecovery (options: RecoveryOptions): () => Promise<{ resumed: number, failed: number, parked: number }> {
  const { context, inboxes, registry, claims, parked } = options
  const { store, sessions, now, log } = context

  function runOf (entry: StoredEntry): Run {
    const run = new Run({
      id: entry.runId,
      claim: entry.claim,
      key: entry.sessionKey,
      agentId: entry.value.agentId,
      request: requestOf(entry),
      atMs: entry.atMs,
      mode: entry.value.mode ?? 'own'
    })
    run.sessionId = entry.value.sessionId
    run.row = entry.value
    run.recovered = true
    return run
  }

  async function park (entry: StoredEntry): Promise<void> {
    if (parked.size < maxParked) parked.set(entry.runId, entry)
    if (entry.value.state === 'parked') return
    const value = { ...entry.value, state: 'parked' as const }
    await store.commit([runOp({ ...entry, value })])
    if (parked.has(entry.runId)) parked.set(entry.runId, { ...entry, value })
    if (entry.value.state === 'running') await sessions.write(entry.sessionKey, { patch: { status: 'killed', abortedLastRun: true }, reason: 'agent.input.settled', phase: 'end', runId: entry.runId })
  }

  async function fail (entry: StoredEntry, why: string): Promise<void> {
    const run = runOf(entry)
    const voice = voiceOf(run, context)
    const settled = await breakOff(run, undefined, new Error(why), context)
    tellFailure(voice, settled)
    options.onSettled(run, settled.result)
  }

  function resume (entry: StoredEntry): void {
    const run = runOf(entry)
    run.row = { ...entry.value, attempts: (entry.value.attempts ?? 0) + 1 }
    registry.add(run)
    claims.set(run.claim, Promise.resolve(run))
    inboxes.restore(run)
  }

  /** When it last gave a sign of life: a long run is not old because it began long ago. */
  const lastSeenMs = ({ sessionKey, value, atMs }: StoredEntry): number =>
    value.state === 'running' ? Math.max(atMs, sessions.get(sessionKey)?.lastActivityAt ?? 0) : atMs

  function verdict (entry: StoredEntry): 'resume' | 'park' | string {
    const { value } = entry
    const { mode, maxAttempts, maxAgeMinutes } = context.config().config.agents.defaults.recovery
    if (value.state === 'parked') return 'park'
    // Whoever began it hears that it was interrupted and decides anew.
    if (value.via === 'spawn') return 'the gateway was restarted while this helper was at work; it is not begun again by itself'
    if (!options.isPatient(value.agentId) && now() - lastSeenMs(entry) > maxAgeMinutes * 60_000) return 'park'
    if ((value.attempts ?? 0) >= maxAttempts) return `the gateway was restarted ${maxAttempts} times while this was being answered; send it again`
    if (value.effects && mode === 'fail') return 'the gateway was restarted after tools had taken effect; look at what they did, then send it again'
    return 'resume'
  }

  return async () => {
    const counts = { resumed: 0, failed: 0, parked: 0 }
    const open = await store.runs.open<StoredEntry['value']>()
    if (open.length === 0) return counts
    await sessions.ready
    // What was under way comes before what waited for it.
    const ordered = [...open.filter(({ value }) => value.state === 'running'), ...open.filter(({ value }) => value.state !== 'running')]
    for (const entry of ordered) {
      if (registry.live.has(entry.runId)) continue
      const decision = verdict(entry)
      try {
        if (decision === 'resume') {
          resume(entry)
          counts.resumed++
        } else if (decision === 'park') {
          await park(entry)
          counts.parked++
        } else {
          await fail(entry, decision)
          counts.failed++
        }
      } catch (err) {
        log.error({ err, runId: entry.runId, sessionKey: entry.sessionKey }, 'a run of an earlier process could not be taken up')
      }
    }
    log.info(counts, 'took up what an earlier process left')
    return counts
  }
}
