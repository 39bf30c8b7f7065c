import { performance } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

export interface Rest {
  stop (): void
}

/** Looked at closely only while there is something to give back. */
const awakeMs = 500
const asleepMs = 5_000
/** A loop that does less than this has nothing to do. */
const restingUtilization = 0.02
/** What has to have been taken since the last time. */
const worthwhileBytes = 2 * 1024 * 1024
/** Collecting more than this at once would keep the next request waiting for longer than it saves; the collector's own pace has to do. */
const mostBytes = 128 * 1024 * 1024

/** The launcher lets it sleep for the time of the start. Any later than right after it, and what is hot then stays slow for longer. */
const wakeOptimizer = (): void => setFlagsFromString('--turbofan')

type Collect = (options: { type: 'major', execution: 'sync', flavor: 'last-resort' }) => void

/** The collector is no part of the language, so it is asked for once, where nothing else can reach it. */
async function loadCollector (): Promise<Collect> {
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect
  setFlagsFromString('--no-expose-gc')
  return collect
}

/**
 * Gives memory back when work is done. Under load the nursery may grow, because collecting a small one often is a fifth of all
 * work; an engine that is left alone keeps what it took for minutes, and the garbage of the last burst with it.
 */
export function createRest (): Rest {
  let utilization = performance.eventLoopUtilization()
  let committedBytes = 0
  let collect: Collect | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  const watch = (ms: number): void => {
    if (!isStopped) timer = setTimeout(look, ms).unref()
  }

  async function tidy (): Promise<void> {
    collect ??= await loadCollector()
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    committedBytes = getHeapStatistics().total_physical_size
  }

  function look (): void {
    const busy = performance.eventLoopUtilization(utilization).utilization
    utilization = performance.eventLoopUtilization()
    const { total_physical_size: bytes, used_heap_size: usedBytes } = getHeapStatistics()
    if (bytes < committedBytes + worthwhileBytes) return watch(asleepMs)
    if (busy > restingUtilization || usedBytes > mostBytes) return watch(awakeMs)
    tidy().finally(() => watch(asleepMs))
  }

  const waking = setTimeout(wakeOptimizer, 1).unref()
  watch(awakeMs)
  return {
    stop () {
      isStopped = true
      clearTimeout(timer)
      clearTimeout(waking)
    }
  }
}
