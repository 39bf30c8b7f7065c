import t from 'tap'
import { openai, result, stage, textOf, user, weather } from './sdk-step.ts'

const calls = [{ id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } }]
const tools = [weather]

t.test('encrypted thoughts go back with what was read of them', async t => {
  const { step, told, spoken, sent } = await stage(t, openai)
  const first = await step({ thinking: { text: 'Which city?\n\nUlm.', signature: 'enc-7' }, calls }, { tools, thinking: 'medium' })
  t.equal(textOf(told, 'thinking'), 'Which city?\n\nUlm.')
  t.match(first.content, [{ type: 'thinking', thinking: 'Which city?\n\nUlm.' }, { type: 'toolCall' }], 'one thought, whatever its pieces')
  await step({ text: ['Rain.'] }, { tools, thinking: 'medium', messages: [user('Weather?'), spoken(first), result('call_1', 'rain')] })
  t.match(sent().input.find(({ type }: any) => type === 'reasoning'), { id: 'rs_1', encrypted_content: 'enc-7' })
})

t.test('nothing is stored at the vendor, and a session finds its cache again', async t => {
  const { step, sent } = await stage(t, openai)
  await step({}, { sessionId: 'session-1', user: 'someone' })
  t.match(sent(), { store: false, prompt_cache_key: 'session-1', user: 'someone', include: ['reasoning.encrypted_content'], stream: true })
})

t.test('what the model thought about is summed up, unless it must not think', async t => {
  const { step, sent } = await stage(t, openai)
  await step({}, { thinking: 'high' })
  t.same(sent().reasoning, { effort: 'high', summary: 'auto' })
  await step({}, { thinking: 'off' })
  t.notMatch(sent().reasoning, { summary: 'auto' })
})

t.test('an unknown model that thinks is asked as one', async t => {
  const { step, sent } = await stage(t, openai, { model: { id: 'house-model' } })
  await step({}, { thinking: 'low' })
  t.match(sent().reasoning, { effort: 'low' })
})

t.test('any schema may be asked for', async t => {
  const { step, sent } = await stage(t, openai)
  await step({ text: ['{}'] }, { json: { schema: { type: 'object', properties: { a: { type: 'string' } } } } })
  t.match(sent().text.format, { type: 'json_schema', strict: false })
  await step({ text: ['{}'] }, { json: true })
  t.match(sent().text.format, { type: 'json_object' })
})

t.test('parameters of the vendor go into the body as they stand', async t => {
  const { step, sent } = await stage(t, openai, { settings: { params: { service_tier: 'flex', maxTokens: 50 } } })
  await step({})
  t.match(sent(), { service_tier: 'flex', max_output_tokens: 50 })
})
