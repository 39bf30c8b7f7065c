import { setTimeout as sleep } from 'node:timers/promises'
import { clientFrame } from '../wire/frames.ts'
import type { BenchSocket } from '../wire/socket.ts'
import { openConnections } from './connections.ts'
import type { RpcJob } from './job.ts'
import type { Window } from './window.ts'

/** Where `"id":"s12"` and `"ok":true` stand in a response frame, unless the gateway orders its fields unusually. */
const headBytes = 80
const idPattern = /"id":"s(\d+)"/

interface Answer { slot: number, error?: string }

interface ResponseFrame { type: string, id: string, ok: boolean, error?: { code?: string, details?: { code?: string } } }

export function readAnswer (payload: Buffer): Answer | undefined {
  const head = payload.toString('latin1', 0, headBytes)
  if (head.includes('"type":"event"')) return undefined
  const id = idPattern.exec(head)
  if (id !== null && head.includes('"ok":true')) return { slot: Number(id[1]) }
  const frame = JSON.parse(payload.toString()) as ResponseFrame
  if (frame.type !== 'res') return undefined
  const slot = Number(frame.id.slice(1))
  return frame.ok ? { slot } : { slot, error: frame.error?.details?.code ?? frame.error?.code ?? 'an error without a code' }
}

/** Calls on `connections` sockets with `depth` requests under way on each: an answer frees its slot for the next request. */
export async function runRpc (job: RpcJob, window: Window): Promise<void> {
  const open = await openConnections(job, job.connections)
  const frames = Array.from({ length: job.depth }, (_, slot) =>
    clientFrame(JSON.stringify({ type: 'req', id: `s${slot}`, method: job.method, params: job.params ?? {} })))
  if (job.delayMs) await sleep(job.delayMs)
  window.begin(job.durationMs)
  let left = job.maxCount ?? Infinity
  const mayGoOn = (): boolean => window.open() && left-- > 0
  await Promise.all(open.map(({ socket }) => drive(socket, { frames, window, pauseMs: job.pauseMs ?? 0, mayGoOn })))
  for (const { socket } of open) socket.close()
}

interface Drive {
  readonly frames: readonly Buffer[]
  readonly window: Window
  readonly pauseMs: number
  readonly mayGoOn: () => boolean
}

function drive (socket: BenchSocket, { frames, window, pauseMs, mayGoOn }: Drive): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const sentAt = new Float64Array(frames.length)
  let underWay = 0
  const send = (slot: number): void => {
    underWay += 1
    sentAt[slot] = performance.now()
    socket.sendBytes(frames[slot]!)
  }
  socket.onEnd = ({ reason }) => {
    if (underWay > 0) window.fail(`connection lost: ${reason}`)
    resolve()
  }
  socket.onText = payload => {
    const answer = readAnswer(payload)
    if (answer === undefined) return
    underWay -= 1
    if (answer.error === undefined) window.succeed(performance.now() - sentAt[answer.slot]!)
    else window.fail(answer.error)
    if (!mayGoOn()) underWay === 0 && resolve()
    else if (pauseMs > 0) setTimeout(send, pauseMs, answer.slot)
    else send(answer.slot)
  }
  frames.forEach((_, slot) => send(slot))
  return promise
}
