import t from 'tap'
import { eventually } from '../process/daemon.ts'
import { openScene } from './telegram-scene.ts'

// Each has a service and a home of its own, and waits in real time: they wait together.
t.jobs = 2

const config = { messages: { queue: { mode: 'followup', cap: 100 } } }
const keys = { allowFrom: ['501'], streaming: 'off' }

t.test('a reply whose fate nobody knows is parked where it can be seen, and is sent again when a person says so', async t => {
  const scene = await openScene(t, { keys, config })
  const { server, client } = scene
  const queue = async (): Promise<Array<{ id: string, text: string, state: string, reason: string }>> => (await client.request('channels.queue.list', {})).payload.items
  server.fail('sendMessage', { cut: 'after' })
  server.write({ text: 'perhaps' })
  const [parked] = await eventually(queue, items => items[0]?.state === 'parked')
  t.match(parked, { state: 'parked', reason: /^nobody knows whether it arrived/ })
  server.write({ text: 'certainly' })
  t.same(await scene.hears(2), ['perhaps', 'certainly'], 'it did arrive, and was not sent twice by itself')

  server.fail('sendMessage', { status: 400, description: 'chat not found' })
  server.write({ text: 'refused' })
  const items = await eventually(queue, list => list.some(({ state }) => state === 'dead'))
  t.match(items.find(({ state }) => state === 'dead'), { reason: /chat not found/ })
  const { payload } = await client.request('channels.queue.retry', { ids: items.filter(({ state }) => state === 'dead').map(({ id }) => id) })
  t.ok(payload)
  t.equal((await scene.hears(3)).at(-1), 'refused')
})

t.test('what nobody knows of is sent again by itself where the channel says so', async t => {
  const scene = await openScene(t, { keys: { ...keys, unknownOutcome: 'retry' }, config })
  scene.server.fail('sendMessage', { cut: 'before' })
  scene.server.write({ text: 'once more' })
  t.same(await scene.hears(1), ['once more'])
})
