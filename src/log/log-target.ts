/** The open log file: rolled at midnight, rotated when full, opened again when somebody moved or removed it. */
import { closeSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileAt, keepOthersUnder, openForAppend, pruneDated, rotate } from './log-files.ts'
import type { OpenLogFile } from './log-files.ts'

export interface LogTargetOptions {
  file: string
  maxFileBytes: number
  maxTotalBytes: number
  now: () => number
}

export interface ReadyFile { readonly fd: number, readonly bytes: number, readonly torn: boolean }

export interface LogTarget {
  path (): string
  /** The file in which `bytes` more may be written now. */
  ready (bytes: number): Promise<ReadyFile>
  readySync (bytes: number): ReadyFile
  /** The last write stopped inside a line. */
  markTorn (torn: boolean): void
  /** Leaves the file to a write that is still under way. */
  abandon (): void
  close (): void
  /** No file grows beyond this, so that the total can hold while there is always one to write. */
  readonly maxBytes: number
}

/** Opening, rotating and pruning are rare and cheap, and synchronous so that the last words of a process can do them too. */
export function createLogTarget ({ file, maxFileBytes, maxTotalBytes, now }: LogTargetOptions): LogTarget {
  const maxBytes = Math.max(1, Math.min(maxFileBytes, Math.floor(maxTotalBytes / 2)))
  let open: OpenLogFile | null = null
  let openPath = ''
  let torn = false
  let otherBytes = 0

  const close = (): void => {
    if (open) closeSync(open.fd)
    open = null
  }
  const openAt = (path: string): OpenLogFile => {
    const opened = openForAppend(path)
    open = opened
    openPath = path
    torn = opened.torn
    pruneDated(path, now())
    otherBytes = keepOthersUnder(path, Infinity)
    return opened
  }
  const prepare = (path: string, found: Stats | null, bytes: number): ReadyFile => {
    if (open && (path !== openPath || found?.ino !== open.inode)) close()
    // What other gateways of this user have written to it counts as well.
    const sizeNow = open ? found?.size : undefined
    let current = open ?? openAt(path)
    let size = sizeNow ?? current.bytes
    if (size > 0 && size + bytes > maxBytes) {
      close()
      rotate(path)
      current = openAt(path)
      size = current.bytes
    }
    if (otherBytes + size + bytes > maxTotalBytes) otherBytes = keepOthersUnder(path, maxTotalBytes - size - bytes)
    return { fd: current.fd, bytes: size, torn }
  }
  const path = (): string => fileAt(file, now())

  return {
    path,
    async ready (bytes) {
      const at = path()
      return prepare(at, await stat(at).catch(missing), bytes)
    },
    readySync (bytes) {
      const at = path()
      return prepare(at, statSync(at, { throwIfNoEntry: false }) ?? null, bytes)
    },
    markTorn (isTorn) { torn = isTorn },
    abandon () { open = null },
    close,
    maxBytes
  }
}

function missing (error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error
  return null
}
