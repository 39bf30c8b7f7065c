import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { TranscriptLine } from '../../src/protocol/transcript.ts'
import type { SessionRecord } from '../../src/sessions/record.ts'
import { openStore } from '../../src/store/open.ts'
import { admitted, closeClient, type TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, longRun, serve, stop, type Daemon } from './daemon.ts'

const config = {
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } },
  agents: { defaults: { recovery: { maxAttempts: 1000 } } },
  messages: { queue: { cap: 10_000 } }
}
/** The shared secret alone, so that the principal is the same after every start. */
const auth = { token: daemonToken }
const rounds = longRun ? 40 : 5
const sessionKeys = ['agent:main:red', 'agent:main:green', 'agent:main:blue']

const client = async (daemon: Daemon): Promise<TestClient> => (await admitted(daemon.url, { auth, device: false })).client

/** Sends until the socket is gone; what was acknowledged counts. */
async function sendUntilGone (from: TestClient, first: number, acknowledged: Map<string, string>): Promise<void> {
  for (let number = first; ; number++) {
    const sessionKey = sessionKeys[number % sessionKeys.length]!
    const idempotencyKey = `m-${number}`
    const message = `/slow ${number % 3}\nmessage ${number}.`
    const answer = await from.request('chat.send', { sessionKey, message, idempotencyKey, queueMode: 'followup' }).catch(() => undefined)
    if (!answer) return
    if (answer.payload?.status === 'started') acknowledged.set(idempotencyKey, sessionKey)
    await sleep(2)
  }
}

t.test('every message that was acknowledged before kill -9 is answered once, in its order', async t => {
  const home = createHome(t, config)
  const acknowledged = new Map<string, string>()
  let port: number | undefined
  for (let round = 0; round < rounds; round++) {
    const daemon = await serve(t, { home, ...(port ? { port } : {}) })
    port = daemon.port
    const from = await client(daemon)
    const before = acknowledged.size
    const sending = sendUntilGone(from, round * 10_000, acknowledged)
    await eventually(async () => acknowledged.size, count => count > before + 3)
    await sleep(Math.random() * 150)
    daemon.kill('SIGKILL')
    await sending
    await daemon.exit()
  }
  const daemon = await serve(t, { home, port })
  const reader = await client(daemon)
  const open: string[] = []
  for (const runId of acknowledged.keys()) {
    const { payload } = await reader.request('agent.wait', { runId, timeoutMs: 20_000 }, 25_000)
    if (payload?.status !== 'ok') open.push(`${runId}: ${JSON.stringify(payload)}`)
  }
  t.same(open, [], 'all of them have come to a good end')
  const [[again, sessionKey] = []] = acknowledged
  const repeat = await reader.request('chat.send', { sessionKey, message: 'again', idempotencyKey: again })
  t.same(repeat.payload, { runId: again, status: 'ok' }, 'and a repeat begins nothing')
  await closeClient(reader)
  await stop(daemon)

  const store = await openStore({ stateDir: home.stateDir })
  for (const key of sessionKeys) {
    const record = await store.collection<SessionRecord>('sessions').get(key)
    const lines = await store.lines.tail<TranscriptLine>(record!.sessionId, { limit: 100_000 })
    const messages = lines.flatMap(({ value }) => value.type === 'message' ? [value.message] : [])
    const asked = messages.flatMap(({ role, content }) => role === 'user' && typeof content === 'string' ? [Number(/message (\d+)/.exec(content)?.[1])] : [])
    const sent = [...acknowledged].filter(([, of]) => of === key).map(([id]) => Number(id.slice(2)))
    t.same(sent.filter(number => !asked.includes(number)), [], 'none is lost')
    t.equal(new Set(asked).size, asked.length, 'none is there twice')
    t.same(asked, [...asked].sort((a, b) => a - b), 'none has overtaken another')
    t.same(messages.map(({ role }) => role), asked.flatMap(() => ['user', 'assistant']), 'each has one reply behind it')
  }
  t.same(await store.runs.open(), [], 'nothing is left open')
  await store.close()
  t.comment(`${acknowledged.size} messages, ${rounds} kills`)
})

t.test('an orderly stop puts down what it cannot finish, and the next start goes on with it', async t => {
  const home = createHome(t, { ...config, gateway: { ...config.gateway, shutdown: { drainMs: 50 } } })
  const first = await serve(t, { home })
  const before = await client(first)
  await before.request('chat.send', { sessionKey: sessionKeys[0], message: `/slow 5\n${'word '.repeat(100)}`, idempotencyKey: 'long' })
  await before.request('chat.send', { sessionKey: sessionKeys[0], message: 'after it', idempotencyKey: 'next', queueMode: 'followup' })
  t.equal((await stop(first)).code, 0)
  const second = await serve(t, { home, port: first.port })
  const after = await client(second)
  for (const runId of ['long', 'next']) t.match((await after.request('agent.wait', { runId }, 15_000)).payload, { status: 'ok' })
  await closeClient(after)
  await stop(second)
})
