/** A storm: people write into several conversations while the gateway is killed again and again. */
import { once } from 'node:events'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { startDaemon, type Home } from '../fixtures/daemon.ts'
import { admitted, testToken, type Frame, type TestClient } from '../helper.ts'

export const stormConfig = {
  gateway: { mode: 'local', bind: 'loopback', auth: { mode: 'token', token: testToken } },
  messages: { queue: { cap: 100 } },
  // A storm restarts the gateway more often than a life does.
  agents: { defaults: { recovery: { maxAttempts: 100 } } }
}

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

/** A generator with a seed, so that a failing storm can be run again. */
export function createRandom (seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296
    return state / 4294967296
  }
}

/** A client that comes back. It counts every end of a run that it hears of. */
export interface Caller {
  /** Undefined when the gateway was gone before it answered. */
  ask (method: string, params: object): Promise<Frame | undefined>
  /** How often each run was told to have ended. */
  readonly ends: ReadonlyMap<string, number>
  connect (): Promise<void>
  close (): Promise<void>
}

export function createCaller (url: string): Caller {
  const device = createDeviceIdentity()
  const ends = new Map<string, number>()
  let client: TestClient | undefined
  let waiting = new Map<string, (answer: Frame | undefined) => void>()
  let number = 0

  function hear (frame: Frame): void {
    if (frame.type === 'res') {
      waiting.get(frame.id)?.(frame)
      waiting.delete(frame.id)
    } else if (frame.event === 'chat' && ['final', 'error', 'aborted'].includes(frame.payload.state)) {
      ends.set(frame.payload.runId, (ends.get(frame.payload.runId) ?? 0) + 1)
    }
  }

  return {
    ends,
    async connect () {
      const { client: next } = await admitted(url, { device })
      const mine = waiting = new Map()
      client = next
      next.socket.on('message', data => hear(JSON.parse(String(data))))
      next.socket.on('close', () => { for (const answer of mine.values()) answer(undefined) })
    },
    ask (method, params) {
      if (!client || client.closed) return Promise.resolve(undefined)
      const id = `s${++number}`
      const { promise, resolve } = Promise.withResolvers<Frame | undefined>()
      waiting.set(id, resolve)
      client.send({ type: 'req', id, method, params })
      return promise
    },
    async close () {
      if (!client || client.closed) return
      client.socket.close()
      await once(client.socket, 'close')
    }
  }
}

export interface Sent {
  readonly sessionKey: string
  readonly key: string
  /** In the message, so that its answer is recognised. */
  readonly mark: string
  readonly method: 'chat.send' | 'agent'
  /** What the gateway said when it acknowledged. */
  runId: string
}

export interface StormOptions {
  readonly home: Home
  readonly seed: number
  readonly messages: number
  readonly sessions: number
  /** Between the moment a gateway serves and its end, at most. */
  readonly killWithinMs: number
}

export interface StormReport {
  /** In the order of sending, session by session. */
  readonly sent: ReadonlyArray<readonly Sent[]>
  readonly kills: number
  readonly ends: ReadonlyMap<string, number>
  /** Runs of the second asking, by key. */
  readonly repeats: ReadonlyMap<string, Frame>
  readonly waits: ReadonlyMap<string, Frame>
}

const paramsOf = ({ sessionKey, key, mark, method }: Sent, slowMs: number): object => ({
  sessionKey,
  message: `/slow ${slowMs}\n${mark} one two three`,
  idempotencyKey: key,
  ...(method === 'chat.send' ? { queueMode: 'followup' } : {})
})

/** Sends in order; whatever was not acknowledged is sent again with the same key, as a client must. */
async function converse (caller: Caller, plan: readonly Sent[], random: () => number, over: () => boolean): Promise<void> {
  for (const sent of plan) {
    const params = paramsOf(sent, Math.floor(random() * 4))
    while (!over()) {
      const answer = await caller.ask(sent.method, params)
      if (answer?.ok) {
        sent.runId = answer.payload.runId
        break
      }
      await sleep(15)
    }
    if (random() < 0.4) await caller.ask('agent.wait', { runId: sent.runId, timeoutMs: 2000 })
  }
}

/** Until nobody has anything left to say: starts it, lets it live for a moment, kills it. */
export async function runStorm (t: Test, options: StormOptions): Promise<StormReport> {
  const { home, seed, messages, sessions, killWithinMs } = options
  const random = createRandom(seed)
  const caller = createCaller(`ws://127.0.0.1:${home.port}`)
  const sent = Array.from({ length: sessions }, (_, session) =>
    Array.from({ length: Math.ceil((messages - session) / sessions) }, (_, index): Sent => ({
      sessionKey: `agent:main:storm-${session}`,
      key: `key-${session}-${index}`,
      mark: `mark-${session}-${index}-x`,
      method: random() < 0.3 ? 'agent' : 'chat.send',
      runId: ''
    })))
  let daemon = await startDaemon(t, home)
  await caller.connect()
  let kills = 0
  let failed = false
  const again = async (): Promise<void> => {
    await daemon.stop('SIGKILL')
    kills++
    daemon = await startDaemon(t, home)
    await caller.connect()
  }
  const talk = Promise.all(sent.map(plan => converse(caller, plan, random, () => failed))).then(() => 'over')
  try {
    // The first end comes whatever they have said by then.
    do {
      await Promise.race([talk, sleep(20 + Math.floor(random() * killWithinMs))])
      await again()
    } while (await Promise.race([talk, nextTurn('talking')]) !== 'over')
  } catch (error) {
    failed = true
    throw error
  }
  await again() // once more, with work under way
  const { waits, repeats } = await askAll(caller, sent.flat())
  await caller.close()
  await daemon.stop()
  return { sent, kills, ends: caller.ends, waits, repeats }
}

async function askAll (caller: Caller, sent: readonly Sent[]): Promise<Pick<StormReport, 'waits' | 'repeats'>> {
  const waits = new Map<string, Frame>()
  const repeats = new Map<string, Frame>()
  for (const { runId, key } of sent) waits.set(key, (await caller.ask('agent.wait', { runId, timeoutMs: 20_000 }))!)
  for (const one of sent) repeats.set(one.key, (await caller.ask(one.method, paramsOf(one, 0)))!)
  return { waits, repeats }
}
