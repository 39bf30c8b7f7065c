import t from 'tap'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { TranscriptLine } from '../../src/protocol/transcript.ts'
import type { SessionRecord } from '../../src/sessions/record.ts'
import type { Store } from '../../src/store/store.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { createCaller, runStorm, stormConfig, type Sent, type StormReport } from './storm.ts'

const long = Boolean(process.env.OPENCLAW_TEST_LONG)

interface Kept { readonly users: string[], readonly replies: string[] }

const textOf = (content: string | ReadonlyArray<{ type: string, text?: string }>): string =>
  typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('')

/** What the disk says of one conversation. */
async function kept (store: Store, sessionKey: string): Promise<Kept> {
  const row = await store.collection<SessionRecord>('sessions').get(sessionKey)
  const lines = await store.lines.tail<TranscriptLine>(row!.sessionId, { limit: 10_000 })
  const messages = lines.map(({ value }) => value).filter(value => value.type === 'message').map(({ message }) => message)
  return {
    users: messages.filter(({ role }) => role === 'user').map(message => (message as { idempotencyKey?: string }).idempotencyKey ?? ''),
    replies: messages.filter(({ role }) => role === 'assistant').map(({ content }) => textOf(content))
  }
}

/** Everything that would be wrong with one conversation, in words; nothing when all is well. */
async function problems (store: Store, sent: readonly Sent[]): Promise<string[]> {
  const { users, replies } = await kept(store, sent[0]!.sessionKey)
  const found: string[] = []
  const expected = sent.map(({ key }) => `${key}:user`)
  if (JSON.stringify(users) !== JSON.stringify(expected)) found.push(`messages ${JSON.stringify(users)} in place of ${JSON.stringify(expected)}`)
  for (const { mark } of sent) {
    const answers = replies.filter(reply => reply.includes(mark)).length
    if (answers !== 1) found.push(`${mark} was answered ${answers} times`)
  }
  const order = replies.map(reply => sent.findIndex(({ mark }) => reply.includes(mark)))
  if (order.some((place, index) => index > 0 && place <= order[index - 1]!)) found.push(`answered in the order ${order.join(' ')}`)
  return found
}

/** No run is left open, and no message is told to have ended differently by whoever is asked. */
async function unsettled (store: Store, { sent, waits, repeats, ends }: StormReport): Promise<string[]> {
  const found = (await store.runs.open()).map(({ runId }) => `${runId} is still open`)
  for (const { key, runId, method } of sent.flat()) {
    const waited = waits.get(key)?.payload
    const repeated = repeats.get(key)?.payload
    if (waited?.status !== 'ok') found.push(`${key}: agent.wait says ${JSON.stringify(waited)}`)
    if (repeated?.status !== 'ok' || repeated.runId !== runId) found.push(`${key}: ${method} again says ${JSON.stringify(repeats.get(key))}`)
  }
  for (const [runId, count] of ends) if (count !== 1) found.push(`${runId} was told to have ended ${count} times`)
  return found
}

t.test('kill -9 at random moments loses no message, answers none twice and keeps the order of each conversation', {
  timeout: long ? 900_000 : 110_000
}, async t => {
  const seed = Number(process.env.OPENCLAW_TEST_SEED ?? Date.now() % 100_000)
  t.comment(`seed ${seed}`)
  const home = await makeHome(t, stormConfig)
  const report = await runStorm(t, { home, seed, messages: long ? 1000 : 48, sessions: 8, killWithinMs: long ? 600 : 350 })
  t.comment(`${report.kills} kills`)
  t.ok(report.kills >= 2, 'it was killed while there was work')
  const store = await createSqliteStore({ stateDir: home.stateDir, readOnly: true })
  t.teardown(() => store.close())
  for (const sent of report.sent) t.same(await problems(store, sent), [], `seed ${seed}, ${sent[0]!.sessionKey}`)
  t.same(await unsettled(store, report), [], `seed ${seed}`)
})

t.test('two hundred identical requests on eight connections, before and after kill -9, are one run', { timeout: 60_000 }, async t => {
  const home = await makeHome(t, stormConfig)
  const first = await startDaemon(t, home)
  const callers = Array.from({ length: 8 }, () => createCaller(`ws://127.0.0.1:${home.port}`))
  const params = { sessionKey: 'agent:main:same', message: '/slow 10\nonly once please, and no more than that', idempotencyKey: 'same', queueMode: 'followup' }
  const askAll = () => Promise.all(Array.from({ length: 200 }, (_, index) => callers[index % callers.length]!.ask('chat.send', params)))
  await Promise.all(callers.map(caller => caller.connect()))
  const before = await askAll()
  await first.stop('SIGKILL')
  const second = await startDaemon(t, home)
  await Promise.all(callers.map(caller => caller.connect()))
  const after = await askAll()
  for (const answers of [before, after]) t.equal(answers.filter(answer => answer?.ok).length, 200)
  const named = [...before, ...after].map(answer => answer!.payload)
  t.equal(named.filter(({ status }) => status === 'started').length, callers.length, 'each caller began one, since each is somebody else')
  const runIds = [...new Set(named.map(({ runId }) => runId))]
  t.equal(runIds.length, callers.length)
  for (const runId of runIds) t.equal((await callers[0]!.ask('agent.wait', { runId, timeoutMs: 40_000 }))?.payload.status, 'ok')
  await Promise.all(callers.map(caller => caller.close()))
  await second.stop()
  const store = await createSqliteStore({ stateDir: home.stateDir, readOnly: true })
  t.teardown(() => store.close())
  const { users, replies } = await kept(store, params.sessionKey)
  t.equal(users.length, callers.length)
  t.equal(replies.length, callers.length)
})

t.test('whoever goes away while a run is under way finds its answer later', { timeout: 60_000 }, async t => {
  const home = await makeHome(t, stormConfig)
  const daemon = await startDaemon(t, home)
  const sent = await Promise.all(Array.from({ length: 12 }, async (_, index) => {
    const caller = createCaller(`ws://127.0.0.1:${home.port}`)
    await caller.connect()
    const sessionKey = `agent:main:gone-${index}`
    const method = index % 2 === 0 ? 'chat.send' : 'agent'
    const answer = await caller.ask(method, { sessionKey, message: `/slow 20\nanswer number ${index} please`, idempotencyKey: `gone-${index}` })
    t.ok(answer?.ok, `${method} is acknowledged`)
    await caller.close()
    return sessionKey
  }))
  const later = createCaller(`ws://127.0.0.1:${home.port}`)
  await later.connect()
  for (const [index] of sent.entries()) {
    t.match((await later.ask('agent.wait', { runId: `gone-${index}`, timeoutMs: 40_000 }))?.payload, { status: 'ok', stopReason: 'stop' })
  }
  await later.close()
  await daemon.stop()
  const store = await createSqliteStore({ stateDir: home.stateDir, readOnly: true })
  t.teardown(() => store.close())
  for (const [index, sessionKey] of sent.entries()) t.match((await kept(store, sessionKey)).replies, [new RegExp(`answer number ${index} please`)])
})
