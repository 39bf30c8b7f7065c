/** Looks at a gateway once and writes down what it puts on the wire. */
import { setTimeout as sleep } from 'node:timers/promises'
import { presenceTrigger, toolsInvokeBody, type HttpAnswer, type Profile } from './profile.ts'
import { authorization } from './scenarios/http.ts'
import { untilServing } from './scenarios/ready.ts'
import type { Target } from './targets/target.ts'
import { mustConnect } from './wire/handshake.ts'
import { createIdentity, createSigner } from './wire/identity.ts'
import type { BenchSocket } from './wire/socket.ts'

const answerWithinMs = 10_000

type Frame = { type: string, id?: string, event?: string, ok?: boolean, payload?: unknown, error?: unknown, seq?: number }

/** The next frame that `wanted` accepts. */
function nextFrame (socket: BenchSocket, what: string, wanted: (frame: Frame) => boolean): Promise<Frame> {
  const { promise, resolve, reject } = Promise.withResolvers<Frame>()
  const deadline = setTimeout(() => reject(new Error(`the target did not send ${what}`)), answerWithinMs)
  socket.onText = payload => {
    const frame = JSON.parse(payload.toString()) as Frame
    if (!wanted(frame)) return
    clearTimeout(deadline)
    resolve(frame)
  }
  return promise
}

async function call (socket: BenchSocket, method: string): Promise<unknown> {
  const answer = nextFrame(socket, `an answer to ${method}`, frame => frame.type === 'res' && frame.id === 'capture')
  socket.send(JSON.stringify({ type: 'req', id: 'capture', method, params: {} }))
  const { ok, payload, error } = await answer
  if (!ok) throw new Error(`the target refused ${method}: ${JSON.stringify(error)}`)
  return payload
}

async function presenceEvent (shooter: BenchSocket, listener: BenchSocket): Promise<object> {
  await sleep(300)
  const { method, params, event } = presenceTrigger
  const arrived = nextFrame(listener, `a ${event} event`, frame => frame.type === 'event' && frame.event === event)
  shooter.send(`{"type":"req","id":"shot","method":"${method}","params":${params}}`)
  const { seq, ...frame } = await arrived
  return frame
}

async function fetched (url: string, init: RequestInit = {}): Promise<HttpAnswer> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(answerWithinMs) })
  return { status: response.status, body: await response.text() }
}

export async function capture (target: Target): Promise<Profile> {
  const spawned = await target.spawn()
  try {
    const identity = createIdentity()
    await untilServing(target, spawned, [identity])
    const options = { endpoint: spawned.endpoint, signer: createSigner(identity), secret: spawned.secret }
    const { socket, hello } = await mustConnect(options)
    const { socket: listener } = await mustConnect(options)
    const base = `http://${spawned.endpoint.host}:${spawned.endpoint.port}`
    const invoked = await fetched(`${base}/tools/invoke`, {
      method: 'POST', headers: { 'content-type': 'application/json', ...authorization(spawned.secret) }, body: toolsInvokeBody
    })
    const profile = {
      hello: (JSON.parse(hello.toString()) as { payload: Profile['hello'] }).payload,
      health: await call(socket, 'health') as Profile['health'],
      event: await presenceEvent(socket, listener) as Profile['event'],
      httpHealth: await fetched(`${base}/health`),
      ...(invoked.status === 200 ? { toolsInvoke: invoked } : {})
    }
    socket.close()
    listener.close()
    return profile
  } finally {
    await spawned.stop()
  }
}

/** One line for the report: what the ceiling imitates. */
export const sizesOf = (profile: Profile): string => {
  const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
  return `hello-ok ${bytes(profile.hello)} B, health ${bytes(profile.health)} B, presence event ${bytes(profile.event)} B, ` +
    `/health ${Buffer.byteLength(profile.httpHealth.body)} B, /tools/invoke ${profile.toolsInvoke ? `${Buffer.byteLength(profile.toolsInvoke.body)} B` : 'not served'}` +
    (profile.turn ? `, events of a turn ${bytes(profile.turn)} B in ${Object.values(profile.turn).flat().length}, 100 sessions ${bytes(profile.sessions)} B` : '')
}
