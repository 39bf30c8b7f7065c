/** A batch of lines as bytes on their way into one file, and what is left of it when a write fails half way. */
import { fstatSync } from 'node:fs'
import type { Batch } from './line-queue.ts'
import type { ReadyFile } from './log-target.ts'

export interface Load {
  readonly batch: Batch
  /** Absent while the file is being made ready. */
  file?: ReadyFile
  data: Buffer
  written: number
}

export interface Loads {
  create (batch: Batch): Load
  /** The most bytes that it can take in a file. */
  sizeOf (load: Load): number
  begin (load: Load, file: ReadyFile): void
  /** What is not in the file as a whole; a line is never written twice. */
  rest (load: Load): Batch
}

/** How long the last moments of a process wait for a write that another thread has begun. */
const maxArrivalMs = 100

export function createLoads (missingLine: (count: number) => string): Loads {
  const prefix = ({ missing }: Batch, torn: boolean): string => (torn ? '\n' : '') + (missing > 0 ? missingLine(missing) : '')
  return {
    create: batch => ({ batch, data: Buffer.alloc(0), written: 0 }),
    sizeOf: ({ batch }) => batch.lines.reduce((sum, { bytes }) => sum + bytes, Buffer.byteLength(prefix(batch, true))),
    begin (load, file) {
      load.file = file
      load.data = Buffer.from(prefix(load.batch, file.torn) + load.batch.lines.map(({ text }) => text).join(''))
    },
    rest ({ batch, file, written }) {
      let at = file ? Buffer.byteLength(prefix(batch, file.torn)) : Infinity
      if (written < at) return batch
      return { lines: batch.lines.filter(line => (at += line.bytes) > written), missing: 0 }
    }
  }
}

/** Whether the file comes to hold the whole load within the time that a dying process has. */
export function arrives ({ data }: Load, file: ReadyFile): boolean {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (let waitedMs = 0; waitedMs < maxArrivalMs; waitedMs++) {
    if (fstatSync(file.fd).size >= file.bytes + data.length) return true
    Atomics.wait(sleeper, 0, 0, 1)
  }
  return false
}
