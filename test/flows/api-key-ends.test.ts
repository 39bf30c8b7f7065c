import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { admitted, closeClient, startGateway, type Frame } from '../helper.ts'
import { bearer, makeKey, type Program } from './key-scene.ts'

async function open (t: Parameters<typeof startGateway>[0]) {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  // It begins to answer, and never ends.
  vendor.script = { text: ['one ', 'two'], hangAfter: 2 }
  const gateway = await startGateway(t, {
    config: {
      gateway: { http: { endpoints: { responses: { enabled: true } } } },
      models: { providers: { local: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'endless' }] } } },
      agents: { defaults: { model: 'local/endless' } }
    }
  })
  const { client: admin } = await admitted(gateway.url)
  const post = async (program: Program, path: string, body: object): Promise<Response> => await fetch(`${gateway.http}${path}`, {
    method: 'POST', headers: { ...bearer(program.secret), 'content-type': 'application/json' }, body: JSON.stringify(body)
  })
  const active = (): number => gateway.gateway.rooms.runs.active().length
  const until = async (count: number): Promise<void> => { await eventually(active, found => found === count) }
  const untilAsked = async (count: number): Promise<void> => { await eventually(() => vendor.requests.length, asked => asked >= count) }
  return { vendor, admin, post, active, until, untilAsked }
}

t.test('what a program began ends with its key, also where nobody waits for it', async t => {
  const { vendor, admin, post, active, until, untilAsked } = await open(t)
  const program = await makeKey(admin, 'program')
  const other = await makeKey(admin, 'other')
  const background = await post(program, '/v1/responses', { model: 'openclaw', input: 'on your own', background: true })
  t.equal(background.status, 200)
  const detached = post(program, '/v1/gateway/messages', { from: 'ann', text: 'in the background', request_id: 'r1', detach: true }).catch(() => undefined)
  const joinable = post(program, '/v1/gateway/messages', { from: 'ben', text: 'wait for me', request_id: 'r2' }).catch(() => undefined)
  await post(other, '/v1/responses', { model: 'openclaw', input: 'of somebody else', background: true })
  await untilAsked(4)
  t.equal(active(), 4)
  t.match(await admin.request('keys.revoke', { name: 'program' }), { ok: true })
  await until(1)
  t.equal(active(), 1, 'that of the other program goes on')
  await vendor.abandoned()
  await Promise.all([detached, joinable])
  await admin.request('keys.revoke', { name: 'other' })
  await until(0)
  t.equal(active(), 0)
  await closeClient(admin)
})

t.test('another secret of the same key ends nothing of what is under way', async t => {
  const { admin, post, active, until, untilAsked } = await open(t)
  const program = await makeKey(admin, 'program')
  const begun = await (await post(program, '/v1/responses', { model: 'openclaw', input: 'go on', background: true })).json() as Frame
  await untilAsked(1)
  const { payload } = await admin.request('keys.rotate', { name: 'program' })
  // Whatever a rotation ends it ends with its answer.
  await admin.request('health')
  t.equal(active(), 1)
  t.match(begun, { status: /queued|in_progress/ })
  t.equal((await post({ ...program, secret: payload.secret }, `/v1/responses/${begun.id}/cancel`, {})).status, 200)
  await until(0)
  t.equal(active(), 0)
  await closeClient(admin)
})
