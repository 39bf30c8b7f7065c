/** Responses, with the official SDK of OpenAI as it comes. */
import OpenAI from 'openai'
import t from 'tap'
import { inTurn, startScene, type OpenAiScene } from './scene.ts'

const on = { gateway: { http: { endpoints: { responses: { enabled: true } } } } }
const weather = {
  type: 'function' as const, name: 'get_weather', description: 'The weather', strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' } } }
}
const model = 'openclaw'

const saidTo = ({ vendor }: OpenAiScene): string[] => (vendor.requests.at(-1)!.body.messages as Array<{ role: string, content: string }>)
  .filter(({ role }) => role !== 'system').map(({ role, content }) => `${role}: ${content}`)

t.test('a response to a text', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['Hel', 'lo'], cachedTokens: 10 }
  const response = await client.responses.create({
    model, input: 'hi', instructions: 'Speak like a pirate.', temperature: 0.5, top_p: 0.9, max_output_tokens: 99, metadata: { order: '7' }, user: 'u1'
  })
  t.equal(response.output_text, 'Hello')
  t.match(response, {
    id: /^resp_[0-9a-f-]{36}$/,
    object: 'response',
    status: 'completed',
    model,
    error: null,
    incomplete_details: null,
    instructions: 'Speak like a pirate.',
    metadata: { order: '7' },
    max_output_tokens: 99,
    temperature: 0.5,
    top_p: 0.9,
    previous_response_id: null,
    output: [{ type: 'message', role: 'assistant', status: 'completed', phase: 'final_answer', content: [{ type: 'output_text', text: 'Hello', annotations: [] }] }],
    usage: { input_tokens: 22, input_tokens_details: { cached_tokens: 10 }, output_tokens: 7, total_tokens: 29 }
  })
  t.ok(Math.abs(response.created_at - Date.now() / 1000) < 60)
  t.match(vendor.requests[0]!.body, { temperature: 0.5, top_p: 0.9, max_tokens: 99 })
  t.match(vendor.requests[0]!.body.messages[0].content, /Speak like a pirate\.$/)
})

t.test('its helper puts a stream together', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { thinking: { text: 'a thought that comes in pieces' }, text: ['w1', ' w2', ' w3'] }
  const seen: string[] = []
  const runner = client.responses.stream({ model, input: 'hi', reasoning: { effort: 'low', summary: 'auto' } })
  runner.on('event', ({ type }) => seen.push(type))
  const response = await runner.finalResponse()
  t.equal(response.output_text, 'w1 w2 w3')
  t.match(response.output, [{ type: 'reasoning', summary: [{ text: 'a thought that comes in pieces' }] }, { type: 'message' }])
  t.equal(response.status, 'completed')
  t.same(seen.filter((type, index) => seen.indexOf(type) === index), [
    'response.created', 'response.in_progress', 'response.output_item.added', 'response.reasoning_summary_part.added',
    'response.reasoning_summary_text.delta', 'response.reasoning_summary_text.done', 'response.reasoning_summary_part.done',
    'response.output_item.done', 'response.content_part.added', 'response.output_text.delta', 'response.output_text.done',
    'response.content_part.done', 'response.completed'
  ])
  t.equal(vendor.requests[0]!.body.reasoning_effort ?? 'low', 'low')
})

t.test('a stream is numbered without a gap and has the response that is found afterwards', async t => {
  const { client } = await startScene(t, on)
  const events: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of await client.responses.create({ model, input: 'hi', stream: true })) events.push(event)
  t.same(events.map(({ sequence_number: number }) => number), events.map((_event, index) => index))
  const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent
  t.equal(last.type, 'response.completed')
  const { output_text: text, ...again } = await client.responses.retrieve(last.response.id)
  t.equal(text, 'Hello')
  t.same(again, last.response)
})

t.test('what a model thinks is told to nobody who does not ask for it', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { thinking: { text: 'a secret thought' }, text: ['said'] }
  const response = await client.responses.create({ model, input: 'hi' })
  t.match(response.output, [{ type: 'message' }])
  t.equal(response.output.length, 1)
  t.equal((await client.responses.retrieve(response.id)).output.length, 1)
})

