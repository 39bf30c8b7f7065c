/** What a command printed: all of it counted, its beginning and its end kept, and never more memory than that. */
import { Ring } from './ring.ts'

export interface Output {
  add (chunk: Buffer): void
  /** Counts what was left out already. At least as much as is kept of the end must follow at once. */
  skip (bytes: number): void
  readonly totalBytes: number
  /** Beginning and end, with a line between them that says what is missing. */
  text (): string
  /** What came after a position, as far as it is still there. */
  since (position: number): { readonly text: string, readonly position: number, readonly skippedBytes: number }
}

export interface OutputLimits {
  readonly headBytes: number
  readonly tailBytes: number
}

export const defaultOutputLimits: OutputLimits = { headBytes: 32_768, tailBytes: 98_304 }

/** Around a gap so much is left out that a secret of this length cannot be told by its half. */
const seamBytes = 512

/** Bytes at the end that begin a character which is not complete. */
function unfinished (bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? back : 0
  }
  return 0
}

/** Up to a line's end near the gap, else without the bytes next to it. */
const beforeGap = (text: string): string => {
  const newline = text.lastIndexOf('\n')
  return newline > text.length - seamBytes * 2 ? text.slice(0, newline) : text.slice(0, -seamBytes)
}
const afterGap = (text: string): string => {
  const newline = text.indexOf('\n')
  return newline >= 0 && newline < seamBytes * 2 ? text.slice(newline + 1) : text.slice(seamBytes)
}

export function createOutput ({ headBytes, tailBytes }: OutputLimits = defaultOutputLimits): Output {
  const head: Buffer[] = []
  let headLength = 0
  const tail = new Ring(tailBytes)
  const total = (): number => headLength + tail.total
  const headText = (): Buffer => Buffer.concat(head)

  return {
    get totalBytes () { return total() },
    add (chunk) {
      const room = headBytes - headLength
      if (room > 0) {
        // A copy: a small piece would keep the large buffer alive that it was read into.
        const piece = Buffer.from(chunk.subarray(0, room))
        head.push(piece)
        headLength += piece.length
        if (head.length > 256) head.splice(0, head.length, Buffer.concat(head))
      }
      if (chunk.length > room) tail.add(chunk.subarray(Math.max(0, room)))
    },
    skip: bytes => tail.skip(bytes),
    text () {
      const missing = tail.total - tail.length
      if (missing === 0) return Buffer.concat([headText(), tail.last(tail.length)]).toString()
      return `${beforeGap(headText().toString())}\n\n[… ${missing} bytes left out …]\n\n${afterGap(tail.last(tail.length).toString())}`
    },
    since (position) {
      const available = total() - tail.length
      const skippedBytes = position >= headLength ? Math.max(0, available - position) : Math.max(0, available - headLength)
      const kept = position < headLength
        ? Buffer.concat([headText().subarray(position), tail.last(tail.length)])
        : tail.last(Math.min(tail.length, total() - position))
      const whole = kept.subarray(0, kept.length - unfinished(kept))
      const text = whole.toString()
      return { text: skippedBytes > 0 ? `[… ${skippedBytes} bytes left out …]\n${text}` : text, position: total() - (kept.length - whole.length), skippedBytes }
    }
  }
}
