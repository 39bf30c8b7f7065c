import { GatewayError } from '../../protocol/errors.ts'
import type { RunEntries, RunEntry } from '../store.ts'

type StoredRun = Omit<RunEntry, 'value'> & { text: string }

/** Each change returns how to take it back. */
export interface RunTable {
  put (run: RunEntry, text: string): () => void
  prune (beforeMs: number, limit: number): () => void
  readonly reads: RunEntries
}

export function createRunTable (): RunTable {
  const runs = new Map<string, StoredRun>()
  const holders = new Map<string, string>()

  function set (runId: string, run: StoredRun | undefined): void {
    const before = runs.get(runId)
    if (before) holders.delete(before.claim)
    runs.delete(runId)
    if (!run) return
    runs.set(runId, run)
    holders.set(run.claim, runId)
  }

  const parsed = <T>({ text, ...run }: StoredRun): RunEntry<T> => ({ ...run, value: JSON.parse(text) })
  const oldestFirst = (a: StoredRun, b: StoredRun): number => a.atMs - b.atMs
  const find = <T>(runId: string | undefined): RunEntry<T> | undefined => {
    const run = runId === undefined ? undefined : runs.get(runId)
    return run && parsed<T>(run)
  }

  return {
    put ({ runId, sessionKey, claim, open, atMs }, text) {
      const holder = holders.get(claim)
      if (holder !== undefined && holder !== runId) throw new GatewayError('CLAIM_TAKEN')
      const before = runs.get(runId)
      set(runId, { runId, sessionKey, claim, open, atMs, text })
      return () => set(runId, before)
    },
    prune (beforeMs, limit) {
      const old = [...runs.values()].filter(run => !run.open && run.atMs < beforeMs).sort(oldestFirst).slice(0, limit)
      for (const { runId } of old) set(runId, undefined)
      return () => { for (const run of old) set(run.runId, run) }
    },
    reads: {
      async get<T> (runId: string) { return find<T>(runId) },
      async claimed<T> (claim: string) { return find<T>(holders.get(claim)) },
      async open<T> () { return [...runs.values()].filter(({ open }) => open).sort(oldestFirst).map(run => parsed<T>(run)) },
      async ofSession<T> (sessionKey: string, limit: number) {
        const own = [...runs.values()].filter(run => run.sessionKey === sessionKey).sort(oldestFirst)
        return own.reverse().slice(0, limit).map(run => parsed<T>(run))
      }
    }
  }
}
