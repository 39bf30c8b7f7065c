/** The official SDK of OpenAI, as it comes. */
import OpenAI from 'openai'
import t from 'tap'
import { inTurn, startScene } from './scene.ts'

const weather = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'The weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
}

t.test('models are agents', async t => {
  const { client } = await startScene(t, { agents: { entries: { main: { default: true }, iris: {} } } })
  const ids: string[] = []
  for await (const model of client.models.list()) ids.push(model.id)
  t.same(ids, ['openclaw', 'openclaw/default', 'openclaw/main', 'openclaw/iris'])
  t.match(await client.models.retrieve('openclaw/iris'), { id: 'openclaw/iris', object: 'model', owned_by: 'openclaw' })
  await t.rejects(client.models.retrieve('gpt-4o'), { status: 400, message: /Invalid model id\./ })
})

t.test('a chat completion', async t => {
  const { client, vendor } = await startScene(t)
  const completion = await client.chat.completions.create({
    model: 'openclaw',
    messages: [
      { role: 'system', content: 'Speak like a pirate.' }, { role: 'user', content: 'one' }, { role: 'assistant', content: 'two' },
      { role: 'user', content: 'three' }
    ],
    temperature: 0.5,
    top_p: 0.9,
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    seed: 7,
    stop: ['END'],
    max_completion_tokens: 99
  })
  t.match(completion.choices, [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }])
  t.match(completion, { object: 'chat.completion', model: 'openclaw', usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 } })
  t.match(completion.id, /^chatcmpl_[0-9a-f-]{36}$/)
  t.ok(completion._request_id)
  const [asked] = vendor.requests
  t.match(asked!.body, {
    temperature: 0.5, top_p: 0.9, presence_penalty: 0.1, frequency_penalty: 0.2, seed: 7, stop: ['END'], max_tokens: 99
  })
  const [system, ...said] = asked!.body.messages as Array<{ role: string, content: string }>
  t.match(system!.content, /Speak like a pirate\.$/)
  t.same(said.map(({ role, content }) => `${role}: ${content}`), ['user: one', 'assistant: two', 'user: three'])
})

t.test('a stream, with what the model thinks and what it cost', async t => {
  const { client, vendor } = await startScene(t)
  vendor.script = { thinking: { text: 'a thought that comes in pieces' }, text: ['w1', ' w2', ' w3'], cachedTokens: 10 }
  const stream = await client.chat.completions.create({
    model: 'openclaw/main', messages: [{ role: 'user', content: 'hi' }], stream: true, stream_options: { include_usage: true }
  })
  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  const deltas = chunks.map(({ choices }) => choices[0]?.delta as { role?: string, content?: string, reasoning_content?: string } | undefined)
  t.same(deltas[0], { role: 'assistant' })
  t.equal(deltas.map(delta => delta?.reasoning_content ?? '').join(''), 'a thought that comes in pieces')
  t.equal(deltas.map(delta => delta?.content ?? '').join(''), 'w1 w2 w3')
  t.equal(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size, 1)
  t.equal(chunks.at(-2)!.choices[0]!.finish_reason, 'stop')
  t.match(chunks.at(-1), { choices: [], usage: { prompt_tokens: 22, completion_tokens: 7, total_tokens: 29, prompt_tokens_details: { cached_tokens: 10 } } })
})

t.test('its helper puts a stream together', async t => {
  const { client } = await startScene(t)
  const runner = client.chat.completions.stream({ model: 'openclaw', messages: [{ role: 'user', content: 'hi' }] })
  t.equal(await runner.finalContent(), 'Hello')
})

