/** Responses of a gateway that is killed in the middle of them. */
import { setTimeout as pause } from 'node:timers/promises'
import OpenAI from 'openai'
import t from 'tap'
import { makeHome, startDaemon } from '../../fixtures/daemon.ts'
import { startOpenAi } from '../../fixtures/providers/openai-server.ts'
import { goodKey } from '../../fixtures/providers/vendor-server.ts'
import { testToken } from '../../helper.ts'
import { allEvents, settledResponse } from './response-events.ts'

const model = 'openclaw'

t.test('after the gateway was killed everything is still there, and what goes on goes on', async t => {
  const vendor = await startOpenAi()
  t.teardown(async () => await vendor.close())
  const home = await makeHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: testToken }, http: { endpoints: { responses: { enabled: true } } } },
    models: { providers: { box: { baseUrl: `${vendor.url}/v1`, apiKey: goodKey, models: [{ id: 'm', contextWindow: 100_000, maxTokens: 4096 }] } } },
    agents: { defaults: { model: { primary: 'box/m' }, skipBootstrap: true } }
  })
  const client = new OpenAI({ apiKey: testToken, baseURL: `http://127.0.0.1:${home.port}/v1`, maxRetries: 0 })
  const first = await startDaemon(t, home)
  const one = await client.responses.create({ model, input: 'one', metadata: { a: 'b' } })
  vendor.script = { text: ['late'], hangAfter: 0 }
  const going = await client.responses.create({ model, input: 'two', background: true })
  while (vendor.requests.length < 2) await pause(10)
  await first.stop('SIGKILL')
  vendor.script = { text: ['late'] }
  await startDaemon(t, home)
  const { _request_id: _id, ...before } = one as typeof one & { _request_id?: string }
  const { _request_id: _again, ...after } = await client.responses.retrieve(one.id) as typeof one & { _request_id?: string }
  t.same(after, before)
  t.match(await settledResponse(client, going.id), { status: 'completed', output_text: 'late' })
  const events = await allEvents(await client.responses.retrieve(going.id, { stream: true, starting_after: 4 }))
  t.match(events, [{ type: 'response.completed', sequence_number: 5, response: { output: [{ content: [{ text: 'late' }] }] } }])
  vendor.script = { text: ['next'] }
  const next = await client.responses.create({ model, input: 'three', previous_response_id: one.id })
  t.equal(next.output_text, 'next')
  t.match(vendor.requests.at(-1)!.body.messages.slice(1), [{ content: 'one' }, { content: 'Hello' }, { content: 'three' }])
})
