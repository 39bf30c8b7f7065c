import t from 'tap'
import type { Fault } from '../fixtures/channels/telegram-server.ts'
import { admitted } from '../helper.ts'
import { daemonToken, eventually, serve } from '../process/daemon.ts'
import { openScene } from './telegram-scene.ts'

// Each has a service and a home of its own, and waits in real time: they wait together.
t.jobs = 2

const config = { messages: { queue: { mode: 'followup', cap: 100 } } }
const keys = { allowFrom: ['501'], streaming: 'off' }
const busy: Fault = { status: 429, description: 'retry after 1', parameters: { retry_after: 1 } }

t.test('replies that the service refuses for now arrive once and in order, also across a restart', async t => {
  const scene = await openScene(t, { keys, config })
  const { server, home, daemon } = scene
  const down: Fault = { status: 500, description: '' }
  server.fail('sendMessage', busy, down, { status: 503, html: '<h1>upstream</h1>' })
  const texts = Array.from({ length: 6 }, (_, number) => `reply ${number}`)
  for (const text of texts.slice(0, 3)) server.write({ text })
  await scene.hears(1)
  daemon.kill('SIGTERM')
  t.equal((await daemon.exit()).code, 0)
  for (const text of texts.slice(3)) server.write({ text })
  await serve(t, { home })
  t.same(await scene.hears(6), texts)
  t.ok(server.calls.filter(({ method }) => method === 'sendMessage').length >= 9)
})

t.test('a reply that was shown while it was written is finished by the next gateway, in the same message', async t => {
  const scene = await openScene(t, { keys: { allowFrom: ['501'] }, config: { agents: { defaults: { recovery: { maxAttempts: 10 } } } } })
  const { server, home } = scene
  server.write({ text: '/slow 30\n/words 60\nlong' })
  await scene.hears(1)
  await eventually(async () => scene.said()[0]!.length, length => length > 60)
  scene.daemon.kill('SIGKILL')
  await scene.daemon.exit()
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  const rows = await eventually(async () => (await client.request('sessions.list', {})).payload.sessions, ([row]) => row?.status === 'done', 20_000)
  t.equal(rows[0].status, 'done')
  await eventually(async () => scene.said()[0]!.split(/\s+/).length, words => words >= 60)
  t.equal(scene.said().length, 1, 'nothing of it stands there twice')
  t.equal(scene.said()[0]!.split(/\s+/).length >= 60, true)
})