for (const isStream of [false, true]) {
  t.test(`functions of the program are called and answered, ${isStream ? 'in a stream' : 'as a whole'}`, async t => {
    const { client, vendor } = await startScene(t)
    inTurn(vendor, { text: ['Let me see.'], calls: [{ id: 'call_1', name: 'get_weather', arguments: { city: 'Oslo' } }] }, { text: ['It', ' rains.'] })
    const asked: unknown[] = []
    const tool = {
      ...weather, function: { ...weather.function, parse: JSON.parse, function: async (args: object) => { asked.push(args); return 'rain' } }
    }
    const runner = client.chat.completions.runTools({
      model: 'openclaw', messages: [{ role: 'user', content: 'the weather in Oslo?' }], tools: [tool as never], stream: isStream as true
    })
    t.equal(await runner.finalContent(), 'It rains.')
    t.same(asked, [{ city: 'Oslo' }])
    const [first, second] = vendor.requests
    t.equal(first!.body.tools.at(-1).function.name, 'get_weather', 'behind the tools of the agent')
    t.match(second!.body.messages.slice(-2), [
      { role: 'assistant', content: 'Let me see.', tool_calls: [{ id: 'call_1', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' }
    ])
  })
}

t.test('a call that is demanded', async t => {
  const { client, vendor } = await startScene(t)
  vendor.script = { calls: [{ id: 'call_1', name: 'get_weather', arguments: {} }] }
  const params = { model: 'openclaw', messages: [{ role: 'user' as const, content: 'hi' }], tools: [weather] }
  const named = await client.chat.completions.create({ ...params, tool_choice: { type: 'function', function: { name: 'get_weather' } } })
  t.match(named.choices[0], { message: { content: '', tool_calls: [{ id: 'call_1', type: 'function' }] }, finish_reason: 'tool_calls' })
  t.match(vendor.requests[0]!.body, { tool_choice: { type: 'function', function: { name: 'get_weather' } } })
  t.equal(vendor.requests[0]!.body.tools.length, 1, 'and the agent\'s own tools are not offered')
  vendor.script = { text: ['no'] }
  await t.rejects(client.chat.completions.create({ ...params, tool_choice: 'required' }), {
    status: 502, message: /tool_choice=required was not satisfied by the agent response/
  })
  await client.chat.completions.create({ ...params, tool_choice: 'none', parallel_tool_calls: false })
  t.match(vendor.requests.at(-1)!.body, { tool_choice: 'none', parallel_tool_calls: false })
})

t.test('a reply in the form of a schema', async t => {
  const { client, vendor } = await startScene(t)
  vendor.script = { text: ['{"a":', '1}'] }
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false }
  const completion = await client.chat.completions.parse({
    model: 'openclaw',
    messages: [{ role: 'user', content: 'hi' }],
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } }
  })
  t.equal(completion.choices[0]!.message.content, '{"a":1}')
  t.same(vendor.requests[0]!.body.response_format, { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } })
})

t.test('embeddings, in both forms', async t => {
  const { client, vendor } = await startScene(t, { memory: { search: { provider: 'box', model: 'embedder' } } })
  const plain = await client.embeddings.create({ model: 'openclaw', input: ['alpha', 'be'], encoding_format: 'float' })
  t.same(plain.data.map(({ embedding }) => embedding), [[5, 97, 0.5], [2, 98, 0.5]])
  const packed = await client.embeddings.create({ model: 'openclaw', input: 'alpha' })
  t.same([...packed.data[0]!.embedding], [5, 97, 0.5])
  t.match(packed, { object: 'list', model: 'openclaw', usage: { prompt_tokens: 2, total_tokens: 2 } })
  t.match(vendor.requests[0]!.body, { model: 'embedder', input: ['alpha', 'be'] })
})

t.test('refusals have the classes of the SDK', async t => {
  const { client, http, vendor } = await startScene(t)
  const messages = [{ role: 'user' as const, content: 'hi' }]
  const ask = async (): Promise<unknown> => await client.chat.completions.create({ model: 'openclaw', messages })
  await t.rejects(client.chat.completions.create({ model: 'gpt-4o', messages }), { status: 400, code: 'model_not_found' })
  const stranger = new OpenAI({ apiKey: 'wrong', baseURL: `${http}/v1`, maxRetries: 0 })
  await t.rejects(stranger.chat.completions.create({ model: 'openclaw', messages }), { status: 401, message: /Unauthorized/ })
  vendor.script = { status: 400, message: 'mock failure 400' }
  await t.rejects(ask(), { status: 400, type: 'invalid_request_error', message: /mock failure 400/ })
  vendor.script = { status: 401, message: 'no such key' }
  await t.rejects(ask(), { status: 502, message: /no such key/ }, 'the key of the gateway is none of the program\'s')
})
