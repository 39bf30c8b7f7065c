/** Responses that go on by themselves, and those that somebody comes back to. */
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI from 'openai'
import t from 'tap'
import { testToken } from '../../helper.ts'
import { allEvents, settledResponse } from './response-events.ts'
import { startScene } from './scene.ts'

const on = { gateway: { http: { endpoints: { responses: { enabled: true } } } } }
const model = 'openclaw'
type Event = OpenAI.Responses.ResponseStreamEvent

t.test('in the background the answer comes at once and the work later', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['done'], delayMs: 400 }
  const begun = await client.responses.create({ model, input: 'hi', background: true })
  t.match(begun, { background: true, status: /^(queued|in_progress)$/, output: [] })
  const response = await settledResponse(client, begun.id)
  t.match(response, { id: begun.id, status: 'completed', output_text: 'done', usage: { total_tokens: 19 } })
  await t.rejects(client.responses.create({ model, input: 'hi', background: true, store: false }), { status: 400, param: 'background', message: /./ })
})

t.test('whoever lost the stream goes on where it broke off', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['w1', ' w2', ' w3', ' w4'] }
  const stream = await client.responses.create({ model, input: 'hi', background: true, stream: true })
  const before: Event[] = []
  for await (const event of stream) {
    before.push(event)
    if (event.type === 'response.output_text.delta') break
  }
  const { id } = (before[0] as OpenAI.Responses.ResponseCreatedEvent).response
  const place = before.at(-1)!.sequence_number
  const after = await allEvents(await client.responses.retrieve(id, { stream: true, starting_after: place }))
  t.equal(after[0]!.sequence_number, place + 1)
  t.equal(after.at(-1)!.type, 'response.completed')
  const text = [...before, ...after].flatMap(event => event.type === 'response.output_text.delta' ? [event.delta] : []).join('')
  t.equal(text, 'w1 w2 w3 w4', 'nothing is missing and nothing comes twice')
  const again = await allEvents(await client.responses.retrieve(id, { stream: true }))
  t.same(again.map(({ sequence_number: number }) => number), again.map((_event, index) => index), 'from the beginning, too')
  t.equal(await client.responses.stream({ response_id: id }).finalResponse().then(({ output_text: whole }) => whole), 'w1 w2 w3 w4')
  await t.rejects(client.responses.retrieve(id, { stream: true, starting_after: -3 }), { status: 400, param: 'starting_after', message: /./ })
})

t.test('cancelled is cancelled, also upstream, and twice is safe', async t => {
  const { client, vendor, http } = await startScene(t, on)
  vendor.script = { text: ['never'], hangAfter: 0 }
  const { id } = await client.responses.create({ model, input: 'hi', background: true })
  while (vendor.requests.length === 0) await pause(10)
  const left = vendor.abandoned()
  t.match(await client.responses.cancel(id), { id, status: 'cancelled' })
  await left
  const named = { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }
  t.equal((await fetch(`${http}/v1/responses/${id}/cancel`, { method: 'POST', headers: named })).status, 200, 'also with the type of a body that is not there')
  t.match(await client.responses.cancel(id), { id, status: 'cancelled' })
  t.match(await client.responses.retrieve(id), { id, status: 'cancelled', output: [] })
  const events = await allEvents(await client.responses.retrieve(id, { stream: true }))
  t.equal(events.at(-1)!.type as string, 'response.cancelled')
  vendor.script = {}
  const plain = await client.responses.create({ model, input: 'hi' })
  await t.rejects(client.responses.cancel(plain.id), { status: 400, message: /Only responses with `background`/ })
})

t.test('one that waits for its turn is queued, and can be cancelled before it comes', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['never'], hangAfter: 0 }
  const first = await client.responses.create({ model, input: 'one', background: true, user: 'ann' })
  while (vendor.requests.length === 0) await pause(10)
  const second = await client.responses.create({ model, input: 'two', background: true, user: 'ann' })
  t.equal((await client.responses.retrieve(second.id)).status, 'queued')
  t.equal((await client.responses.retrieve(first.id)).status, 'in_progress')
  t.equal((await client.responses.cancel(second.id)).status, 'cancelled')
  t.equal((await client.responses.cancel(first.id)).status, 'cancelled')
  t.equal(vendor.requests.length, 1)
})

t.test('deleted while it goes on is ended and gone', async t => {
  const { client, vendor, gateway } = await startScene(t, on)
  vendor.script = { text: ['never'], hangAfter: 0 }
  const { id } = await client.responses.create({ model, input: 'hi', background: true })
  while (vendor.requests.length === 0) await pause(10)
  const left = vendor.abandoned()
  await client.responses.delete(id)
  await left
  await t.rejects(client.responses.retrieve(id), { status: 404, message: /./ })
  t.equal(gateway.rooms.sessions.count(), 0)
})

