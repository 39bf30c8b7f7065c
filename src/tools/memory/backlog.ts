/** Texts that have no vector yet: batch after batch, in the background, once for each agent. */
import type { Embedder } from './embedder.ts'
import type { IndexThread } from './index/index-thread.ts'
import type { Scope } from './scope.ts'

export interface Backlogs {
  /** Joins what goes on. Rejects with what kept it from going on; what came until then is kept. */
  fill (scope: Scope): Promise<void>
  isFilling (agentId: string): boolean
  stop (agentId: string): void
  close (): Promise<void>
}

export interface BacklogOptions {
  readonly thread: IndexThread
  readonly embedder: Embedder
  readonly signal: AbortSignal
}

/** The answer is parsed where everything else waits for it. */
const batchSize = 16
const patience = { budgetMs: 60_000, retryMs: 30_000 }

interface Filling {
  readonly model: string
  readonly done: Promise<void>
  readonly stopped: AbortController
}

export function createBacklogs ({ thread, embedder, signal }: BacklogOptions): Backlogs {
  const open = new Map<string, Filling>()

  async function work ({ place, settings }: Scope, model: string, stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      const { texts = [] } = await thread.ask({ kind: 'pending', place, model, most: batchSize })
      if (texts.length === 0) break
      const vectors = await embedder.embed({ model, texts: texts.map(({ text }) => text), ...patience, signal: stopped })
      if (stopped.aborted) return
      await thread.ask({ kind: 'vectors', place, model, arrived: texts.map(({ hash }, at) => ({ hash, vector: vectors[at]! })) })
    }
    if (!stopped.aborted) await thread.ask({ kind: 'prune', place, model, spare: settings.spareVectors })
  }

  function begin (scope: Scope, model: string): Filling {
    const stopped = new AbortController()
    const done = work(scope, model, AbortSignal.any([signal, stopped.signal])).finally(() => {
      if (open.get(scope.agentId) === filling) open.delete(scope.agentId)
    })
    const filling = { model, done, stopped }
    open.set(scope.agentId, filling)
    return filling
  }

  return {
    async fill (scope) {
      const { agentId, settings: { model } } = scope
      if (model === undefined) return
      const known = open.get(agentId)
      if (known && known.model !== model) known.stopped.abort()
      const filling = known?.model === model ? known : begin(scope, model)
      await filling.done
    },
    isFilling: agentId => open.has(agentId),
    stop: agentId => { open.get(agentId)?.stopped.abort() },
    async close () { await Promise.allSettled([...open.values()].map(({ done }) => done)) }
  }
}
