/** Writes lines to the log file without making anybody wait, and without giving up when the disk does. */
import { fstatSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { createLineQueue } from './line-queue.ts'
import type { Batch } from './line-queue.ts'
import { createLogTarget } from './log-target.ts'
import type { LogTargetOptions, ReadyFile } from './log-target.ts'

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
/** How long the last moments of a process wait for a write that another thread has begun. */
const maxInFlightWaitMs = 100
const writeAsync = promisify(write)

/** The bytes of a batch as they go into one file. */
interface Load { readonly batch: Batch, readonly file: ReadyFile, readonly data: Buffer, written: number }

export function createFileSink (options: FileSinkOptions): FileSink {
  const { missingLine, onTrouble, onRecovered, retryMs = 1000 } = options
  const target = createLogTarget(options)
  const batchBytes = Math.min(maxBatchBytes, target.maxBytes)
  const queue = createLineQueue()
  let draining: Promise<void> | null = null
  let inFlight: Load | null = null
  let retryTimer: NodeJS.Timeout | null = null
  let failures = 0
  let bytesWritten = 0
  let tooLong = 0
  let closed = false

  const prefix = ({ missing }: Batch, torn: boolean): string => (torn ? '\n' : '') + (missing > 0 ? missingLine(missing) : '')
  const load = (batch: Batch, file: ReadyFile): Load =>
    ({ batch, file, data: Buffer.from(prefix(batch, file.torn) + batch.lines.join('')), written: 0 })
  const sizeOf = (batch: Batch): number =>
    batch.lines.reduce((sum, line) => sum + Buffer.byteLength(line), Buffer.byteLength(prefix(batch, true)))
  const progress = (current: Load, count: number): void => {
    current.written += count
    bytesWritten += count
    target.markTorn(current.data[current.written - 1] !== 0x0a)
  }
  const returnRest = (batch: Batch, current: Load | null): void =>
    queue.putBack(current ? unwritten(current, Buffer.byteLength(prefix(batch, current.file.torn))) : batch)

  const failed = (error: Error): void => {
    if (failures++ === 0) onTrouble(error)
    const pauseMs = retryMs * Math.min(2 ** (failures - 1), maxRetryFactor)
    retryTimer ??= setTimeout(() => { retryTimer = null; start() }, pauseMs).unref()
  }
  const succeeded = (): void => {
    if (failures > 0) onRecovered()
    failures = 0
  }
  const drainBatch = async (batch: Batch): Promise<boolean> => {
    let current: Load | null = null
    try {
      current = load(batch, await target.ready(sizeOf(batch)))
      inFlight = current
      while (current.written < current.data.length) {
        progress(current, (await writeAsync(current.file.fd, current.data, current.written)).bytesWritten)
      }
      succeeded()
      return true
    } catch (error) {
      // When the last moments of the process took the batch over, it is theirs.
      if (!current || inFlight === current) returnRest(batch, current)
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
    while (healthy && queue.length() > 0) healthy = await drainBatch(queue.take(batchBytes))
    draining = null
  }
  const start = (): void => {
    if (!draining && !retryTimer && queue.length() > 0) draining = drain()
  }

  /** Another thread may be in the middle of a write: wait until the file has it, else write it again rather than lose it. */
  const settleInFlight = (): void => {
    if (!inFlight) return
    const { batch, file, data } = inFlight
    inFlight = null
    const sleeper = new Int32Array(new SharedArrayBuffer(4))
    for (let waitedMs = 0; waitedMs < maxInFlightWaitMs; waitedMs++) {
      if (fstatSync(file.fd).size >= file.bytes + data.length) return
      Atomics.wait(sleeper, 0, 0, 1)
    }
    target.abandon()
    queue.putBack(batch)
  }
  const drainSync = (): void => {
    settleInFlight()
    while (queue.length() > 0) {
      const batch = queue.take(batchBytes)
      let current: Load | null = null
      try {
        current = load(batch, target.readySync(sizeOf(batch)))
        while (current.written < current.data.length) progress(current, writeSync(current.file.fd, current.data, current.written))
      } catch (error) {
        returnRest(batch, current)
        throw error
      }
    }
  }

  return {
    write (line) {
      if (closed) return
      if (Buffer.byteLength(line) > target.maxBytes) { tooLong++; return }
      queue.push(line)
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
    stats: () => ({ bytesWritten, dropped: queue.dropped() + tooLong, queued: queue.length(), failing: failures > 0 })
  }
}

/** What a failed write left over: lines that are in the file as a whole are not written twice. */
function unwritten ({ batch, written }: Load, prefixBytes: number): Batch {
  if (written < prefixBytes) return batch
  let at = prefixBytes
  const rest = batch.lines.filter(line => (at += Buffer.byteLength(line)) > written)
  return { lines: rest, missing: 0 }
}
