import t from 'tap'
import { google, result, stage, user, weather } from './sdk-step.ts'

const tools = [weather]
const calls = [
  { id: '', name: 'weather', arguments: { city: 'Ulm' }, signature: 'sig-1' }, { id: '', name: 'weather', arguments: { city: 'Bonn' } }
]

t.test('a signed call goes back with its signature', async t => {
  const { step, spoken, sent } = await stage(t, google)
  const first = await step({ thinking: { text: 'Two cities.' }, calls }, { tools, thinking: 'high' })
  const made = first.content.filter(part => part.type === 'toolCall')
  t.match(made, [{ thoughtSignature: 'sig-1' }, { thoughtSignature: undefined }])
  t.equal(new Set(made.map(({ id }) => id)).size, 2, 'and each has an id, which the vendor gives none of')
  await step({}, { tools, messages: [user('Weather?'), spoken(first), ...made.map(({ id }) => result(id, 'rain'))] })
  const parts = sent().contents[1].parts
  t.match(parts, [{ functionCall: { name: 'weather' }, thoughtSignature: 'sig-1' }, { functionCall: { name: 'weather' }, thoughtSignature: undefined }])
  t.equal(parts.length, 2, 'what was thought for people is not sent')
})

t.test('thoughts are asked for when the model shall think', async t => {
  const { step, sent } = await stage(t, google)
  await step({}, { thinking: 'high' })
  t.match(sent().generationConfig.thinkingConfig, { includeThoughts: true, thinkingLevel: 'high' })
})

t.test('thinking counts as output', async t => {
  const { step } = await stage(t, google)
  t.match((await step({ thinking: { text: 'Hm.' }, text: ['Yes.'], cachedTokens: 40 })).usage, { input: 12, cacheRead: 40, output: 7 })
})

t.test('a wrong key is told apart from a wrong request, although the number is the same', async t => {
  const { failure } = await stage(t, google)
  t.match(await failure({ status: 400, message: 'API key not valid. Please pass a valid API key.' }), { kind: 'auth', status: 400 })
  t.match(await failure({ status: 400, message: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).' }), { kind: 'context_overflow' })
  t.match(await failure({ status: 400, message: 'Unknown name "x"' }), { kind: 'format' })
})

t.test('an address of its own with fields of its own is served', async t => {
  const { step, sent, server } = await stage(t, google, { settings: { params: { extra_body: { labels: { team: 'blue' } }, top_k: 5 } } })
  await step({})
  t.equal(server.requests[0]?.path, '/v1beta/models/gemini-3-pro-preview:streamGenerateContent')
  t.match(sent().labels, { team: 'blue' })
  t.notOk('top_k' in sent(), 'names in snake case are not its own')
  const host = await stage(t, { ...google, base: '' })
  t.equal((await host.step({})).stopReason, 'stop', 'nor does it need a version')
})
