/** The beginning of a file of a workspace, read anew only when the file has changed. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolveWithin } from '../roster/confined-file.ts'

export interface FileHead {
  readonly text: string
  /** There is more of it. */
  readonly isCut: boolean
  /** Tells versions of the file apart. */
  readonly stamp: string
}

/** Undefined when nothing is there. Throws for what leads out of the workspace, and for what is no file. */
export async function readHead (root: string, name: string, maxBytes: number, known?: FileHead): Promise<FileHead | undefined> {
  const path = await resolveWithin(root, name)
  if (path === undefined) return undefined
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new Error(`${name} is no file`)
    const stamp = `${stat.ino}.${stat.size}.${stat.mtimeMs}.${stat.ctimeMs}`
    if (known?.stamp === stamp) return known
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(maxBytes, Math.max(stat.size, 1))), 0)
    const isCut = stat.size > bytesRead
    // In stream mode a character that the cut went through is left out.
    const text = new TextDecoder().decode(buffer.subarray(0, bytesRead), { stream: isCut })
    return { text, isCut, stamp }
  } finally {
    await handle.close()
  }
}
