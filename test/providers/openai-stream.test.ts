import t, { type Test } from 'tap'
import { createEventReader, maxEventCharacters } from '../../src/providers/openai/event-stream.ts'
import { chunkOf, eventOf, inPieces, startOpenAi, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { ask, failureOf } from './openai-step.ts'

type Answers = Parameters<typeof startRaw>

async function raw (t: Test, ...answers: Answers): Promise<string> {
  const server = await startRaw(...answers)
  t.teardown(() => server.close())
  return server.url
}

const stopped = chunkOf({}, 'stop')

t.test('a streamed answer is told piece by piece and returned as a whole', async t => {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  server.script = { thinking: { text: 'Let me see.' }, text: ['Hel', 'lo ', 'you'], cachedTokens: 5 }
  const { heard, result } = await ask(`${server.url}/v1`, { settings: { apiKey: goodKey } })
  t.same(heard.events.filter(({ type }) => type === 'text').map(event => 'delta' in event && event.delta), ['Hel', 'lo ', 'you'])
  t.same(result.content, [{ type: 'thinking', thinking: 'Let me see.' }, { type: 'text', text: 'Hello you' }])
  t.match(result, { stopReason: 'stop', responseId: 'chatcmpl-1', responseModel: 'm' })
  t.same(result.usage, { input: 12, output: 7, cacheRead: 5, cacheWrite: 0, totalTokens: 24 }, 'cached tokens are no input')
  t.match(server.requests[0]!.body, { stream: true, stream_options: { include_usage: true } })
})

t.test('reasoning is heard under each of its names, and as parts', async t => {
  const url = await raw(t, streaming([
    chunkOf({ reasoning_content: 'a' }), chunkOf({ reasoning: 'b' }), chunkOf({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'c' }] }] }),
    chunkOf({ content: [{ type: 'text', text: 'said' }] }), stopped
  ]))
  const { result } = await ask(url)
  t.same(result.content, [{ type: 'thinking', thinking: 'abc' }, { type: 'text', text: 'said' }])
})

t.test('lines may end in CRLF, carry comments, and be cut anywhere, also within a character', async t => {
  const text = 'Grüße, 世界 🎉!'
  const events = [': OPENROUTER PROCESSING', '', 'event: message', 'id: 1', 'retry: 10', `data:${JSON.stringify(chunkOf({ content: text }))}`, '',
    `data: ${JSON.stringify(stopped)}`, '', 'data: [DONE]', '', ''].join('\r\n')
  for (const size of [1, 3, 7, 64]) {
    const url = await raw(t, inPieces(Buffer.from(events), size))
    const { heard } = await ask(url)
    t.equal(heard.text(), text, `in pieces of ${size} bytes`)
  }
})

t.test('one event may have several data lines, and the last one no empty line behind it', async t => {
  const read: string[] = []
  const reader = createEventReader(data => { read.push(data) })
  reader.feed('data: a\ndata: b\n\ndata\n\ndatabase: no\n\ndata: last')
  reader.end()
  t.same(read, ['a\nb', '', 'last'])
})

t.test('an event that never ends is refused instead of kept', async t => {
  const reader = createEventReader(() => {})
  const half = 'x'.repeat(maxEventCharacters / 2)
  t.equal(reader.feed(`data: ${half}`), true)
  t.equal(reader.feed(half), false)
})

t.test('the usage comes from wherever the server puts it', async t => {
  const usage = { prompt_tokens: 10, completion_tokens: 3 }
  const placed: ReadonlyArray<readonly [string, object[], object]> = [
    ['a chunk without choices', [stopped, { id: 'c', choices: [], usage }], { input: 10, output: 3, totalTokens: 13 }],
    ['the last choice', [chunkOf({}, 'stop', { choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] })], { input: 10 }],
    ['the last chunk', [chunkOf({}, 'stop', { usage: { ...usage, prompt_cache_hit_tokens: 4 } })], { input: 6, cacheRead: 4 }],
    ['Groq', [chunkOf({}, 'stop', { x_groq: { usage } })], { input: 10 }],
    ['nowhere', [stopped], { input: 0, output: 0, totalTokens: 0 }],
    ['nonsense', [chunkOf({}, 'stop', { usage: { prompt_tokens: -1, completion_tokens: 'x', prompt_tokens_details: { cached_tokens: 9 } } })], { input: 0, output: 0 }]
  ]
  for (const [name, chunks, expected] of placed) {
    const { result } = await ask(await raw(t, streaming([chunkOf({ content: 'x' }), ...chunks])))
    t.match(result.usage, expected, name)
  }
})

