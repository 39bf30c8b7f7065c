/** The measured part of a job: from `begin` until the last operation has ended. */
import { summarize } from '../statistics.ts'
import type { JobResult } from './job.ts'

export interface Window {
  /** Connections are made before, operations are counted after. */
  begin: (durationMs?: number) => void
  readonly open: () => boolean
  succeed: (latencyMs: number) => void
  fail: (reason: string) => void
  readonly attempts: () => number
  result: () => JobResult
}

/** A runaway job ends here whatever its duration says. */
const maxOperations = 2_000_000

export function createWindow (onBegin: () => void): Window {
  const latenciesMs: number[] = []
  const failures: { [reason: string]: number } = {}
  let failed = 0
  let startedAt = 0
  let endsAt = 0
  let endedAt = 0
  let cpuAtStart = process.cpuUsage()
  const touch = (): void => { endedAt = performance.now() }
  return {
    begin (durationMs = 60_000) {
      onBegin()
      cpuAtStart = process.cpuUsage()
      startedAt = endedAt = performance.now()
      endsAt = startedAt + durationMs
    },
    open: () => performance.now() < endsAt && latenciesMs.length + failed < maxOperations,
    succeed (latencyMs) {
      latenciesMs.push(latencyMs)
      touch()
    },
    fail (reason) {
      failures[reason] = (failures[reason] ?? 0) + 1
      failed += 1
      touch()
    },
    attempts: () => latenciesMs.length + failed,
    result () {
      const cpu = process.cpuUsage(cpuAtStart)
      return {
        count: latenciesMs.length,
        elapsedMs: endedAt - startedAt,
        loadCpuMs: (cpu.user + cpu.system) / 1000,
        latencies: summarize(latenciesMs),
        failures
      }
    }
  }
}
