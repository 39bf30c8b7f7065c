/** How runs of jobs went: the newest of each job, and not many of all jobs together. */
import type { Store, StoreOp } from '../../store/store.ts'
import type { DeliveryStatus, RunStatus } from './job.ts'

export interface RunLogEntry {
  readonly ts: number
  readonly jobId: string
  readonly action: 'finished'
  readonly status: RunStatus
  readonly completionStatus: 'succeeded' | 'failed' | 'unknown'
  readonly error?: string
  readonly errorReason?: string
  readonly summary?: string
  readonly delivered?: boolean
  readonly deliveryStatus?: DeliveryStatus
  readonly deliveryError?: string
  readonly deliverySuppressionReason?: string
  readonly sessionId?: string
  readonly sessionKey?: string
  readonly runId: string
  readonly runAtMs: number
  readonly durationMs: number
  readonly nextRunAtMs?: number
  readonly provider?: string
  readonly model?: string
  readonly usage?: { readonly [field: string]: number }
  readonly jobName?: string
  /** Whose the job was, for whoever looks at one agent only. */
  readonly agentId?: string
}

export interface History {
  /** For the commit in which the run is over; `committed` makes it known here. */
  prepare (entry: RunLogEntry): Promise<{ readonly ops: StoreOp[], committed (): void }>
  has (runId: string): Promise<boolean>
  all (): Promise<RunLogEntry[]>
}

const maxPerJob = 200
const maxInAll = 2_000
const keptMs = 30 * 24 * 3_600_000

interface Known {
  readonly key: string
  readonly jobId: string
  readonly runId: string
  readonly ts: number
}

export function createHistory (store: Store): History {
  const collection = store.collection<RunLogEntry>('cron-runs')
  let loading: Promise<Known[]> | undefined
  /** Oldest first. */
  const known = (): Promise<Known[]> => {
    loading ??= collection.all().then(all => all
      .map(({ key, value: { jobId, runId, ts } }) => ({ key, jobId, runId, ts }))
      .sort((a, b) => a.ts - b.ts))
    loading.catch(() => { loading = undefined })
    return loading
  }

  function leaving (list: readonly Known[], { jobId, ts }: RunLogEntry): Known[] {
    const ofJob = list.filter(one => one.jobId === jobId)
    return [...new Set([
      ...list.filter(one => ts - one.ts > keptMs),
      ...ofJob.slice(0, Math.max(0, ofJob.length + 1 - maxPerJob)),
      ...list.slice(0, Math.max(0, list.length + 1 - maxInAll))
    ])]
  }

  return {
    async prepare (entry) {
      const list = await known()
      const key = `${entry.jobId}/${String(entry.ts).padStart(15, '0')}/${entry.runId}`
      const gone = leaving(list, entry)
      return {
        ops: [
          { op: 'put', collection: 'cron-runs', key, value: entry },
          ...gone.map(one => ({ op: 'delete' as const, collection: 'cron-runs' as const, key: one.key }))
        ],
        committed () {
          for (const one of gone) list.splice(list.indexOf(one), 1)
          list.push({ key, jobId: entry.jobId, runId: entry.runId, ts: entry.ts })
        }
      }
    },
    has: async runId => (await known()).some(one => one.runId === runId),
    all: async () => (await collection.all()).map(({ value }) => value)
  }
}
