/** Messages that one person writes in a row are one message to the agent. */
import { inputOf } from './messages.ts'
import { isSamePlace } from './outbox.ts'
import type { Run } from './run.ts'

/** However long somebody goes on, so many times the quiet time is all that the first words wait. */
const mostWaits = 10

const quietOf = ({ row, request }: Run): number | undefined => (row?.input ?? inputOf(request)).quietMs

/** It may be a part of what is said, and waits for the rest. */
export const isPiece = (run: Run): boolean => quietOf(run) !== undefined

/** Not before others that wait have had as much. */
export function quietUntilMs (queue: readonly Run[], cap: number, nowMs: number): number {
  const last = queue.at(-1)!
  const begunAtMs = queue.find(isPiece)?.atMs ?? nowMs
  const quietMs = quietOf(last) ?? 0
  return queue.length >= cap ? nowMs : Math.min(nowMs + quietMs, begunAtMs + mostWaits * quietMs)
}

function belongs (run: Run, before: Run): boolean {
  const [quietMs, quietBeforeMs] = [quietOf(run), quietOf(before)]
  if (quietMs === undefined || quietBeforeMs === undefined || !isSamePlace(run.request.deliver, before.request.deliver)) return false
  const senderOf = ({ row, request }: Run): unknown => (row?.input?.origin ?? request.origin)?.senderId
  return senderOf(run) === senderOf(before) && run.atMs - before.atMs <= Math.max(quietMs, quietBeforeMs)
}

/** The first that waits, and what belongs to it. */
export function piecesOf (queue: readonly Run[]): Run[] {
  const end = queue.findIndex((run, index) => index > 0 && !belongs(run, queue[index - 1]!))
  return queue.slice(0, end < 0 ? undefined : end)
}
