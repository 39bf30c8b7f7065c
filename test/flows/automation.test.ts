import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { eventually } from '../process/daemon.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'

const job = {
  name: 'job',
  schedule: { kind: 'every', everyMs: 3_600_000 },
  sessionTarget: 'isolated',
  wakeMode: 'now',
  payload: { kind: 'agentTurn', message: 'work' }
}

const problems = (definition: string, value: unknown): string => contractProblem(definition, value) ?? ''

async function said (client: TestClient, sessionKey: string, text: string): Promise<string> {
  const history = async (): Promise<string> => JSON.stringify((await client.request('chat.history', { sessionKey, limit: 50 })).payload)
  return await eventually(history, messages => messages.includes(text))
}

t.test('a job is made, run, looked at, changed and removed in the shapes of the contract', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  t.match((await client.request('cron.list', {})).payload, { jobs: [], total: 0 })
  t.match((await client.request('cron.status', {})).payload, { enabled: true, jobs: 0, nextWakeAtMs: null })
  const { payload: added } = await client.request('cron.add', job)
  const { deliveryPreview, ...plain } = added as Frame
  t.equal(problems('CronJob', plain), '')
  t.equal(problems('CronDeliveryPreview', deliveryPreview), '')
  t.equal(problems('CronJob', (await client.request('cron.get', { id: added.id })).payload), '')
  const { payload: begun } = await client.request('cron.run', { id: added.id })
  t.match(begun, { ok: true, enqueued: true, runId: new RegExp(`^manual:${added.id}:`), processInstanceId: String })
  const { payload: { entries } } = await eventually(
    async () => await client.request('cron.runs', { id: added.id, runId: begun.runId }), ({ payload }) => payload.entries.length > 0)
  t.equal(problems('CronRunLogEntry', entries[0]), '')
  t.match(entries[0], { status: 'ok', sessionKey: new RegExp(`^agent:main:cron:${added.id}:run:`) }, JSON.stringify(entries[0]))
  const event = await client.frame(frame => frame.event === 'cron' && frame.payload.action === 'finished')
  t.match(event.payload, { jobId: added.id, status: 'ok', runId: begun.runId, job: { id: added.id } })
  t.equal(problems('CronJob', event.payload.job), '')
  const { payload: changed } = await client.request('cron.update', { id: added.id, patch: { name: 'other', enabled: false } })
  t.equal(problems('CronJob', changed), '')
  t.match((await client.request('cron.list', {})).payload, { total: 0 })
  t.match((await client.request('cron.list', { includeDisabled: true, compact: true })).payload, { total: 1, jobs: [{ name: 'other', scheduleKind: 'every' }] })
  t.match((await client.request('cron.run', { id: added.id, mode: 'if-enabled' })).payload, { ok: true, ran: false, reason: 'disabled' })
  t.match((await client.request('cron.remove', { jobId: added.id })).payload, { ok: true, removed: true })
  t.match((await client.request('cron.get', { id: added.id })).error, { details: { code: 'CRON_JOB_NOT_FOUND', jobId: added.id } })
  t.match((await client.request('cron.runs', { id: added.id })).payload, { total: 1 }, 'its runs stay')
  await closeClient(client)
})

t.test('what cannot be planned is refused with what can, and by whoever may not plan', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  t.match((await client.request('cron.add', { ...job, schedule: { kind: 'on-exit', command: 'x' } })).error, { message: /at, every and cron/ })
  t.match((await client.request('cron.add', { ...job, payload: { kind: 'script', script: 'x' } })).error, { message: /systemEvent, agentTurn and command/ })
  t.match((await client.request('cron.add', { ...job, delivery: { mode: 'webhook', to: 'ftp://x' } })).error, { message: /http or https/ })
  const { client: reader } = await admitted(url, { scopes: ['operator.read'] })
  t.equal((await reader.request('cron.add', job)).error?.code, 'FORBIDDEN')
  t.ok((await reader.request('cron.list', {})).ok)
  await Promise.all([closeClient(client), closeClient(reader)])
})

t.test('a wake tells the main conversation at once, with everything that waited, and once', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  t.match((await client.request('wake', { mode: 'next-heartbeat', text: 'it rains' })).payload, { ok: true })
  t.match((await client.request('wake', { mode: 'now', text: 'wake up' })).payload, { ok: true, runId: String })
  t.match(await said(client, 'main', 'wake up'), /it rains/)
  await client.request('wake', { mode: 'now', text: 'once more' })
  const messages = await said(client, 'main', 'once more')
  t.equal(messages.split('"it rains').length, 2, 'told once')
  t.equal((await client.request('last-heartbeat', {})).payload, null)
  t.match((await client.request('set-heartbeats', { enabled: false })).payload, { ok: true, enabled: false })
  await closeClient(client)
})

t.test('a job of the main conversation speaks there', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const at = new Date(Date.now() + 300).toISOString()
  const { payload: added } = await client.request('cron.add', {
    name: 'tea', schedule: { kind: 'at', at }, sessionTarget: 'main', wakeMode: 'now', payload: { kind: 'systemEvent', text: 'the tea is ready' }
  })
  t.equal(added.deleteAfterRun, true)
  await said(client, 'main', 'the tea is ready')
  const left = await eventually(async () => await client.request('cron.list', { includeDisabled: true }), ({ payload }) => payload.total === 0)
  t.equal(left.payload.total, 0, 'it has done what it was there for')
  await closeClient(client)
})

t.test('a webhook is told of a run, with the token, only where the configuration lets it', async t => {
  const calls: Array<{ readonly authorization?: string, readonly body: { readonly [field: string]: any } }> = []
  let meanwhile = async (): Promise<void> => {}
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => { text += chunk })
    request.on('end', () => {
      calls.push({ authorization: request.headers.authorization, body: JSON.parse(text) })
      meanwhile().finally(() => response.end('{}')).catch(t.threw)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}/done`
  for (const isOpen of [false, true]) {
    const policy = isOpen ? { allowedHostnames: ['127.0.0.1'] } : {}
    const { url, gateway } = await startGateway(t, { config: { cron: { webhookToken: 'secret-of-webhooks', webhookSsrfPolicy: policy } } })
    // The start of a gateway looks for what an earlier one left, and finds what somebody has begun by then.
    meanwhile = async () => await (await gateway.rooms.automation.cron()).begin()
    const { client } = await admitted(url)
    const { payload: { id } } = await client.request('cron.add', { ...job, delivery: { mode: 'webhook', to } })
    await client.request('cron.run', { id })
    const { payload: { entries: [run] } } = await eventually(
      async () => await client.request('cron.runs', { id }), ({ payload }) => payload.entries.length > 0)
    if (isOpen) t.match(run, { deliveryStatus: 'delivered', completionStatus: 'succeeded' })
    else t.match(run, { status: 'ok', deliveryStatus: 'not-delivered', completionStatus: 'failed', deliveryError: /webhookSsrfPolicy/ })
    await closeClient(client)
  }
  t.match(calls, [{ authorization: 'Bearer secret-of-webhooks', body: { event: 'cron.finished', status: 'ok', job: { name: 'job' } } }])
  t.equal(calls.length, 1)
})