t.test('without [DONE] the reason to stop is enough, and without the reason [DONE] is', async t => {
  const said = chunkOf({ content: 'all' })
  t.match((await ask(await raw(t, streaming([said, stopped], '')))).result, { stopReason: 'stop', content: [{ text: 'all' }] })
  t.match((await ask(await raw(t, streaming([said])))).result, { stopReason: 'stop', content: [{ text: 'all' }] })
})

t.test('a stream that just ends counts as broken off, with and without a word said', async t => {
  const spoken = await failureOf(ask(await raw(t, streaming([chunkOf({ content: 'half a' })], ''))))
  t.match(spoken, { kind: 'network', partial: true, message: /broke off/ })
  const silent = await failureOf(ask(await raw(t, streaming([chunkOf({ role: 'assistant' })], ''))))
  t.match(silent, { kind: 'network', partial: false })
})

t.test('a server that does not stream is read all the same', async t => {
  const answer = {
    id: 'c', model: 'm2', choices: [{ message: { role: 'assistant', content: 'whole', reasoning_content: 'mm' } }],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
  }
  const url = await raw(t, response => { response.writeHead(200, { 'content-type': 'application/json' }).end(` \n${JSON.stringify(answer, null, 1)}`) })
  const { heard, result } = await ask(url)
  t.equal(heard.text(), 'whole')
  t.match(result, { stopReason: 'stop', responseModel: 'm2', content: [{ thinking: 'mm' }, { text: 'whole' }], usage: { totalTokens: 3 } })
})

t.test('an answer at its limit says so', async t => {
  const { result } = await ask(await raw(t, streaming([chunkOf({ content: 'long' }), chunkOf({}, 'length')])))
  t.equal(result.stopReason, 'length')
})

t.test('an error within the stream is the error of the step', async t => {
  const url = await raw(t, streaming([chunkOf({ content: 'so far' }), { error: { message: 'CUDA out of memory', code: 500 } }], ''))
  t.match(await failureOf(ask(url)), { kind: 'server_error', partial: true, message: /CUDA out of memory/ })
  const overloaded = await raw(t, streaming([{ error: { message: 'Provider is overloaded', code: 503 } }], ''))
  t.match(await failureOf(ask(overloaded)), { kind: 'overloaded', partial: false })
})

t.test('what the content filter withholds is a refusal', async t => {
  t.match(await failureOf(ask(await raw(t, streaming([chunkOf({}, 'content_filter')])))), { kind: 'refusal', message: /content filter/ })
})

t.test('pages, other JSON and empty answers are told from completions', async t => {
  const bodies: ReadonlyArray<readonly [string, RegExp]> = [
    ['<!doctype html><html>Sign in</html>', /a page of HTML/], ['{"status":"ok"}', /other JSON/], ['', /nothing/], [': keep-alive\n\n', /nothing/]
  ]
  for (const [body, expected] of bodies) {
    const error = await failureOf(ask(await raw(t, response => { response.writeHead(200).end(body) })))
    t.match(error, { kind: 'format', message: expected })
    t.match(error.message, /models\.providers\.local\.baseUrl/)
  }
})

t.test('a line that is no JSON ends the step with the line', async t => {
  const url = await raw(t, response => { response.writeHead(200, { 'content-type': 'text/event-stream' }).end(eventOf('{"choices": [oops')) })
  t.match(await failureOf(ask(url)), { kind: 'server_error', message: /no JSON: .*oops/ })
})
