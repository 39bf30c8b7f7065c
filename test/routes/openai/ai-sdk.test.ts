/** Vercel's AI SDK with its provider for servers that speak like OpenAI, as they come. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import t from 'tap'
import { testToken } from '../../helper.ts'
import { inTurn, startScene } from './scene.ts'

const providerFor = ({ http }: { readonly http: string }) => createOpenAICompatible({
  name: 'gateway', baseURL: `${http}/v1`, apiKey: testToken, includeUsage: true, supportsStructuredOutputs: true
})

const weather = (asked: unknown[]) => tool({
  description: 'The weather',
  inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
  async execute (input) {
    asked.push(input)
    return 'rain'
  }
})

t.test('a text, and what it cost', async t => {
  const scene = await startScene(t)
  const { text, usage, finishReason } = await generateText({
    model: providerFor(scene)('openclaw'), prompt: 'hi', temperature: 0.3, maxRetries: 0
  })
  t.same([text, finishReason, usage.inputTokens, usage.outputTokens], ['Hello', 'stop', 12, 7])
  t.equal(scene.vendor.requests[0]!.body.temperature, 0.3)
})

t.test('a stream with thoughts', async t => {
  const scene = await startScene(t)
  scene.vendor.script = { thinking: { text: 'first I think' }, text: ['w1', ' w2'] }
  const { fullStream, usage } = streamText({ model: providerFor(scene)('openclaw'), prompt: 'hi', maxRetries: 0 })
  const told = { 'text-delta': '', 'reasoning-delta': '' }
  for await (const part of fullStream) if (part.type === 'text-delta' || part.type === 'reasoning-delta') told[part.type] += part.text
  t.same(told, { 'text-delta': 'w1 w2', 'reasoning-delta': 'first I think' })
  t.equal((await usage).outputTokens, 7)
})

t.test('its loop over tools', async t => {
  const scene = await startScene(t)
  const call = { calls: [{ id: 'call_1', name: 'weather', arguments: { city: 'Oslo' } }] }
  const asked: unknown[] = []
  const common = { model: providerFor(scene)('openclaw'), prompt: 'the weather?', tools: { weather: weather(asked) }, stopWhen: stepCountIs(3), maxRetries: 0 }
  inTurn(scene.vendor, call, { text: ['It rains.'] })
  const { text, steps } = await generateText(common)
  t.same([text, steps.length, steps[0]!.finishReason], ['It rains.', 2, 'tool-calls'])
  inTurn(scene.vendor, call, { text: ['It rains.'] })
  t.equal(await streamText(common).text, 'It rains.')
  t.same(asked, [{ city: 'Oslo' }, { city: 'Oslo' }])
})

t.test('an object in the form of a schema', async t => {
  const scene = await startScene(t)
  scene.vendor.script = { text: ['{"a":1}'] }
  const schema = jsonSchema<{ a: number }>({ type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false })
  const { object } = await generateObject({ model: providerFor(scene)('openclaw'), prompt: 'hi', schema, maxRetries: 0 })
  t.same(object, { a: 1 })
  t.match(scene.vendor.requests[0]!.body.response_format, { type: 'json_schema' })
})

t.test('texts become vectors', async t => {
  const scene = await startScene(t, { memory: { search: { provider: 'box', model: 'embedder' } } })
  const { embeddings, usage } = await embedMany({
    model: providerFor(scene).embeddingModel('openclaw'), values: ['alpha', 'be'], maxRetries: 0
  })
  t.same([embeddings, usage.tokens], [[[5, 97, 0.5], [2, 98, 0.5]], 4])
})

t.test('a refusal is told with its sentence', async t => {
  const scene = await startScene(t)
  await t.rejects(generateText({ model: providerFor(scene)('gpt-4o'), prompt: 'hi', maxRetries: 0 }), {
    statusCode: 400, message: 'Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.'
  })
})
