import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { createOpenAiCompletions } from '../../src/providers/openai/transport.ts'
import type { ProviderError } from '../../src/providers/model.ts'
import { chunkOf, eventOf, refusing, startOpenAi, startRaw, streaming, type RawServer } from '../fixtures/providers/openai-server.ts'
import { ask, failureOf, settingsOf, type Asking } from './openai-step.ts'
import { listener } from './scene.ts'

async function serve (t: Test, ...answers: Parameters<typeof startRaw>): Promise<RawServer> {
  const server = await startRaw(...answers)
  t.teardown(() => server.close())
  return server
}

const refused = async (t: Test, answer: (response: ServerResponse) => void, asking: Asking = {}): Promise<ProviderError> =>
  await failureOf(ask((await serve(t, answer)).url, asking))

t.test('each refusal becomes the kind that decides what happens next, with its status and what to do', async t => {
  const openAi = (message: string, code: string | null, type = 'invalid_request_error') => ({ error: { message, type, param: null, code } })
  const cases: ReadonlyArray<readonly [number, object | string, string, RegExp]> = [
    [401, openAi('Incorrect API key provided: sk-abc.', 'invalid_api_key'), 'auth', /answered 401: Incorrect API key.*models\.providers\.local\.apiKey/],
    [403, { detail: 'Forbidden' }, 'auth', /403: Forbidden/],
    [402, { error: { message: 'Insufficient credits', code: 402 } }, 'billing', /402: Insufficient credits.*billing/],
    [429, openAi('You exceeded your current quota, check your plan', 'insufficient_quota'), 'billing', /quota/],
    [429, openAi('Rate limit reached', 'rate_limit_exceeded', 'requests'), 'rate_limit', /Rate limit reached.*fallbacks/],
    [404, { object: 'error', message: 'The model `x` does not exist.', type: 'NotFoundError', code: 404 }, 'model_not_found', /does not exist/],
    [404, { error: 'model "llama9" not found, try pulling it first' }, 'model_not_found', /pulling it first/],
    [404, '404 page not found', 'model_not_found', /404 page not found.*baseUrl/],
    [400, openAi("This model's maximum context length is 8192 tokens.", 'context_length_exceeded'), 'context_overflow', /sessions compact/],
    [400, { error: { code: 400, message: 'the request exceeds the available context size', type: 'exceed_context_size_error' } }, 'context_overflow', /exceeds/],
    [413, 'Payload Too Large', 'context_overflow', /413/],
    [400, openAi("Unsupported parameter: 'max_tokens'", 'unsupported_parameter'), 'format', /400: Unsupported parameter.*compat/],
    [422, { detail: [{ loc: ['body', 'messages'], msg: 'field required', type: 'value_error' }] }, 'format', /body\.messages: field required/],
    [400, [{ error: { code: 400, message: 'API key not valid', status: 'INVALID_ARGUMENT' } }], 'auth', /API key not valid/],
    [500, openAi('The server had an error', null, 'server_error'), 'server_error', /500: The server had an error/],
    [502, '<html><head><title>502 Bad Gateway</title></head></html>', 'server_error', /502: 502 Bad Gateway/],
    [503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }, 'overloaded', /Loading model/],
    [500, { error: { message: 'Provider returned error', metadata: { raw: 'upstream sank' } } }, 'server_error', /Provider returned error: upstream sank/],
    [504, '', 'timeout', /504: no reason given/],
    [529, { error: { message: 'x' } }, 'overloaded', /529/],
    [418, { message: 'teapot' }, 'format', /teapot/]
  ]
  for (const [status, body, kind, message] of cases) {
    t.match(await refused(t, refusing(status, body)), { kind, status, message, partial: false }, `${status} ${JSON.stringify(body)}`)
  }
})

t.test('a vendor refuses a wrong key, and our words say which one', async t => {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  t.match(await failureOf(ask(`${server.url}/v1`, { settings: { apiKey: 'wrong' } })), { kind: 'auth', status: 401 })
})

t.test('a credential that the server quotes is not repeated', async t => {
  const apiKey = 'sk-very-secret-key'
  const error = await refused(t, refusing(401, { error: { message: `Bad key ${apiKey} and tenant tenant-secret` } }), {
    settings: { apiKey, headers: { 'x-tenant': 'tenant-secret' } }
  })
  t.match(error.message, /Bad key \*\*\* and tenant \*\*\*/)
  t.notMatch(error.message, /secret/)
})

t.test('a long error is cut', async t => {
  t.ok((await refused(t, refusing(400, 'x'.repeat(1_000_000)))).message.length < 1000)
})

