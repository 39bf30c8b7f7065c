/** The thread that has the indexes open: files are read, cut and searched where nothing waits for it. */
import { statSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { FileView } from '../../files/view.ts'
import { createIndexes, type IndexPlace } from './database.ts'
import { countPending, keepVectors, pendingTexts, pruneVectors, type Arrived, type PendingText } from './embeddings.ts'
import { find, type Found, type Question } from './finding.ts'
import type { Skipped } from './found-files.ts'
import { countOf, keepUp, outOfDate, type UpkeepReport } from './upkeep.ts'

interface About { readonly place: IndexPlace }

export type IndexJob =
  | About & { readonly kind: 'keep-up', readonly view: FileView, readonly budgetMs: number }
  | About & { readonly kind: 'find', readonly question: Question }
  | About & { readonly kind: 'pending', readonly model: string, readonly most: number }
  | About & { readonly kind: 'vectors', readonly model: string, readonly arrived: readonly Arrived[] }
  | About & { readonly kind: 'prune', readonly model: string, readonly spare: number }
  | About & { readonly kind: 'status', readonly view: FileView, readonly model: string }
  | About & { readonly kind: 'forget' }

export interface IndexStatus {
  readonly files: number
  readonly chunks: number
  readonly bytes: number
  /** Files that were written, renamed or removed since. */
  readonly left: number
  readonly skipped: readonly Skipped[]
  /** Texts without a vector of the model. */
  readonly pending: number
  readonly vectors: number
}

export interface IndexAnswer {
  readonly report?: UpkeepReport
  readonly found?: Found
  readonly texts?: readonly PendingText[]
  readonly status?: IndexStatus
  readonly error?: string
}

const indexes = createIndexes()

async function statusOf ({ place, view, model }: Extract<IndexJob, { kind: 'status' }>): Promise<IndexStatus> {
  return await indexes.use(place, async index => {
    const { skipped, left } = await outOfDate(index, view)
    const own = index.statement('SELECT path, skipped AS reason FROM files WHERE skipped IS NOT NULL ORDER BY path LIMIT 200').all() as unknown as Skipped[]
    return {
      files: countOf(index, 'SELECT count(*) AS n FROM files WHERE skipped IS NULL'),
      chunks: countOf(index, 'SELECT count(*) AS n FROM chunks'),
      bytes: ['', '-wal'].reduce((sum, suffix) => sum + (statSync(place.file + suffix, { throwIfNoEntry: false })?.size ?? 0), 0),
      left,
      skipped: [...skipped, ...own.map(({ path, reason }) => ({ path, reason }))].slice(0, 200),
      pending: model === '' ? 0 : countPending(index, model),
      vectors: countOf(index, 'SELECT count(*) AS n FROM vectors WHERE model = ?', model)
    }
  })
}

async function answer (job: IndexJob): Promise<IndexAnswer> {
  const { place } = job
  switch (job.kind) {
    case 'keep-up': return { report: await indexes.use(place, async index => await keepUp(index, job)) }
    case 'find': return { found: await indexes.use(place, async index => find(index, job.question)) }
    case 'pending': return { texts: await indexes.use(place, async index => pendingTexts(index, job.model, job.most)) }
    case 'vectors':
      await indexes.use(place, async index => { keepVectors(index, job.model, job.arrived) })
      return {}
    case 'prune':
      await indexes.use(place, async index => { pruneVectors(index, job.model, job.spare) })
      return {}
    case 'status': return { status: await statusOf(job) }
    case 'forget':
      indexes.forget(place.file)
      return {}
  }
}

parentPort!.on('message', (job: IndexJob) => {
  answer(job).then(
    done => parentPort!.postMessage(done),
    (error: unknown) => parentPort!.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies IndexAnswer)
  )
})
