/** The runs as a program with an API key finds them: those of conversations that it may not see are not there. */
import { runIdFor, type CallerKey } from '../auth/keys/caller-key.ts'
import type { Runs } from './room.ts'

export function createOwnRuns (runs: Runs, key: CallerKey, maySee: (sessionKey: string) => boolean): Runs {
  /** The run that is meant; for one that is somebody else's, a name that no run has. */
  async function meant (runId: string): Promise<string> {
    const own = runIdFor(key, runId)
    if (own !== runId && await runs.sessionOf(own) !== undefined) return own
    const sessionKey = await runs.sessionOf(runId)
    if (sessionKey === undefined) return own
    return maySee(sessionKey) ? runId : `${key.id}.${runId}`
  }

  return {
    ...runs,
    abort: async ({ runId, ...what }) => await runs.abort({ ...what, ...(runId === undefined ? {} : { runId: await meant(runId) }) }),
    wait: async (runId, timeoutMs, signal) => await runs.wait(await meant(runId), timeoutMs, signal),
    sessionOf: async runId => await runs.sessionOf(await meant(runId)),
    active: sessionKey => runs.active(sessionKey).filter(run => maySee(run.sessionKey)),
    pending: sessionKey => maySee(sessionKey) ? runs.pending(sessionKey) : []
  }
}
