/** Hands on what a program prints: little of it at once, much of it in pieces, and of very much only what is kept anyway. */
import type { OutputLimits } from '../output.ts'
import { Ring } from '../ring.ts'
import type { Printed } from './orders.ts'

export interface Pacing {
  add (chunk: Buffer): void
  /** What is held back, now. */
  flush (): void
}

/** Time between two pieces, of a program that prints little and of one that prints more than is kept. */
const shortestMs = 20
const longestMs = 200

/** `send` calls back when the piece has left: a reader that is slow gets fewer and larger ones. */
export function createPacing ({ headBytes, tailBytes }: OutputLimits, send: (printed: Printed, left: () => void) => void): Pacing {
  let head: Buffer[] = []
  let headRoom = headBytes
  const tail = new Ring(tailBytes)
  let waitMs = shortestMs
  let timer: NodeJS.Timeout | undefined
  let isLeaving = false

  const hasMore = (): boolean => head.length > 0 || tail.total > 0

  function flush (): void {
    clearTimeout(timer)
    timer = undefined
    if (!hasMore()) return
    const { bytes, skipped } = tail.take()
    const printed = { head: Buffer.concat(head), skipped, tail: bytes }
    head = []
    waitMs = skipped > 0 ? Math.min(longestMs, waitMs * 2) : shortestMs
    isLeaving = true
    send(printed, () => {
      isLeaving = false
      plan()
    })
  }

  function plan (): void {
    if (!isLeaving && hasMore()) timer ??= setTimeout(flush, waitMs)
  }

  return {
    add (chunk) {
      if (headRoom > 0) {
        const piece = chunk.subarray(0, headRoom)
        head.push(piece)
        headRoom -= piece.length
        chunk = chunk.subarray(piece.length)
      }
      if (chunk.length > 0) tail.add(chunk)
      plan()
    },
    flush
  }
}
