import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks'

export interface EventLoopFacts {
  degraded: boolean
  degradedSinceMs: number | null
  reasons: Array<'event_loop_delay' | 'event_loop_utilization' | 'cpu'>
  intervalMs: number
  delayP99Ms: number
  delayMaxMs: number
  utilization: number
  cpuCoreRatio: number
}

export interface EventLoopMonitor {
  read (): EventLoopFacts
  stop (): void
}

export interface EventLoopMonitorOptions {
  readonly now: () => number
  /** Called once for a stretch in which the loop stood still for longer than a second. */
  readonly onBlocked: (delayMs: number) => void
  /** At every look, with how late that is. */
  readonly onLook?: (lateMs: number) => void
}

const resolutionMs = 20
const checkIntervalMs = 2_000
const degradedDelayMs = 250
const degradedUtilization = 0.95
const blockedMs = 1_000

const round = (value: number): number => Math.round(value * 1000) / 1000

/** Watches how late the loop runs its timers. Reads are for the stretch since the last read, and cost nothing in between. */
export function createEventLoopMonitor ({ now, onBlocked, onLook }: EventLoopMonitorOptions): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  let sinceMs = now()
  let utilization: EventLoopUtilization = performance.eventLoopUtilization()
  let cpu = process.cpuUsage()
  let degradedSinceMs: number | null = null
  let reportedMs = 0

  let lookedAtMs = performance.now()
  const timer = setInterval(() => {
    // Not by the clock of the wall, which people set.
    const lateMs = Math.max(0, performance.now() - lookedAtMs - checkIntervalMs)
    lookedAtMs = performance.now()
    onLook?.(lateMs)
    const longestMs = histogram.max / 1e6 - resolutionMs
    if (longestMs > blockedMs && longestMs > reportedMs) {
      reportedMs = longestMs
      onBlocked(Math.round(longestMs))
    }
  }, checkIntervalMs).unref()

  return {
    read () {
      const at = now()
      const intervalMs = Math.max(1, at - sinceMs)
      const used = process.cpuUsage(cpu)
      const delayP99Ms = Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs)
      const delayMaxMs = Math.max(0, histogram.max / 1e6 - resolutionMs)
      const busy = performance.eventLoopUtilization(utilization).utilization
      const reasons: EventLoopFacts['reasons'] = []
      if (delayP99Ms > degradedDelayMs) reasons.push('event_loop_delay')
      if (busy > degradedUtilization) reasons.push('event_loop_utilization')
      degradedSinceMs = reasons.length > 0 ? degradedSinceMs ?? at : null
      histogram.reset()
      sinceMs = at
      reportedMs = 0
      utilization = performance.eventLoopUtilization()
      cpu = process.cpuUsage()
      return {
        degraded: reasons.length > 0,
        degradedSinceMs,
        reasons,
        intervalMs,
        delayP99Ms: round(delayP99Ms),
        delayMaxMs: round(delayMaxMs),
        utilization: round(busy),
        cpuCoreRatio: round((used.user + used.system) / 1000 / intervalMs)
      }
    },
    stop () {
      clearInterval(timer)
      histogram.disable()
    }
  }
}
