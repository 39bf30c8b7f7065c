/** Orders to begin a conversation anew. They belong to the claim of their request: a repeated one must not wipe out what it began. */
import type { SessionTarget } from '../sessions/room.ts'
import type { RunContext } from './context.ts'
import type { RunRequest, Runs } from './room.ts'
import { runOp, type StoredEntry } from './stored-run.ts'

export interface Anew {
  readonly request: RunRequest
  readonly target: SessionTarget
  readonly claim: string
  readonly runId: string
  readonly leavesNoTrace: boolean
}

/** Stops what goes on and forgets what was said. Answers with the settled row when there is no first message to answer. */
export function createBeginAnew ({ store, sessions, now }: RunContext, abort: Runs['abort']) {
  return async ({ request, target, claim, runId, leavesNoTrace }: Anew): Promise<StoredEntry | undefined> => {
    const { key, agentId } = target
    const { message, images = [], via, anew = 'reset' } = request
    await abort({ sessionKey: key, origin: 'stop' })
    const record = sessions.get(key)
    const atMs = now()
    const entry: StoredEntry | undefined = message === '' && images.length === 0
      ? { runId, sessionKey: key, claim, open: false, atMs, value: { agentId, sessionId: record?.sessionId ?? '', via, state: 'ok', endedAtMs: atMs, stopReason: 'reset' } }
      : undefined
    const ops = entry && !leavesNoTrace ? [runOp(entry)] : []
    if (record) await sessions.write(key, { lines: [{ type: 'reset', reason: anew }], reason: anew, ops })
    else if (ops.length > 0) await store.commit(ops)
    return entry
  }
}
