import { setTimeout as sleep } from 'node:timers/promises'
import type { Spawned, Target } from '../targets/target.ts'
import { mustConnect } from '../wire/handshake.ts'
import { createSigner, type DeviceIdentity } from '../wire/identity.ts'
import type { BenchSocket } from '../wire/socket.ts'
import { untilHello, untilServing } from './ready.ts'
import { withModel, type Figure, type Scenario, type ScenarioContext } from './scenario.ts'

const sessions = 16
/** Two messages in each session: one is being answered, one waits. */
const perSession = 2
const modelMs = 300
/** What has no end by then has been lost. */
const giveUpMs = 15_000

interface Answer { id: string, ok: boolean, payload?: { status?: string } }

const runId = (index: number): string => `crash-${index}`

/** Sends everything and resolves with what was acknowledged. */
async function acknowledged (socket: BenchSocket, count: number): Promise<string[]> {
  const runs: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  let answered = 0
  socket.onText = payload => {
    if (!payload.toString('latin1', 0, 14).includes('"res"')) return
    const { id, ok } = JSON.parse(payload.toString()) as Answer
    if (ok) runs.push(id)
    if (++answered === count) resolve()
  }
  for (let index = 0; index < count; index++) {
    const params = { sessionKey: `agent:main:crash-${index % sessions}`, message: `Message ${index}, as short as people write.`, idempotencyKey: runId(index), queueMode: 'followup' }
    socket.send(JSON.stringify({ type: 'req', id: runId(index), method: 'chat.send', params }))
  }
  await Promise.race([promise, sleep(giveUpMs)])
  return runs
}

/** Asks for the end of every run at once; gives how many have none. */
async function unanswered (socket: BenchSocket, runs: readonly string[]): Promise<number> {
  const missing = new Set(runs)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.onText = payload => {
    if (!payload.toString('latin1', 0, 14).includes('"res"')) return
    const { id, ok, payload: answer } = JSON.parse(payload.toString()) as Answer
    if (ok && answer?.status !== 'timeout') missing.delete(id)
    if (missing.size === 0) resolve()
  }
  for (const run of runs) socket.send(JSON.stringify({ type: 'req', id: run, method: 'agent.wait', params: { runId: run, timeoutMs: giveUpMs } }))
  await Promise.race([promise, sleep(giveUpMs + 1000)])
  return missing.size
}

async function recovery (spawned: Spawned, identity: DeviceIdentity, runs: readonly string[]): Promise<{ helloMs: number, allMs: number, missing: number }> {
  const startedAt = performance.now()
  const signer = createSigner(identity)
  await untilHello(spawned, signer)
  const helloMs = performance.now() - startedAt
  if (runs.length === 0) return { helloMs, allMs: NaN, missing: NaN }
  const { socket } = await mustConnect({ endpoint: spawned.endpoint, signer, secret: spawned.secret })
  const missing = await unanswered(socket, runs)
  const allMs = performance.now() - startedAt
  socket.close()
  return { helloMs, allMs: missing > 0 ? NaN : allMs, missing }
}

async function figures (target: Target, context: ScenarioContext, first: Spawned): Promise<Figure[]> {
  const identity = context.identities[0]!
  let spawned = first
  try {
    await untilServing(target, spawned, [identity])
    const count = sessions * perSession
    const { socket } = await mustConnect({ endpoint: spawned.endpoint, signer: createSigner(identity), secret: spawned.secret })
    const runs = await acknowledged(socket, count)
    await sleep(modelMs / 3)
    spawned = await spawned.crash()
    // The bare server forgets everything; it says how soon a process can be back.
    const { helloMs, allMs, missing } = await recovery(spawned, identity, target.name === 'ceiling' ? [] : runs)
    return [
      { key: 'spawn after kill -9 to hello-ok', value: helloMs, unit: 'ms', better: 'less', wanted: { value: 1000 } },
      { key: 'spawn to the last end of an acknowledged message', value: allMs, unit: 'ms', better: 'less' },
      { key: 'acknowledged messages', value: runs.length, unit: '', better: 'more' },
      { key: 'acknowledged messages without an end', value: missing, unit: '', better: 'less', wanted: { value: 0 } }
    ]
  } finally {
    await spawned.stop()
  }
}

/** `kill -9` in the middle of runs: how soon the gateway is back, and whether everybody gets an answer. */
export const crash: Scenario = {
  name: 'crash',
  ceiling: 'ceiling',
  needsTurns: true,
  run: async (target, context) => target.takesModel
    ? withModel(context, async model => figures(target, context, await target.spawn({ model: { endpoint: model.endpoint, id: `slow-${modelMs}` } })))
    : []
}