for (const isStream of [false, true]) {
  t.test(`functions of the program are called and answered, ${isStream ? 'in a stream' : 'as a whole'}`, async t => {
    const scene = await startScene(t, on)
    const { client, vendor } = scene
    const ask = async ({ stream: _stream, ...params }: OpenAI.Responses.ResponseCreateParamsNonStreaming): Promise<OpenAI.Responses.Response> =>
      isStream ? await client.responses.stream(params).finalResponse() : await client.responses.create(params)
    inTurn(vendor,
      { text: ['Let me see.'], calls: [{ id: 'call_1', name: 'get_weather', arguments: { city: 'Oslo' } }, { id: 'call_2', name: 'get_weather', arguments: {} }] },
      { text: ['It', ' rains.'] }, { text: ['Bye'] })
    const first = await ask({ model, input: 'the weather in Oslo?', tools: [weather] })
    t.match(first.output, [
      { type: 'message', phase: 'commentary', content: [{ text: 'Let me see.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Oslo"}', status: 'completed' },
      { type: 'function_call', call_id: 'call_2', arguments: '{}' }
    ])
    t.equal(vendor.requests[0]!.body.tools.at(-1).function.name, 'get_weather', 'behind the tools of the agent')
    const stored = await client.responses.retrieve(first.id)
    t.match(stored.output, first.output.map(({ id, type }) => ({ id, type })))
    t.equal(stored.output.length, first.output.length)
    const second = await ask({
      model,
      previous_response_id: first.id,
      input: [{ type: 'function_call_output', call_id: 'call_1', output: 'rain' }, { type: 'function_call_output', call_id: 'call_2', output: 'sun' }],
      tools: [weather]
    })
    t.equal(second.output_text, 'It rains.')
    t.match(vendor.requests[1]!.body.messages.slice(-3), [
      { role: 'assistant', content: 'Let me see.', tool_calls: [{ id: 'call_1' }, { id: 'call_2' }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
      { role: 'tool', tool_call_id: 'call_2', content: 'sun' }
    ])
    t.match((await client.responses.inputItems.list(second.id, { order: 'asc' })).data, [
      { type: 'function_call_output', call_id: 'call_1', output: 'rain' }, { type: 'function_call_output', call_id: 'call_2', output: 'sun' }
    ])
    t.equal((await ask({ model, previous_response_id: second.id, input: 'thanks' })).output_text, 'Bye')
    t.same(saidTo(scene).slice(-2), ['assistant: It rains.', 'user: thanks'])
  })
}

t.test('a program that keeps the conversation sends all of it', async t => {
  const scene = await startScene(t, on)
  const { client, vendor, gateway } = scene
  const input: OpenAI.Responses.ResponseInput = [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'one' },
    { type: 'reasoning', id: 'rs_1', summary: [] },
    { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Bern"}' },
    { type: 'function_call', call_id: 'call_2', name: 'get_weather', arguments: '{}' },
    { type: 'function_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'fog' }] },
    { type: 'function_call_output', call_id: 'call_1', output: 'snow' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'two', annotations: [] }], id: 'msg_1', status: 'completed' },
    { role: 'user', content: [{ type: 'input_text', text: 'three' }] }
  ]
  for (const store of [true, false]) {
    const response = await client.responses.create({ model, input, store })
    t.equal(response.output_text, 'Hello')
    t.match(vendor.requests.at(-1)!.body.messages.slice(1), [
      { role: 'user', content: 'one' },
      { role: 'assistant', tool_calls: [{ id: 'call_1' }, { id: 'call_2' }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'snow' },
      { role: 'tool', tool_call_id: 'call_2', content: 'fog' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: 'three' }
    ])
    t.match(vendor.requests.at(-1)!.body.messages[0].content, /Be brief\.$/)
    if (store) {
      const items = await client.responses.inputItems.list(response.id, { order: 'asc' })
      t.same(items.data.map(({ type }) => type), [
        'message', 'function_call', 'function_call', 'function_call_output', 'function_call_output', 'message', 'message'
      ])
      t.equal(gateway.rooms.sessions.count(), 1)
    } else {
      t.equal(gateway.rooms.sessions.count(), 1, 'nothing is kept of it')
      await t.rejects(client.responses.retrieve(response.id), { status: 404, message: /./ })
    }
  }
})

t.test('a response can be continued more than once, each time as if nothing else had followed', async t => {
  const scene = await startScene(t, on)
  const { client, vendor } = scene
  inTurn(vendor, { text: ['A'] }, { text: ['B'] }, { text: ['C'] }, { text: ['D'] }, { text: ['E'] })
  const a = await client.responses.create({ model, input: 'a' })
  const b = await client.responses.create({ model, input: 'b', previous_response_id: a.id })
  t.same(saidTo(scene), ['user: a', 'assistant: A', 'user: b'])
  await client.responses.create({ model, input: 'c', previous_response_id: a.id })
  t.same(saidTo(scene), ['user: a', 'assistant: A', 'user: c'])
  await client.responses.create({ model, input: 'd', previous_response_id: b.id, store: false })
  t.same(saidTo(scene), ['user: a', 'assistant: A', 'user: b', 'assistant: B', 'user: d'])
  const e = await client.responses.create({ model, input: 'e', previous_response_id: b.id })
  t.same(saidTo(scene), ['user: a', 'assistant: A', 'user: b', 'assistant: B', 'user: e'])
  t.match(e, { previous_response_id: b.id, output_text: 'E' })
  t.match(await client.responses.retrieve(b.id), { output_text: 'B', previous_response_id: a.id })
  const both = await Promise.all(['f', 'g'].map(async input => await client.responses.create({ model, input, previous_response_id: e.id })))
  t.equal(both.length, 2)
  const heard = vendor.requests.slice(-2).map(({ body }) => (body.messages as Array<{ content: string }>).slice(1).map(({ content }) => content).join(' '))
  t.same(heard.sort(), ['a A b B e E f', 'a A b B e E g'], 'also at the same time')
})

t.test('items that were answered before are found by their name', async t => {
  const scene = await startScene(t, on)
  const { client } = scene
  const first = await client.responses.create({ model, input: 'one' })
  await client.responses.create({
    model, input: [{ role: 'user', content: 'one' }, { type: 'item_reference', id: first.output[0]!.id! }, { role: 'user', content: 'two' }]
  })
  t.same(saidTo(scene), ['user: one', 'assistant: Hello', 'user: two'])
  await t.rejects(client.responses.create({ model, input: [{ type: 'item_reference', id: 'msg_nosuch' }] }), {
    status: 400, message: /Item with id 'msg_nosuch' not found/
  })
})

t.test('a user has one conversation, and whoever names it goes on with it', async t => {
  const scene = await startScene(t, on)
  const { client } = scene
  await client.responses.create({ model, input: 'one', user: 'ann' })
  const second = await client.responses.create({ model, input: 'two', user: 'ann' })
  t.same(saidTo(scene), ['user: one', 'assistant: Hello', 'user: two'])
  await client.responses.create({ model, input: 'three', previous_response_id: second.id })
  t.same(saidTo(scene).length, 5)
  await client.responses.create({ model, input: 'x', user: 'bob' })
  t.same(saidTo(scene), ['user: x'])
  await t.rejects(client.responses.create({ model, input: 'x', user: 'bob', previous_response_id: second.id }), {
    status: 400, message: /./, param: 'previous_response_id'
  })
  await client.responses.create({ model, input: 'named' }, { headers: { 'x-openclaw-session-key': 'desk' } })
  await client.responses.create({ model, input: 'again' }, { headers: { 'x-openclaw-session-key': 'desk' } })
  t.same(saidTo(scene), ['user: named', 'assistant: Hello', 'user: again'])
})

t.test('a reply in the form of a schema', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['{"a":', '1}'] }
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false }
  const response = await client.responses.parse({
    model, input: 'hi', text: { format: { type: 'json_schema', name: 'answer', strict: true, schema } }
  })
  t.same(response.output_text, '{"a":1}')
  t.same(vendor.requests[0]!.body.response_format, { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } })
})

