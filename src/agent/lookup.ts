/** Finds a request again by the claim of whoever sent it: while it waits, while it is answered, and as long as the store remembers it. */
import type { Store } from '../store/store.ts'
import type { RunReport, Runs } from './room.ts'
import { Run } from './run.ts'
import { claimOf, resultOf, type StoredEntry } from './stored-run.ts'

export interface LookupOptions {
  readonly store: Pick<Store, 'runs'>
  readonly claims: ReadonlyMap<string, Promise<Run | StoredEntry>>
}

const running: ReadonlySet<Run['state']> = new Set(['active', 'committing', 'settled'])

const liveReport = (run: Run): RunReport => ({
  runId: run.id,
  sessionKey: run.key,
  agentId: run.agentId,
  sessionId: run.sessionId,
  acceptedAtMs: run.atMs,
  state: running.has(run.state) ? 'running' : 'queued',
  ...(run.startedAtMs === undefined ? {} : { startedAtMs: run.startedAtMs }),
  ...(run.request.fingerprint === undefined ? {} : { fingerprint: run.request.fingerprint }),
  about: run.request.about ?? {},
  result: run.settled
})

function storedReport (entry: StoredEntry): RunReport {
  const { runId, sessionKey, atMs, value } = entry
  const { agentId, sessionId, state, startedAtMs, fingerprint, about = {} } = value
  return {
    runId,
    sessionKey,
    agentId,
    sessionId,
    acceptedAtMs: atMs,
    state: state === 'cancelled' ? 'aborted' : state,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    about,
    result: Promise.resolve(resultOf(entry))
  }
}

export function createLookup ({ store, claims }: LookupOptions): Runs['find'] {
  return async ({ caller, via, idempotencyKey }) => {
    const claim = claimOf(caller.principal, via, idempotencyKey)
    // What could not be accepted is nowhere to be found.
    const known = await claims.get(claim)?.catch(() => undefined) ?? await store.runs.claimed<StoredEntry['value']>(claim)
    return known && (known instanceof Run ? liveReport(known) : storedReport(known))
  }
}