t.test('a client that goes away ends the work, unless it goes on in the background', async t => {
  const { client, vendor } = await startScene(t, on)
  for (const stream of [true, false]) {
    vendor.script = { text: ['a', 'b', 'c'], hangAfter: stream ? 2 : 0 }
    const controller = new AbortController()
    const asked = client.responses.create({ model, input: 'hi', stream }, { signal: controller.signal })
      .then(async answer => { if (Symbol.asyncIterator in answer) for await (const event of answer) if (event.type.endsWith('delta')) controller.abort() })
      .catch(() => undefined)
    const left = vendor.abandoned(stream ? 1 : 2)
    if (!stream) {
      const before = vendor.requests.length
      while (vendor.requests.length === before) await pause(10)
      controller.abort()
    }
    await asked
    await left
  }
  vendor.script = { text: ['a', 'b'], delayMs: 100 }
  const events = await client.responses.create({ model, input: 'hi', background: true, stream: true })
  const { value: first } = await events[Symbol.asyncIterator]().next()
  events.controller.abort()
  t.equal((await settledResponse(client, (first as OpenAI.Responses.ResponseCreatedEvent).response.id)).output_text, 'ab')
})

t.test('the same key is the same response', async t => {
  const { client, vendor, post } = await startScene(t, on)
  const headers = { 'Idempotency-Key': 'order-7' }
  const body = { model, input: 'hi' }
  const both = await Promise.all([client.responses.create(body, { headers }), client.responses.create(body, { headers })])
  t.equal(both[0]!.id, both[1]!.id)
  t.equal(vendor.requests.length, 1)
  t.same(await client.responses.create(body, { headers }), both[0])
  t.match(await allEvents(await client.responses.create({ ...body, stream: true }, { headers: { 'Idempotency-Key': 'order-8' } })), [{ type: 'response.created' }])
  const again = await allEvents(await client.responses.create({ ...body, stream: true }, { headers: { 'Idempotency-Key': 'order-8' } }))
  t.match(again.at(-1), { type: 'response.completed', response: { output: [{ content: [{ text: 'Hello' }] }] } })
  t.equal((await post('/v1/responses', { ...body, input: 'other' }, { 'idempotency-key': 'order-7' })).status, 409)
  for (const key of ['a', 'b']) {
    const fleeting = { ...body, store: false, stream: key === 'b' as const }
    await client.responses.create(fleeting, { headers: { 'Idempotency-Key': key } }).then(async answer => Symbol.asyncIterator in answer ? await allEvents(answer) : answer)
    const count = vendor.requests.length
    const said = await client.responses.create(fleeting, { headers: { 'Idempotency-Key': key } })
    t.match(Symbol.asyncIterator in said ? (await allEvents(said)).at(-1) : { response: said }, { response: { output: [{ content: [{ text: 'Hello' }] }] } })
    t.equal(vendor.requests.length, count)
  }
  t.equal(vendor.requests.length, 4)
})

t.test('responses are there for whoever made them and for nobody else', async t => {
  const { client, http, adminToken } = await startScene(t, on)
  const other = new OpenAI({ apiKey: adminToken, baseURL: `${http}/v1`, maxRetries: 0 })
  const { id, output } = await client.responses.create({ model, input: 'hi' })
  t.equal((await other.responses.create({ model, input: 'hi' })).output_text, 'Hello', 'it has responses of its own')
  const attempts: ReadonlyArray<() => Promise<unknown>> = [
    async () => await other.responses.retrieve(id),
    async () => await other.responses.cancel(id),
    async () => await other.responses.delete(id),
    async () => await other.responses.inputItems.list(id),
    async () => await other.responses.create({ model, input: 'x', previous_response_id: id })
  ]
  for (const attempt of attempts) await t.rejects(async () => { await attempt() }, { status: 404, message: /./ })
  await t.rejects(other.responses.create({ model, input: [{ type: 'item_reference', id: output[0]!.id! }, { role: 'user', content: 'x' }] }), { status: 400, message: /./ })
  t.equal((await client.responses.retrieve(id)).output_text, 'Hello')
})

t.test('the oldest are forgotten, by number and by age', async t => {
  let now = Date.now()
  const stored = { maxEntries: 2, maxAgeDays: 1 }
  const { client } = await startScene(t, { gateway: { http: { endpoints: { responses: { enabled: true, stored } } } } }, { now: () => now })
  const ids: string[] = []
  for (let count = 0; count < 101; count++) {
    now += 1000
    ids.push((await client.responses.create({ model, input: 'hi' })).id)
  }
  await t.rejects(client.responses.retrieve(ids[0]!), { status: 404, message: /./ })
  t.equal((await client.responses.retrieve(ids.at(-1)!)).output_text, 'Hello')
  now += 25 * 3_600_000
  await t.rejects(client.responses.retrieve(ids.at(-1)!), { status: 404, message: /./ })
})
