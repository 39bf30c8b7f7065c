import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { startGateway, testToken, type TestGatewayOptions } from '../helper.ts'

const token = 'hook-token-0123456789abcdef0123456789'

interface Answer {
  readonly status: number
  readonly json: { readonly [field: string]: any }
}

type Call = (path: string, body: unknown, headers?: { readonly [name: string]: string }) => Promise<Answer>

const caller = (http: string): Call => async (path, body, headers = { authorization: `Bearer ${token}` }) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${http}/hooks/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text })
  const answer = await response.text()
  return { status: response.status, json: answer.startsWith('{') ? JSON.parse(answer) : {} }
}

const named = (key: string): { [name: string]: string } => ({ authorization: `Bearer ${token}`, 'idempotency-key': key })

interface Options extends Omit<TestGatewayOptions, 'config'> {
  readonly config?: { readonly [section: string]: object }
}

async function open (t: Parameters<typeof startGateway>[0], { config, ...options }: Options = {}) {
  const gateway = await startGateway(t, { ...options, config: { ...config, hooks: { enabled: true, token, ...config?.hooks } } })
  const history = async (): Promise<string> => {
    const response = await fetch(`${gateway.http}/api/sessions/main/history`, { headers: { authorization: `Bearer ${testToken}` } })
    return JSON.stringify((await response.json() as { messages?: unknown }).messages ?? [])
  }
  /** Wakes are answered before they are done. */
  const told = async (text: string): Promise<string> => await eventually(history, found => found.includes(text))
  return { call: caller(gateway.http), history, told }
}

/** What an agent says about it does not count. */
const saidTo = (history: string, text: string): number =>
  (JSON.parse(history) as Array<{ role: string, content: unknown }>).filter(({ role, content }) => role === 'user' && JSON.stringify(content).includes(text)).length

t.test('a wake that is sent again takes nothing away from what has been waiting since', async t => {
  const { call, told } = await open(t)
  const first = await call('wake', { text: 'first' }, named('w1'))
  t.match(await call('wake', { text: 'the disk is full', mode: 'next-heartbeat' }), { json: { eventOutcome: 'queued' } })
  t.equal((await call('wake', { text: 'first' }, named('w1'))).json.runId, first.json.runId)
  t.notMatch(await told('first'), 'the disk is full')
  await call('wake', { text: 'second' }, named('w2'))
  t.match(await told('second'), 'the disk is full', 'told with the next one')
})

t.test('what waits is told once, however many wakes come at a time', async t => {
  const { call, told } = await open(t)
  await call('wake', { text: 'it rains', mode: 'next-heartbeat' })
  await Promise.all(['one', 'two', 'three'].map(async text => await call('wake', { text })))
  for (const text of ['one', 'two', 'three']) await told(text)
  t.equal(saidTo(await told('three'), 'it rains'), 1)
})

t.test('what had no room is taken when it is sent again', async t => {
  const { call, told } = await open(t)
  for (let index = 0; index < 20; index++) await call('wake', { text: `text ${index}.`, mode: 'next-heartbeat' })
  const late = { text: 'the last one', mode: 'next-heartbeat' }
  t.match(await call('wake', late, named('late')), { status: 503, json: { ok: false } })
  await call('wake', { text: 'now' })
  t.match(await call('wake', late, named('late')), { json: { eventOutcome: 'queued' } })
  t.match(await call('wake', late, named('late')), { json: { eventOutcome: 'coalesced' } })
  await call('wake', { text: 'and now' })
  t.match(await call('wake', late, named('late')), { json: { eventOutcome: 'coalesced' } }, 'told, and still known')
  await call('wake', { text: 'at last' })
  t.equal(saidTo(await told('at last'), 'the last one'), 1)
})

