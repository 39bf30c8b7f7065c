/** Writes lines to the log file without making anybody wait, and without giving up when the disk does. */
import { write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { createLineQueue } from './line-queue.ts'
import { arrives, createLoads } from './load.ts'
import type { Load } from './load.ts'
import { createLogTarget } from './log-target.ts'
import type { LogTargetOptions } from './log-target.ts'

export interface FileSinkOptions extends LogTargetOptions {
  /** The line that stands for lines which found no room. */
  missingLine: (count: number) => string
  /** The file cannot be written. Said once, until it can again. */
  onTrouble: (error: Error) => void
  onRecovered: () => void
  /** The first pause after a failed write; it doubles up to thirty times this. */
  retryMs?: number
}

export interface FileSinkStats { bytesWritten: number, dropped: number, queued: number, failing: boolean }

export interface FileSink {
  write (line: string): void
  path (): string
  /** Resolves when everything so far is written, or when the file cannot be written. */
  flush (): Promise<void>
  /** For the last moments of a process. */
  flushSync (): void
  close (): Promise<void>
  stats (): FileSinkStats
}

const maxBatchBytes = 65_536
const maxRetryFactor = 30
const writeAsync = promisify(write)

export function createFileSink (options: FileSinkOptions): FileSink {
  const { missingLine, onTrouble, onRecovered, retryMs = 1000 } = options
  const target = createLogTarget(options)
  const batchBytes = Math.min(maxBatchBytes, target.maxBytes)
  const queue = createLineQueue()
  const loads = createLoads(missingLine)
  let draining: Promise<void> | null = null
  let inFlight: Load | null = null
  let retryTimer: NodeJS.Timeout | null = null
  let failures = 0
  let bytesWritten = 0
  let tooLong = 0
  let closed = false

  const progress = (load: Load, count: number): void => {
    load.written += count
    bytesWritten += count
    target.markTorn(load.data[load.written - 1] !== 0x0a)
  }
  const failed = (error: Error): void => {
    if (failures++ === 0) onTrouble(error)
    const pauseMs = retryMs * Math.min(2 ** (failures - 1), maxRetryFactor)
    retryTimer ??= setTimeout(() => { retryTimer = null; start() }, pauseMs).unref()
  }
  const succeeded = (): void => {
    if (failures > 0) onRecovered()
    failures = 0
  }
  const drainBatch = async (): Promise<boolean> => {
    const load = inFlight = loads.create(queue.take(batchBytes))
    try {
      const file = await target.ready(loads.sizeOf(load))
      // The last moments of the process may have taken the batch over.
      if (inFlight !== load) return true
      loads.begin(load, file)
      while (load.written < load.data.length) {
        progress(load, (await writeAsync(file.fd, load.data, load.written)).bytesWritten)
      }
      succeeded()
      return true
    } catch (error) {
      if (inFlight === load) queue.putBack(loads.rest(load))
      failed(error as Error)
      return false
    } finally {
      inFlight = null
    }
  }
  const drain = async (): Promise<void> => {
    // Whatever else is logged in this turn of the loop joins the first batch.
    await Promise.resolve()
    let healthy = true
    while (healthy && queue.length() > 0) healthy = await drainBatch()
    draining = null
  }
  const start = (): void => {
    if (!draining && !retryTimer && queue.length() > 0) draining = drain()
  }

  /** Another thread may be in the middle of a write: wait until the file has it, else write it again rather than lose it. */
  const settleInFlight = (): void => {
    if (!inFlight) return
    const load = inFlight
    inFlight = null
    if (load.file && arrives(load, load.file)) return
    if (load.file) target.abandon()
    queue.putBack(load.batch)
  }
  const drainSync = (): void => {
    settleInFlight()
    while (queue.length() > 0) {
      const load = loads.create(queue.take(batchBytes))
      try {
        loads.begin(load, target.readySync(loads.sizeOf(load)))
        while (load.written < load.data.length) progress(load, writeSync(load.file!.fd, load.data, load.written))
      } catch (error) {
        queue.putBack(loads.rest(load))
        throw error
      }
    }
  }

  return {
    write (line) {
      if (closed) return
      const bytes = Buffer.byteLength(line)
      if (bytes > target.maxBytes) { tooLong++; return }
      queue.push({ text: line, bytes })
      start()
    },
    path: target.path,
    async flush () {
      start()
      await draining
    },
    flushSync () {
      try {
        drainSync()
      } catch (error) {
        failed(error as Error)
      }
    },
    async close () {
      closed = true
      if (retryTimer) clearTimeout(retryTimer)
      retryTimer = null
      start()
      await draining
      if (retryTimer) clearTimeout(retryTimer)
      target.close()
    },
    stats: () => ({
      bytesWritten,
      dropped: queue.dropped() + tooLong,
      queued: queue.length() + (inFlight?.batch.lines.length ?? 0),
      failing: failures > 0
    })
  }
}
