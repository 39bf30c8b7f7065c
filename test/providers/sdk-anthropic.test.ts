import t from 'tap'
import { anthropic, result, stage, user, weather } from './sdk-step.ts'

const calls = [{ id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } }]
const tools = [weather]

t.test('signed thoughts go back word for word, those that are redacted, too', async t => {
  const { step, spoken, sent } = await stage(t, anthropic)
  for (const [thinking, block] of [
    [{ text: 'Which city?', signature: 'sig-7' }, { type: 'thinking', thinking: 'Which city?', signature: 'sig-7' }],
    [{ text: '', redacted: 'sealed' }, { type: 'redacted_thinking', data: 'sealed' }]
  ] as const) {
    const first = await step({ thinking, calls }, { tools, thinking: 'medium' })
    t.equal(first.stopReason, 'toolUse')
    await step({ text: ['Rain.'] }, { tools, thinking: 'medium', messages: [user('Weather?'), spoken(first), result('call_1', 'rain')] })
    t.match(sent().messages[1].content[0], block)
    t.match(sent().thinking, { type: 'enabled' })
  }
})

t.test('a turn that began without a signed thought goes on without thinking', async t => {
  const { step, spoken, sent } = await stage(t, anthropic)
  const first = await step({ calls }, { tools, thinking: 'off' })
  const messages = [user('Weather?'), spoken(first), result('call_1', 'rain')]
  await step({}, { tools, thinking: 'high', messages })
  t.match(sent().thinking ?? {}, { type: /disabled/ })
  await step({}, { tools, thinking: 'high', messages: [...messages, spoken(await step({})), user('And now?')] })
  t.match(sent().thinking, { type: 'enabled' }, 'and the next one thinks again')
})

t.test('what stays and what was just said are marked for the cache', async t => {
  const { step, sent, spoken } = await stage(t, anthropic)
  const first = await step({ calls, cachedTokens: 30, cacheWriteTokens: 8 }, { tools })
  t.match(first.usage, { input: 12, cacheRead: 30, cacheWrite: 8, output: 7, totalTokens: 57 })
  await step({}, { tools, messages: [user('Weather?'), spoken(first), result('call_1', 'rain')] })
  const { system, messages } = sent()
  t.same(system.map(({ cache_control: mark }: any) => mark), [{ type: 'ephemeral' }])
  t.same(messages.map(({ content }: any) => content.map(({ cache_control: mark }: any) => mark ?? null)), [[null], [null], [{ type: 'ephemeral' }]])
})

t.test('how long the cache keeps it can be set, or that it does not', async t => {
  const long = await stage(t, anthropic, { settings: { params: { cacheRetention: 'long' } } })
  await long.step({})
  t.match(long.sent().system, [{ cache_control: { type: 'ephemeral', ttl: '1h' } }])
  t.notOk('cacheRetention' in long.sent())
  const none = await stage(t, anthropic, { model: { params: { cacheRetention: 'none' } } })
  await none.step({})
  t.notMatch(JSON.stringify(none.sent()), /cache_control/)
})

t.test('parameters of the vendor go into the body as they stand', async t => {
  const { step, sent } = await stage(t, anthropic, {
    settings: { params: { service_tier: 'auto', top_k: 5, ownSetting: 1 } }, model: { params: { top_k: 7, extra_body: { betas: ['x'] } } }
  })
  await step({}, { user: 'someone' })
  t.match(sent(), { service_tier: 'auto', top_k: 7, betas: ['x'], metadata: { user_id: 'someone' } })
  t.notOk('ownSetting' in sent())
})

t.test('a limit is always sent, and never more than the model has', async t => {
  const { step, sent } = await stage(t, anthropic, { model: { capped: true, maxTokens: 9000, id: 'claude-of-tomorrow', reasoning: false } })
  await step({})
  t.equal(sent().max_tokens, 9000)
  await step({}, { maxOutputTokens: 100_000 })
  t.equal(sent().max_tokens, 9000)
})

t.test('an image that a tool found is shown, and named where it cannot be', async t => {
  const found = { role: 'toolResult' as const, toolCallId: 'call_1', toolName: 'weather', isError: false, timestamp: 0, content: [{ type: 'image' as const, data: 'AAAA', mimeType: 'image/png' }] }
  for (const [input, shape] of [[['text', 'image'], /"type":"image","source":\{"type":"base64","media_type":"image\/png","data":"AAAA"/], [['text'], /There is an image here/]] as const) {
    const { step, spoken, sent } = await stage(t, anthropic, { model: { input } })
    const first = await step({ calls }, { tools })
    await step({}, { tools, messages: [user('Weather?'), spoken(first), found] })
    t.match(JSON.stringify(sent().messages[2]), shape)
  }
})

t.test('arguments that are no JSON are an error that another try may heal', async t => {
  const { failure, told } = await stage(t, anthropic)
  t.match(await failure({ calls, halfCall: true }, { tools }), { kind: 'server_error', partial: false, message: /weather/ })
  t.same(told, [])
})

t.test('an address is taken with its version and without', async t => {
  for (const base of ['', '/v1']) {
    const { step, server } = await stage(t, { ...anthropic, base })
    await step({})
    t.equal(server.requests[0]?.path, '/v1/messages')
  }
})