t.test('Retry-After is understood in seconds, as a date and in milliseconds', async t => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z')
  const waits: ReadonlyArray<readonly [{ [name: string]: string }, number | undefined]> = [
    [{ 'retry-after': '7' }, 7000], [{ 'retry-after': '0.5' }, 500], [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0], [{ 'retry-after-ms': '1200', 'retry-after': '9' }, 1200], [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined], [{}, undefined]
  ]
  for (const [headers, expected] of waits) {
    const error = await refused(t, refusing(429, { error: { message: 'slow down' } }, headers), { now: () => nowMs })
    t.equal(error.retryAfterMs, expected, JSON.stringify(headers))
  }
})

t.test('nobody at the address, or no such name, says where to look', async t => {
  t.match(await failureOf(ask('http://127.0.0.1:1/v1')), { kind: 'network', message: /ECONNREFUSED.*models\.providers\.local\.baseUrl/, partial: false })
  t.match(await failureOf(ask('http://nowhere.invalid/v1')), { kind: 'network', message: /nowhere\.invalid/ })
})

t.test('a connection that breaks in the middle is a network error that says what was told', async t => {
  const breaking = (words: readonly string[]) => (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(words.map(content => eventOf(chunkOf({ content }))).join('') || ': hello\n\n', () => response.destroy())
  }
  t.match(await refused(t, breaking(['half'])), { kind: 'network', partial: true })
  t.match(await refused(t, breaking([])), { kind: 'network', partial: false })
  t.match(await refused(t, response => { response.destroy() }), { kind: 'network', partial: false })
})

t.test('a server that says nothing more runs into the idle time, one that is slow but speaks does not', async t => {
  t.match(await refused(t, () => {}, { settings: { idleTimeoutMs: 60 } }), { kind: 'timeout', message: /said nothing for 0\.06 s.*timeoutSeconds/ })
  const hanging = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(eventOf(chunkOf({ content: 'then' })))
  }
  const error = await refused(t, hanging, { settings: { idleTimeoutMs: 60 } })
  t.match(error, { kind: 'timeout' })
  const server = await serve(t, async response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let word = 0; word < 8; word++) {
      response.write(word % 2 ? ': alive\n\n' : eventOf(chunkOf({ content: 'x' })))
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    response.end(eventOf(chunkOf({}, 'stop')))
  })
  t.equal((await ask(server.url, { settings: { idleTimeoutMs: 700 } })).heard.text(), 'xxxx')
})

t.test('the time for the whole request holds even for a server that keeps talking', async t => {
  const babbling = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => response.write(': still here\n\n'), 10)
    response.on('close', () => clearInterval(timer))
  }
  t.match(await refused(t, babbling, { settings: { timeoutMs: 100 } }), { kind: 'timeout', message: /did not finish within 0\.1 s/ })
})

t.test('an abort closes the socket of the request, before and while the answer comes', async t => {
  for (const begin of [false, true]) {
    const controller = new AbortController()
    let arrived = (): void => {}
    const closed = new Promise<void>(resolve => { arrived = resolve })
    const server = await serve(t, response => {
      response.on('close', arrived)
      if (!begin) return controller.abort()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(eventOf(chunkOf({ content: 'x' })))
    })
    const heard = listener()
    const tell = (event: Parameters<typeof heard.tell>[0]): void => {
      heard.tell(event)
      controller.abort()
    }
    t.match(await failureOf(ask(server.url, { request: { signal: controller.signal } }, { ...heard, tell })), { kind: 'aborted' })
    await closed
    t.equal(server.abandoned(), 1)
  }
})

t.test('a request that was aborted before it began never reaches the server', async t => {
  const server = await serve(t, streaming([chunkOf({}, 'stop')]))
  t.match(await failureOf(ask(server.url, { request: { signal: AbortSignal.abort() } })), { kind: 'aborted' })
  t.equal(server.connections(), 0)
})

t.test('connections are kept, also after a refusal, and one that was closed meanwhile is replaced unseen', async t => {
  const fine = streaming([chunkOf({ content: 'ok' }), chunkOf({}, 'stop')])
  const server = await serve(t, fine, refusing(429, {}), fine, (response, request) => {
    response.on('close', () => request.socket.destroy())
    fine(response)
  }, fine)
  const transport = createOpenAiCompletions(settingsOf(server.url))
  t.teardown(() => transport.close!())
  await ask(server.url, { transport })
  t.match(await failureOf(ask(server.url, { transport })), { kind: 'rate_limit' })
  await ask(server.url, { transport })
  t.equal(server.connections(), 1)
  await ask(server.url, { transport })
  await ask(server.url, { transport })
  t.equal(server.connections(), 2)
})

t.test('a server that keeps the connection open behind [DONE] does not hold up the answer', async t => {
  const server = await serve(t, response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(eventOf(chunkOf({ content: 'done' }, 'stop')) + eventOf('[DONE]'))
  })
  t.equal((await ask(server.url)).heard.text(), 'done')
})
