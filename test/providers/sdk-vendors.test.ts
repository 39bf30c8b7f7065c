/** The servers that stand in for vendors, as the vendors' own clients see them. */
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { startAnthropic } from '../fixtures/providers/anthropic-server.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { startGoogle } from '../fixtures/providers/google-server.ts'
import { startOpenAiResponses } from '../fixtures/providers/openai-responses-server.ts'
import { goodKey, vectorOf, type Script, type VendorServer } from '../fixtures/providers/vendor-server.ts'

const calls = [{ id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } }, { id: 'call_2', name: 'weather', arguments: { city: 'Bonn' } }]
const everything: Script = { thinking: { text: 'Two cities.' }, text: ['Let me ', 'look.'], calls, cachedTokens: 100 }

async function serve (t: Test, start: () => Promise<VendorServer>): Promise<VendorServer> {
  const server = await start()
  t.teardown(() => server.close())
  return server
}

t.test('Anthropic: its own client reads streams, whole answers and errors of our server', async t => {
  const server = await serve(t, startAnthropic)
  const client = new Anthropic({ apiKey: goodKey, baseURL: server.url, maxRetries: 0 })
  const ask = { model: 'claude', max_tokens: 2000, messages: [{ role: 'user' as const, content: 'Hi' }] }
  server.script = { ...everything, cacheWriteTokens: 5 }
  const message = await client.messages.stream(ask).finalMessage()
  t.match(message.content, [
    { type: 'thinking', thinking: 'Two cities.', signature: 'sig' },
    { type: 'text', text: 'Let me look.' },
    { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Ulm' } },
    { type: 'tool_use', id: 'call_2', input: { city: 'Bonn' } }
  ])
  t.match(message, { stop_reason: 'tool_use', usage: { input_tokens: 12, output_tokens: 7, cache_read_input_tokens: 100, cache_creation_input_tokens: 5 } })
  t.same((await client.messages.create(ask)).content, message.content, 'and the same without a stream')
  server.script = { status: 429, headers: { 'retry-after': '7' } }
  const refused = await client.messages.create(ask).catch(error => error)
  t.ok(refused instanceof Anthropic.RateLimitError)
  t.equal(refused.headers.get('retry-after'), '7')
  server.script = { errorAfter: 3, message: 'Overloaded' }
  t.match(await client.messages.stream(ask).finalMessage().catch(error => error), { error: { error: { type: 'overloaded_error', message: 'Overloaded' } } })
  server.script = {}
  t.ok(await new Anthropic({ apiKey: 'wrong', baseURL: server.url, maxRetries: 0 }).messages.create(ask).catch(error => error) instanceof Anthropic.AuthenticationError)
})

t.test('OpenAI Responses: its own client reads streams, whole answers, vectors and errors of our server', async t => {
  const server = await serve(t, startOpenAiResponses)
  const client = new OpenAI({ apiKey: goodKey, baseURL: `${server.url}/v1`, maxRetries: 0 })
  const ask = { model: 'gpt', input: 'Hi', store: false }
  server.script = everything
  const streamed = await client.responses.stream(ask).finalResponse()
  t.equal(streamed.output_text, 'Let me look.')
  t.match(streamed.output, [
    { type: 'reasoning', summary: [{ text: 'Two cities.' }], encrypted_content: 'enc' },
    { type: 'message' },
    { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Ulm"}' },
    { type: 'function_call', call_id: 'call_2' }
  ])
  t.match(streamed.usage, { input_tokens: 112, input_tokens_details: { cached_tokens: 100 }, output_tokens_details: { reasoning_tokens: 3 } })
  t.match((await client.responses.create(ask)).output.map(({ type }) => type), ['reasoning', 'message', 'function_call', 'function_call'])
  server.script = { stop: 'length' }
  t.match(await client.responses.create(ask), { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
  t.same((await client.embeddings.create({ model: 'embed', input: ['one', 'four'] })).data.map(({ embedding }) => embedding), ['one', 'four'].map(vectorOf))
  server.script = { status: 429, headers: { 'retry-after': '7' } }
  t.ok(await client.responses.create(ask).catch(error => error) instanceof OpenAI.RateLimitError)
  server.script = { errorAfter: 3, message: 'broken inside' }
  t.match(await client.responses.stream(ask).finalResponse().catch(error => error), { message: /broken inside/ })
})

t.test('OpenAI chat completions: its own client reads streams, whole answers, vectors and errors of our server', async t => {
  const server = await serve(t, startOpenAi)
  const client = new OpenAI({ apiKey: goodKey, baseURL: `${server.url}/v1`, maxRetries: 0 })
  const ask = { model: 'gpt', messages: [{ role: 'user' as const, content: 'Hi' }] }
  server.script = { text: ['Let me ', 'look.'], calls, cachedTokens: 100 }
  const streamed = await client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } }).finalChatCompletion()
  t.match(streamed.choices, [{
    finish_reason: 'tool_calls',
    message: { content: 'Let me look.', tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Ulm"}' } }, { id: 'call_2' }] }
  }])
  t.match(streamed.usage, { prompt_tokens: 112, prompt_tokens_details: { cached_tokens: 100 }, completion_tokens: 7 })
  t.match((await client.chat.completions.create(ask)).choices[0]?.message, { content: 'Let me look.', tool_calls: [{}, {}] })
  t.same((await client.embeddings.create({ model: 'embed', input: ['one', 'four'] })).data.map(({ embedding }) => embedding), ['one', 'four'].map(vectorOf))
  server.script = { status: 429, headers: { 'retry-after': '7' } }
  t.ok(await client.chat.completions.create(ask).catch(error => error) instanceof OpenAI.RateLimitError)
  server.script = { text: ['one', 'two'], errorAfter: 2, message: 'broken inside' }
  t.match(await client.chat.completions.stream(ask).finalChatCompletion().catch(error => error), { message: /broken inside/ })
})

t.test('Google: its own client reads streams, whole answers, vectors and errors of our server', async t => {
  const server = await serve(t, startGoogle)
  const client = new GoogleGenAI({ apiKey: goodKey, httpOptions: { baseUrl: server.url } })
  const ask = { model: 'gemini-3-pro', contents: 'Hi' }
  server.script = { ...everything, calls: [{ ...calls[0]!, signature: 'sig-1' }, calls[1]!] }
  const parts: Array<{ text?: string, thought?: boolean }> = []
  let usage: object | undefined
  for await (const chunk of await client.models.generateContentStream(ask)) {
    parts.push(...chunk.candidates?.[0]?.content?.parts ?? [])
    usage = chunk.usageMetadata
  }
  t.equal(parts.filter(({ thought }) => thought).map(({ text }) => text).join(''), 'Two cities.')
  t.equal(parts.filter(({ text, thought }) => text && !thought).map(({ text }) => text).join(''), 'Let me look.')
  t.match(parts.slice(-2), [{ functionCall: { name: 'weather', args: { city: 'Ulm' } }, thoughtSignature: 'sig-1' }, { functionCall: { args: { city: 'Bonn' } } }])
  t.match(usage, { promptTokenCount: 112, cachedContentTokenCount: 100, thoughtsTokenCount: 3 })
  const whole = await client.models.generateContent(ask)
  t.equal(whole.functionCalls?.length, 2)
  const { embeddings } = await client.models.embedContent({ model: 'embed', contents: ['one', 'four'] })
  t.same(embeddings?.map(({ values }) => values), ['one', 'four'].map(vectorOf))
  server.script = { status: 429 }
  t.match(await client.models.generateContent(ask).catch(error => error), { status: 429, message: /RESOURCE_EXHAUSTED/ })
})
