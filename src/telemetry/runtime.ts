/** What the runtime knows about itself. Watched from the first reading on: nobody pays for it before. */
import { readdir } from 'node:fs/promises'
import { constants, monitorEventLoopDelay, performance, PerformanceObserver, type NodeGCPerformanceDetail } from 'node:perf_hooks'
import { descriptorLimit } from '../lib/descriptors.ts'
import type { Reading } from './exposition.ts'
import { durations, type Meters } from './meters.ts'

const stretchMs = 5_000
const resolutionMs = 20

const collections: ReadonlyMap<number | undefined, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'], [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'], [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb']
])

export interface RuntimeWatch {
  read (): Promise<Reading[]>
  stop (): void
}

/** Only where the system tells. */
async function descriptors (): Promise<Reading[]> {
  try {
    const open = await readdir('/proc/self/fd')
    const most = descriptorLimit()
    return [
      { name: 'process_open_fds', value: open.length },
      ...most === undefined ? [] : [{ name: 'process_max_fds', value: most }]
    ]
  } catch {
    return []
  }
}

function memory (): Reading[] {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
  return Object.entries({ rss, heap_used: heapUsed, heap_total: heapTotal, external, array_buffers: arrayBuffers })
    .map(([kind, value]) => ({ name: 'openclaw_memory_bytes', labels: { kind }, value }))
}

export function watchRuntime (meters: Meters): RuntimeWatch {
  const longest = meters.histogram('openclaw_gateway_event_loop_delay_max_seconds', durations)
  const collected = meters.histogram('openclaw_gc_duration_seconds', durations, 'kind')
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  const beganAtMs = performance.now()
  let p99 = 0
  delays.enable()
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as { readonly detail?: NodeGCPerformanceDetail }).detail ?? {}
      collected.observe(entry.duration / 1000, collections.get(kind) ?? 'other')
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const timer = setInterval(() => {
    if (delays.count === 0) return
    longest.observe(Math.max(0, delays.max / 1e9 - resolutionMs / 1000))
    p99 = Math.max(0, delays.percentile(99) / 1e9 - resolutionMs / 1000)
    delays.reset()
  }, stretchMs).unref()

  return {
    async read () {
      const { user, system } = process.cpuUsage()
      return [
        ...memory(),
        ...await descriptors(),
        { name: 'process_cpu_seconds_total', value: (user + system) / 1e6 },
        { name: 'process_start_time_seconds', value: Math.round(performance.timeOrigin) / 1000 },
        { name: 'openclaw_gateway_event_loop_observed_seconds_total', value: (performance.now() - beganAtMs) / 1000 },
        { name: 'openclaw_gateway_event_loop_delay_p99_seconds', value: p99 },
        { name: 'openclaw_gateway_event_loop_busy_seconds_total', value: performance.eventLoopUtilization().active / 1000 }
      ]
    },
    stop () {
      clearInterval(timer)
      observer.disconnect()
      delays.disable()
    }
  }
}
