import type { BenchSocket } from '../wire/socket.ts'
import { openConnections } from './connections.ts'
import { readRunFrame, type RunFrame } from './run-frames.ts'
import type { TurnsJob } from './job.ts'
import type { Window } from './window.ts'

/** A refused lane waits a moment, as a real client would. */
const refusedPauseMs = 20
/** A turn without an end counts as lost, and its lane goes on. */
const lostAfterMs = 30_000

/** Sends a message and resolves when the run has ended, with the time until what the job asks for. */
interface Line {
  turn: (run: string, sessionKey: string, message: string) => Promise<{ latencyMs: number, failure?: string }>
}

interface UnderWay { readonly sentAt: number, firstAt: number, settle: (failure?: string) => void }

function createLine (socket: BenchSocket, { method, until }: Pick<TurnsJob, 'method' | 'until'>): Line {
  const underWay = new Map<string, UnderWay>()
  const take = (frame: RunFrame, isResponse: boolean): void => {
    const turn = underWay.get(frame.run)
    if (turn === undefined) return
    if (frame.kind === 'first-word') turn.firstAt ||= performance.now()
    else if (frame.kind === 'refused' || frame.kind === 'failed') turn.settle(frame.reason)
    else if (frame.kind === 'ended' && (method === 'chat.send' || isResponse)) turn.settle()
  }
  socket.onText = payload => {
    const frame = readRunFrame(payload)
    if (frame) take(frame, payload[9] === 0x72) // {"type":"res"
  }
  socket.onEnd = ({ reason }) => { for (const { settle } of underWay.values()) settle(`connection lost: ${reason}`) }
  return {
    turn: (run, sessionKey, message) => new Promise(resolve => {
      const sentAt = performance.now()
      const lost = setTimeout(() => turn.settle('no end'), lostAfterMs)
      const turn: UnderWay = {
        sentAt,
        firstAt: 0,
        settle (failure) {
          clearTimeout(lost)
          underWay.delete(run)
          resolve({ latencyMs: (until === 'first-word' ? turn.firstAt : performance.now()) - sentAt, failure })
        }
      }
      underWay.set(run, turn)
      socket.send(JSON.stringify({ type: 'req', id: run, method, params: { sessionKey, message, idempotencyKey: run } }))
    })
  }
}

export async function runTurns (job: TurnsJob, window: Window): Promise<void> {
  const open = await openConnections(job, job.connections)
  const lines = open.map(({ socket }) => createLine(socket, job))
  const { maxCount = Infinity, sessionsPerLane = Infinity } = job
  let started = 0
  const lane = async (index: number): Promise<void> => {
    for (let turn = 0; window.open() && started < maxCount; turn++) {
      started += 1
      const session = Math.floor(turn / job.turnsPerSession) % sessionsPerLane
      const sessionKey = `agent:main:bench-${job.sessionName ?? job.name}-${index}-${session}`
      const { latencyMs, failure } = await lines[index % lines.length]!.turn(`${job.name}-${index}-${turn}`, sessionKey, `Message ${turn} of lane ${index}, as short as people write.`)
      if (failure === undefined && latencyMs >= 0) window.succeed(latencyMs)
      else {
        window.fail(failure ?? 'no word before the end')
        await new Promise(resolve => setTimeout(resolve, refusedPauseMs))
      }
    }
  }
  window.begin(job.durationMs)
  await Promise.all(Array.from({ length: job.concurrency }, (_, index) => lane(index)))
  for (const { socket } of open) socket.close()
}