t.test('a delivery of GitHub, which signs no time, is known for weeks', async t => {
  const store = createMemoryStore()
  const day = 24 * 3_600_000
  let now = Date.now()
  const mapping = (path: string): object => ({ match: { path }, signature: { scheme: 'github', secret: 'gh-secret' }, sessionKey: 'main', messageTemplate: 'push {{payload.id}}' })
  const config = { hooks: { mappings: [mapping('github'), mapping('elsewhere')] } }
  const push = JSON.stringify({ id: 7 })
  const headers = { 'x-hub-signature-256': `sha256=${createHmac('sha256', 'gh-secret').update(push).digest('hex')}` }
  const { call } = await open(t, { store, config, now: () => now })
  const first = await call('github', push, headers)
  t.match(first, { status: 200, json: { runId: String } })
  now += 29 * day
  // The run itself is long forgotten.
  await store.commit([{ op: 'prune-runs', beforeMs: now, limit: 1000 }])
  const later = await open(t, { store, config, now: () => now })
  t.same(await later.call('github', push, headers), first)
  t.equal((await later.call('elsewhere', push, headers)).status, 409)
  t.equal(saidTo(await later.history(), 'push 7'), 1)
})

t.test('what a hook makes an agent do is no order of the owner: tools for owners are not among its tools', async t => {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  vendor.script = { text: ['done'] }
  const { call } = await open(t, {
    config: {
      models: { providers: { local: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'one' }] } } },
      agents: { defaults: { model: 'local/one' } },
      hooks: { allowRequestSessionKey: true, mappings: [{ match: { path: 'trusted' }, messageTemplate: 'x', sessionKey: 'main', allowUnsafeExternalContent: true }] }
    }
  })
  const asked = async (count: number): Promise<void> => { await eventually(() => vendor.requests.length, found => found >= count) }
  await call('agent', { message: 'x', waitForCompletion: true })
  await call('agent', { message: 'x', sessionKey: 'main', waitForCompletion: true })
  await call('wake', { text: 'x' })
  await asked(3)
  await call('trusted', {})
  await asked(4)
  t.equal(vendor.requests.length, 4)
  for (const { body } of vendor.requests) {
    const names = (body.tools as Array<{ function: { name: string } }>).map(tool => tool.function.name)
    t.ok(names.includes('session_status'))
    t.notOk(names.includes('gateway'), 'for owners only')
  }
})

const gatewayToken = 'gateway-token-0123456789'

const deskOf = async ({ port }: Home): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${port}/api/sessions/hook:desk/history`, { headers: { authorization: `Bearer ${gatewayToken}` } })
  return JSON.stringify((await response.json() as { messages: unknown }).messages)
}

t.test('a gateway that is killed has lost nothing it has answered for, and does nothing twice; a rotated token is one no more', async t => {
  const hooks = { enabled: true, token, allowRequestSessionKey: true }
  const config = { gateway: { mode: 'local', auth: { token: gatewayToken } }, hooks }
  const home = await makeHome(t, config)
  const call = caller(`http://127.0.0.1:${home.port}`)
  const first = await startDaemon(t, home)
  const work = { message: '/slow 30\nbuild the house now', sessionKey: 'hook:desk' }
  const text = { text: 'it waits', sessionKey: 'hook:desk', mode: 'next-heartbeat' }
  const begun = await call('agent', work, named('k1'))
  t.match(begun, { status: 200, json: { runId: String } })
  t.match(await call('wake', text, named('k2')), { json: { eventOutcome: 'queued' } })
  await first.stop('SIGKILL')

  const other = 'another-hook-token-0123456789'
  writeFileSync(join(home.stateDir, 'openclaw.json'), JSON.stringify({ ...config, hooks: { ...hooks, token: other } }))
  await startDaemon(t, home)
  t.equal((await call('agent', work, named('k1'))).status, 401)
  const renamed = (key: string): { [name: string]: string } => ({ 'x-openclaw-token': other, 'idempotency-key': key })
  t.equal((await call('agent', work, renamed('k1'))).json.runId, begun.json.runId, 'the key is that of the request')
  t.match(await call('wake', text, renamed('k2')), { json: { eventOutcome: 'coalesced' } })
  await call('wake', { text: 'wake up', sessionKey: 'hook:desk' }, renamed('k3'))
  await call('agent', { ...work, message: 'the end', waitForCompletion: true }, renamed('k4'))
  const desk = await deskOf(home)
  t.equal(saidTo(desk, 'build the house now'), 1)
  t.equal(saidTo(desk, 'it waits'), 1)
})
