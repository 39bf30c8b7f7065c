import t from 'tap'
import type { Fault } from '../fixtures/channels/telegram-server.ts'
import { alice, direct, group } from '../fixtures/channels/telegram-people.ts'
import { admitted, type TestClient } from '../helper.ts'
import { daemonToken, eventually, getJson, serve } from '../process/daemon.ts'
import { startHeldModel } from './held-model.ts'
import { openScene, type Scene } from './telegram-scene.ts'

const hookToken = 'hook-token-0123456789abcdef0123456789'
const bob = { id: 502, is_bot: false, first_name: 'Bob' }
const chatOfBob = { id: 502, type: 'private', first_name: 'Bob' }
const keys = { allowFrom: ['501', '502'], streaming: 'off' }
const hooks = { enabled: true, token: hookToken }

const jobOf = (message: string, delivery?: object): object => ({
  name: message.slice(0, 20),
  schedule: { kind: 'every', everyMs: 3_600_000 },
  sessionTarget: 'isolated',
  wakeMode: 'now',
  payload: { kind: 'agentTurn', message },
  ...(delivery ? { delivery } : {})
})

const theGroup = { channel: 'telegram', to: String(group.id) }
const inGroup = { mode: 'announce', ...theGroup }

async function begin ({ client }: { client: TestClient }, message: string, delivery?: object): Promise<string> {
  const { payload: { id } } = await client.request('cron.add', jobOf(message, delivery))
  const { ok, error } = await client.request('cron.run', { id })
  if (!ok) throw new Error(error?.message)
  return id as string
}

async function ended (client: TestClient, id: string): Promise<any> {
  const { payload } = await eventually(async () => await client.request('cron.runs', { id }), ({ payload }) => payload.entries.length > 0)
  return payload.entries[0]
}

/** Until nothing is on its way any more, so that what would come twice has come. */
const quiet = async (client: TestClient): Promise<any[]> => (await eventually(
  async () => await client.request('channels.queue.list', {}), ({ payload }) => payload.items.length === 0)).payload.items

