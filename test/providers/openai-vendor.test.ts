/** The server that stands in for chat completions, as the vendor's own client sees it, and then as we do. */
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey, vectorOf, type Script, type VendorServer } from '../fixtures/providers/vendor-server.ts'
import { ask, failureOf } from './openai-step.ts'

async function serve (t: Test, script: Script = {}): Promise<{ server: VendorServer, client: OpenAI, url: string }> {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  server.script = script
  const url = `${server.url}/v1`
  return { server, url, client: new OpenAI({ apiKey: goodKey, baseURL: url, maxRetries: 0 }) }
}

const calls = [{ id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } }, { id: 'call_2', name: 'weather', arguments: { city: 'Bonn' } }]
const question = { model: 'gpt', messages: [{ role: 'user' as const, content: 'Hi' }] }
const settings = { apiKey: goodKey }
const impatient = { ...settings, idleTimeoutMs: 400 }

t.test('the client of the vendor reads streams, whole answers and vectors of our server', async t => {
  const { client } = await serve(t, { text: ['Let me ', 'look.'], calls, cachedTokens: 100 })
  const streamed = await client.chat.completions.stream({ ...question, stream_options: { include_usage: true } }).finalChatCompletion()
  t.match(streamed.choices[0], {
    finish_reason: 'tool_calls',
    message: {
      role: 'assistant',
      content: 'Let me look.',
      tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Ulm"}' } }, { id: 'call_2', function: { arguments: '{"city":"Bonn"}' } }]
    }
  })
  t.match(streamed.usage, { prompt_tokens: 112, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 100 } })
  const whole = await client.chat.completions.create(question)
  t.match(whole.choices[0]!.message, { content: 'Let me look.', tool_calls: [{ id: 'call_1' }, { id: 'call_2' }] })
  t.match(whole.usage, { total_tokens: 119 })
  const { data } = await client.embeddings.create({ model: 'e', input: ['one', 'three'] })
  t.same(data.map(({ embedding }) => embedding), [vectorOf('one'), vectorOf('three')])
})

t.test('the client of the vendor recognises each of its errors', async t => {
  const { server, client } = await serve(t)
  const errors = { 400: OpenAI.BadRequestError, 401: OpenAI.AuthenticationError, 404: OpenAI.NotFoundError, 429: OpenAI.RateLimitError, 500: OpenAI.InternalServerError }
  for (const [status, kind] of Object.entries(errors)) {
    server.script = { status: Number(status), message: 'as told', headers: { 'retry-after': '7' } }
    const error = await client.chat.completions.create(question).catch(reason => reason)
    t.ok(error instanceof kind, status)
    t.match(error, { message: /as told/ })
    t.equal(error.headers.get('retry-after'), '7')
  }
  server.script = {}
  const unanswered = [{ role: 'assistant' as const, tool_calls: [{ id: 'x', type: 'function' as const, function: { name: 'f', arguments: '{}' } }] }]
  t.ok(await client.chat.completions.create({ ...question, messages: unanswered }).catch(reason => reason) instanceof OpenAI.BadRequestError)
  server.script = { errorAfter: 2, message: 'sank' }
  t.match(await client.chat.completions.stream(question).finalChatCompletion().catch(reason => reason), { message: /sank/ })
})

t.test('what the vendor does wrong, we tell apart', async t => {
  const cases: ReadonlyArray<readonly [string, Script, object]> = [
    ['a bad request', { status: 400 }, { kind: 'format', status: 400 }],
    ['a bad key', { status: 401 }, { kind: 'auth', status: 401 }],
    ['too much', { status: 429, headers: { 'retry-after': '3' } }, { kind: 'rate_limit', retryAfterMs: 3000 }],
    ['a failure', { status: 500 }, { kind: 'server_error', status: 500 }],
    ['cut off before a word', { cutAfter: 1 }, { kind: 'network', partial: false }],
    ['cut off after a word', { cutAfter: 2 }, { kind: 'network', partial: true }],
    ['an error in the stream', { errorAfter: 2 }, { kind: 'server_error', partial: true }],
    ['a withheld answer', { stop: 'refusal' }, { kind: 'refusal' }],
    ['half a call', { calls, halfCall: true }, { kind: 'server_error', message: /weather/ }]
  ]
  for (const [name, script, expected] of cases) {
    const { url } = await serve(t, script)
    t.match(await failureOf(ask(url, { settings })), expected, name)
  }
  const silences = await Promise.all([0, 2].map(async hangAfter => await failureOf(ask((await serve(t, { hangAfter })).url, { settings: impatient }))))
  t.match(silences, [{ kind: 'timeout' }, { kind: 'timeout' }], 'silence from the beginning and in the middle')
})

t.test('a slow start, a limit and several tools are ordinary answers', async t => {
  t.equal((await ask((await serve(t, { delayMs: 100 })).url, { settings })).heard.text(), 'Hello')
  t.equal((await ask((await serve(t, { stop: 'length' })).url, { settings })).result.stopReason, 'length')
  const { result } = await ask((await serve(t, { calls })).url, { settings })
  t.match(result, { stopReason: 'toolUse', content: [{ id: 'call_1' }, { id: 'call_2', arguments: { city: 'Bonn' } }] })
})

t.test('an abort reaches the vendor', async t => {
  const { server, url } = await serve(t, { hangAfter: 2 })
  const controller = new AbortController()
  const asked = failureOf(ask(url, { settings, request: { signal: controller.signal } }))
  while (server.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  controller.abort()
  t.match(await asked, { kind: 'aborted' })
  await server.abandoned()
})