t.test('a reply that is cut off is incomplete', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['half'], stop: 'length' }
  const response = await client.responses.create({ model, input: 'hi', max_output_tokens: 1 })
  t.match(response, { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [{ status: 'incomplete' }] })
  t.match(await client.responses.retrieve(response.id), { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
})

t.test('what the model refuses is a refusal, and in a stream the end of it', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { status: 400, message: 'mock failure 400' }
  await t.rejects(client.responses.create({ model, input: 'hi' }), { status: 400, type: 'invalid_request_error', message: /mock failure 400/ })
  const events: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of await client.responses.create({ model, input: 'hi', stream: true })) events.push(event)
  t.match(events.at(-1), { type: 'response.failed', response: { status: 'failed', error: { code: 'invalid_prompt', message: /mock failure 400/ } } })
  const { id } = (events.at(-1) as OpenAI.Responses.ResponseFailedEvent).response
  t.match(await client.responses.retrieve(id), { status: 'failed', error: { code: 'invalid_prompt', message: /mock failure 400/ } })
})

t.test('a call that is demanded and does not come is a failure', async t => {
  const { client, vendor } = await startScene(t, on)
  vendor.script = { text: ['no'] }
  await t.rejects(client.responses.create({ model, input: 'hi', tools: [weather], tool_choice: 'required' }), { status: 502, message: /./ })
  vendor.script = { calls: [{ id: 'call_1', name: 'get_weather', arguments: {} }] }
  const response = await client.responses.create({ model, input: 'hi', tools: [weather], tool_choice: { type: 'function', name: 'get_weather' } })
  t.match(response, { tool_choice: { type: 'function', name: 'get_weather' }, output: [{ type: 'function_call' }] })
  t.equal(response.output.length, 1)
  t.equal(vendor.requests.at(-1)!.body.tools.length, 1, 'and the agent\'s own tools are not offered')
})

t.test('deleted is deleted, with its conversation', async t => {
  const { client, gateway } = await startScene(t, on)
  const response = await client.responses.create({ model, input: 'hi' })
  t.equal(gateway.rooms.sessions.count(), 1)
  await client.responses.delete(response.id)
  t.equal(gateway.rooms.sessions.count(), 0)
  await t.rejects(client.responses.retrieve(response.id), { status: 404, message: /./ })
  await t.rejects(client.responses.delete(response.id), { status: 404, message: /./ })
  await t.rejects(client.responses.create({ model, input: 'x', previous_response_id: response.id }), { status: 404, code: 'previous_response_not_found' })
  const first = await client.responses.create({ model, input: 'one' })
  const second = await client.responses.create({ model, input: 'two', previous_response_id: first.id })
  await client.responses.delete(first.id)
  t.equal((await client.responses.retrieve(second.id)).output_text, 'Hello', 'what followed is still there')
})