const call = async ({ daemon }: Pick<Scene, 'daemon'>, path: string, body: object, key?: string): Promise<{ status: number, body: any }> =>
  await getJson(`${daemon.http}/hooks/${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json', authorization: `Bearer ${hookToken}`, ...(key === undefined ? {} : { 'idempotency-key': key })
    },
    body: JSON.stringify(body)
  })

t.test('what a job says arrives in the chat that it names, once, and "last" is where somebody wrote last', async t => {
  const scene = await openScene(t, { keys })
  const { server, client, said, hears } = scene
  server.chats.set(chatOfBob.id, chatOfBob)
  t.match(await ended(client, await begin(scene, 'the report', inGroup)), {
    status: 'ok', deliveryStatus: 'delivered', completionStatus: 'succeeded'
  })
  t.same(said(group), ['the report'])

  const last = { mode: 'announce', channel: 'last' }
  t.match(await ended(client, await begin(scene, 'to nobody', { mode: 'announce' })), { status: 'ok', deliveryStatus: 'not-delivered' })
  server.write({ text: 'hello', from: alice, chat: direct })
  await hears(1)
  t.match(await ended(client, await begin(scene, 'for Alice', last)), { deliveryStatus: 'delivered' })
  server.write({ text: 'hello', from: bob, chat: chatOfBob })
  await hears(1, chatOfBob)
  t.match(await ended(client, await begin(scene, 'for Bob', { mode: 'announce' })), { deliveryStatus: 'delivered' })
  t.match(await ended(client, await begin(scene, 'for nobody', { mode: 'none' })), { deliveryStatus: 'not-requested' })
  t.match(await ended(client, await begin(scene, 'NO_REPLY', inGroup)), { deliverySuppressionReason: 'silent' })
  t.match(await ended(client, await begin(scene, 'lost', { ...inGroup, to: '-1009' })), {
    deliveryStatus: 'not-delivered', deliveryError: /chat not found/
  })
  t.equal(said(direct).length, 2)
  t.equal(said(direct)[1], 'for Alice')
  t.equal(said(chatOfBob).length, 2)
  t.equal(said(chatOfBob)[1], 'for Bob')
  t.same(said(group), ['the report'])
})

t.test('what a hook makes an agent say arrives in the chat that it names, once however often it is sent', async t => {
  const mappings = [{ match: { path: 'deploy' }, messageTemplate: 'deployed {{payload.version}}', deliver: true, ...theGroup }]
  const scene = await openScene(t, { keys, config: { hooks: { ...hooks, mappings } } })
  const { server, client, said, hears } = scene
  const named = { message: 'the build failed', deliver: true, ...theGroup }
  const first = await call(scene, 'agent', named, 'build-7')
  t.match(first, { status: 200, body: { ok: true, runId: String } })
  t.match((await hears(1, group))[0], /the build failed/)
  t.equal((await call(scene, 'agent', named, 'build-7')).body.runId, first.body.runId)
  t.match(await call(scene, 'deploy', { version: '1.2.3' }), { status: 200 })
  t.match((await hears(2, group))[1], /deployed 1\.2\.3/)

  t.match(await call(scene, 'agent', { message: 'nobody is there yet', deliver: true, waitForCompletion: true }), {
    body: { completion: { status: 'ok' } }
  })
  t.match(await call(scene, 'agent', { message: 'x', deliver: true, channel: 'telegram' }), { status: 400, body: { error: /set "to"/ } })
  server.write({ text: 'hello' })
  await hears(1)
  t.match(await call(scene, 'agent', { message: 'the disk is full', deliver: true, channel: 'last', waitForCompletion: true }), {
    status: 200
  })
  t.match((await hears(2))[1], /the disk is full/)
  t.match(await call(scene, 'agent', { message: 'quietly', ...theGroup, deliver: false, waitForCompletion: true }), { status: 200 })
  t.same(await quiet(client), [])
  t.equal(said(group).length, 2)
  t.equal(said().length, 2)
})

t.test('a heartbeat and a wake arrive in the chat that is theirs, and that all is well does not', async t => {
  const heartbeat = { every: '2s', target: 'telegram', to: String(group.id), prompt: 'look around' }
  const list = [{ id: 'main', default: true, heartbeat: {} }, { id: 'calm', heartbeat: { prompt: 'HEARTBEAT_OK' } }]
  const scene = await openScene(t, { keys, config: { agents: { defaults: { heartbeat }, list } } })
  const { server, client, said, hears } = scene
  t.match((await hears(1, group))[0], /look around/)
  const rows = async (): Promise<any[]> => (await client.request('sessions.list', {})).payload.sessions
  const isCalm = ({ key, status }: { key: string, status: string }): boolean => key === 'agent:calm:main' && status === 'done'
  t.ok((await eventually(rows, all => all.some(isCalm))).some(isCalm), 'another agent has looked around')
  await client.request('set-heartbeats', { enabled: false })

  server.write({ text: 'hello' })
  await hears(1)
  await client.request('wake', { mode: 'now', text: 'HEARTBEAT_OK' })
  await client.request('wake', { mode: 'now', text: 'the tea is ready' })
  t.match((await hears(2))[1], /the tea is ready/)
  t.same(await quiet(client), [])
  t.equal(said().length, 2)
  t.same(said(group).filter(text => !text.includes('look around')), [])
})

t.test('what was said before a gateway was killed is delivered by the next one, once', async t => {
  const model = await startHeldModel(t)
  const scene = await openScene(t, { keys, config: { ...model.config, hooks } })
  const { server, home, said, hears } = scene
  server.write({ text: 'hello' })
  await hears(1)
  // Long enough for the gateway to end in it, and not in the middle of a call of which nobody could know whether it arrived.
  const busy: Fault = { status: 429, description: 'retry after 30', parameters: { retry_after: 30 } }
  server.fail('sendMessage', busy, busy)
  const over = await begin(scene, 'said before the end', inGroup)
  const working = await begin(scene, 'hold what is said after the end', inGroup)
  await call(scene, 'agent', { message: 'a hook', deliver: true, ...theGroup }, 'hook-1')
  await scene.client.request('wake', { mode: 'now', text: 'an early wake' })
  await scene.client.request('wake', { mode: 'now', text: 'hold a late wake' })
  const isRefused = (items: Array<{ attempts: number }>): boolean =>
    items.length === 3 && items.filter(({ attempts }) => attempts > 0).length === 2
  const waiting = await eventually(async () => (await scene.client.request('channels.queue.list', {})).payload.items, isRefused)
  t.ok(isRefused(waiting), 'each chat has refused its first for now')
  t.equal(waiting.length, 3, 'said, and on their way')
  t.notMatch(JSON.stringify(waiting), /after the end|a late wake/, 'at work still')
  scene.daemon.kill('SIGKILL')
  await scene.daemon.exit()
  model.holdNobody()

  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  for (const id of [over, working]) t.match(await ended(client, id), { status: 'ok', deliveryStatus: 'delivered' })
  t.match(await call({ daemon }, 'agent', { message: 'a hook', deliver: true, ...theGroup }, 'hook-1'), { status: 200 })
  await hears(3, group)
  await hears(3)
  t.same(await quiet(client), [])
  const texts = said(group)
  for (const text of ['said before the end', 'said after the end', 'a hook']) {
    t.equal(texts.filter(one => one.includes(text)).length, 1, text)
  }
  for (const text of ['an early wake', 'a late wake']) t.equal(said().filter(one => one.includes(text)).length, 1, text)
})
