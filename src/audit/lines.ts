/** Lines of a file, in either direction, a piece at a time: nobody holds a whole log in memory. */
import { open, type FileHandle } from 'node:fs/promises'

const pieceBytes = 65_536
const newline = 0x0a

export interface Line {
  readonly text: string
  /** False for the last one of a file that ends inside a line. */
  readonly whole: boolean
}

async function read (handle: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  const { bytesRead } = await handle.read(buffer, 0, bytes, from)
  return buffer.subarray(0, bytesRead)
}

export async function * linesOf (path: string): AsyncGenerator<Line> {
  const handle = await open(path, 'r')
  try {
    let rest: Buffer = Buffer.alloc(0)
    for (let at = 0; ;) {
      const piece = await read(handle, at, pieceBytes)
      if (piece.length === 0) break
      at += piece.length
      rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      let start = 0
      for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline, start)) {
        yield { text: rest.toString('utf8', start, end), whole: true }
        start = end + 1
      }
      rest = rest.subarray(start)
    }
    if (rest.length > 0) yield { text: rest.toString('utf8'), whole: false }
  } finally {
    await handle.close()
  }
}

/** The last line first. What an unfinished write left at the end is passed over. */
export async function * linesBackwards (path: string): AsyncGenerator<string> {
  const handle = await open(path, 'r')
  try {
    let at = (await handle.stat()).size
    let rest: Buffer = Buffer.alloc(0)
    let isTail = true
    while (at > 0) {
      const from = Math.max(0, at - pieceBytes)
      rest = Buffer.concat([await read(handle, from, at - from), rest])
      at = from
      if (isTail) {
        const last = rest.lastIndexOf(newline)
        if (last < 0) continue
        rest = rest.subarray(0, last)
        isTail = false
      }
      for (let start = rest.lastIndexOf(newline); start >= 0; start = rest.lastIndexOf(newline)) {
        yield rest.toString('utf8', start + 1)
        rest = rest.subarray(0, start)
      }
    }
    if (!isTail && rest.length > 0) yield rest.toString('utf8')
  } finally {
    await handle.close()
  }
}

/** How many bytes of the file are whole lines. */
export async function wholeBytes (path: string): Promise<number> {
  const handle = await open(path, 'r')
  try {
    for (let at = (await handle.stat()).size; at > 0;) {
      const from = Math.max(0, at - pieceBytes)
      const last = (await read(handle, from, at - from)).lastIndexOf(newline)
      if (last >= 0) return from + last + 1
      at = from
    }
    return 0
  } finally {
    await handle.close()
  }
}
