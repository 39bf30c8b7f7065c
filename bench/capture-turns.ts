/** Looks at one turn and at a list of a hundred sessions, so that the ceiling can tell and list as much. */
import { startModel } from './model/model.ts'
import type { Children } from './children.ts'
import type { Profile, TurnEvent, TurnFrames } from './profile.ts'
import { untilServing } from './scenarios/ready.ts'
import type { Target } from './targets/target.ts'
import { mustConnect } from './wire/handshake.ts'
import { createIdentity, createSigner } from './wire/identity.ts'
import type { BenchSocket } from './wire/socket.ts'

export const listedSessions = 100
const withinMs = 120_000

type Frame = TurnEvent & { type: string, id?: string, ok?: boolean, seq?: number, error?: unknown }

const isEnd = ({ event, payload }: Frame): boolean => event === 'chat' && ['final', 'error', 'aborted'].includes(String(payload?.state))

/** Sends one message and gives every event of its run. */
function turn (socket: BenchSocket, run: string, sessionKey: string): Promise<TurnEvent[]> {
  const { promise, resolve, reject } = Promise.withResolvers<TurnEvent[]>()
  const deadline = setTimeout(() => reject(new Error('the target did not end a turn')), withinMs)
  const events: TurnEvent[] = []
  socket.onText = payload => {
    const { seq, ...frame } = JSON.parse(payload.toString()) as Frame
    if (frame.type === 'res' && frame.ok === false) reject(new Error(`the target refused chat.send: ${JSON.stringify(frame.error)}`))
    if (frame.type !== 'event' || frame.payload.runId !== run) return
    events.push(frame)
    if (!isEnd(frame)) return
    clearTimeout(deadline)
    if (frame.payload.state === 'final') resolve(events)
    else reject(new Error(`the target could not reach the model: ${JSON.stringify(frame.payload)}`))
  }
  socket.send(JSON.stringify({ type: 'req', id: run, method: 'chat.send', params: { sessionKey, message: `Message of ${sessionKey}, as short as people write.`, idempotencyKey: run } }))
  return promise
}

const isWord = ({ event, payload }: TurnEvent): boolean => payload.state === 'delta' || (event === 'agent' && payload.stream === 'assistant')

function parted (events: readonly TurnEvent[]): TurnFrames {
  const first = events.findIndex(isWord)
  const last = events.findLastIndex(isWord)
  return { before: events.slice(0, first), streamed: events.slice(first, last + 1), after: events.slice(last + 1) }
}

function listed (socket: BenchSocket): Promise<Profile['sessions']> {
  const { promise, resolve } = Promise.withResolvers<Profile['sessions']>()
  socket.onText = payload => {
    const frame = JSON.parse(payload.toString()) as { id?: string, payload: Profile['sessions'] }
    if (frame.id === 'list') resolve(frame.payload)
  }
  socket.send(`{"type":"req","id":"list","method":"sessions.list","params":{"limit":${listedSessions}}}`)
  return promise
}

export async function captureTurns (target: Target, children: Children): Promise<Pick<Profile, 'turn' | 'sessions'>> {
  const model = await startModel(children)
  const spawned = await target.spawn({ model: { endpoint: model.endpoint, id: 'zero' } })
  try {
    const identity = createIdentity()
    await untilServing(target, spawned, [identity])
    const { socket } = await mustConnect({ endpoint: spawned.endpoint, signer: createSigner(identity), secret: spawned.secret })
    let events: TurnEvent[] = []
    for (let index = 0; index < listedSessions; index++) events = await turn(socket, `capture-${index}`, `agent:main:bench-${index}`)
    const sessions = await listed(socket)
    socket.close()
    return { turn: parted(events), sessions }
  } finally {
    await spawned.stop()
    await model.stop()
  }
}
