import t, { type Test } from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { chunkOf, eventOf, refusing, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import type { TestGateway } from '../helper.ts'
import { becomes, cancel, echo, listen, openGateway, post, send, status, stream, type Told } from './gateway-scene.ts'

const fallback = "I didn't produce a visible reply. Please try again."
const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, prompt_tokens_details: { cached_tokens: 40 } }
const said = (...words: string[]) => streaming([...words.map(content => chunkOf({ content })), chunkOf({}, 'stop', { usage })])
const calling = (name: string, args: object, words?: string) => streaming([
  ...words === undefined ? [] : [chunkOf({ content: words })],
  chunkOf({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: JSON.stringify(args) } }] }),
  chunkOf({}, 'tool_calls')
])

/** A gateway over a model that says what the test wants. */
async function scripted (t: Test, answers: Parameters<typeof startRaw>, dataPlane: object = {}): Promise<TestGateway> {
  const server = await startRaw(...answers)
  t.teardown(() => server.close())
  const provider = { baseUrl: server.url, apiKey: 'upstream-secret-key', models: [{ id: 'm' }] }
  return await openGateway(t, dataPlane, { config: { models: { providers: { local: provider } }, agents: { defaults: { model: 'local/m' } } } })
}

const names = (told: readonly Told[]): string[] => told.map(({ event, data }) => event === 'run.progress' ? `progress(${data.stage})` : event)

t.test('a reply is told as it comes, in the order that readers expect, each event with ids', async t => {
  const gateway = await scripted(t, [said('Hel', 'lo ')])
  const told = await stream(gateway, { from: 'alice', text: 'x', request_id: 'r' })
  const texts = told.filter(({ event }) => event === 'message.delta')
  t.same(names(told).filter(name => name !== 'message.delta'), ['run.started', 'progress(preparing)', 'message.completed', 'run.completed'])
  t.equal(texts.map(({ data }) => data.delta).join(''), 'Hello ')
  t.ok(names(told).indexOf('message.delta') === 2)
  t.match(told.find(({ event }) => event === 'message.completed')!.data, {
    reply: 'Hello', usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, prompt_tokens_details: { cached_tokens: 40 } }
  })
  for (const [index, { id, event, data }] of told.entries()) {
    t.equal(id, String(index + 1))
    t.match(data, { type: event, session_id: 'http:dm:alice', request_id: 'r' })
  }
})

t.test('the headers are those of an event stream, and the stream is closed behind its last event', async t => {
  const gateway = await openGateway(t)
  const { response, ended, told } = await listen(gateway, { from: 'a', text: 'x' })
  t.equal(response.statusCode, 200)
  t.match(response.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-request-id': /^[0-9a-f-]{36}$/ })
  await ended
  t.equal(told.at(-1)!.event, 'run.completed')
  t.equal(told[0]!.data.request_id, response.headers['x-request-id'], 'the id is there from the first event on')
})

t.test('an empty reply has words of its own, on both routes', async t => {
  const gateway = await scripted(t, [said('NO_REPLY'), said('NO', '_REPLY')])
  t.equal((await send(gateway, { from: 'a', text: 'x' })).body.reply, fallback)
  const told = await stream(gateway, { from: 'a', text: 'x' })
  t.same(names(told), ['run.started', 'progress(preparing)', 'message.completed', 'run.completed'])
  t.equal(told[2]!.data.reply, fallback)
})

t.test('a tool is told in few words, the words before it are no part of the reply, and progress ends with the first text', async t => {
  const gateway = await scripted(t, [calling('session_status', {}, 'I will look.'), said('All is well.')])
  const told = await stream(gateway, { from: 'a', text: 'x', stream_options: { progress_after_text_delta: true } })
  t.same(names(told), [
    'run.started', 'progress(preparing)', 'message.delta', 'public.completed', 'progress(running_tool)', 'progress(summarizing)', 'message.delta',
    'message.completed', 'run.completed'
  ])
  t.equal(told[3]!.data.reply, 'I will look.')
  t.match(told[4]!.data, { tool_name: 'session_status', tool_call_id: 'call_1', tool_status: 'running', summary: 'Running local tool', elapsed_ms: Number })
  t.match(told[5]!.data, { tool_status: 'completed', summary: 'Preparing final answer' })
  t.equal(told[7]!.data.reply, 'All is well.')
  const again = await scripted(t, [calling('session_status', {}, 'I will look.'), said('All is well.')])
  t.same(names(await stream(again, { from: 'a', text: 'x', stream_options: {} })), [
    'run.started', 'progress(preparing)', 'message.delta', 'public.completed', 'message.delta', 'message.completed', 'run.completed'
  ])
  const whole = await scripted(t, [calling('session_status', {}, 'I will look.'), said('All is well.')])
  t.match((await send(whole, { from: 'a', text: 'x' })).body, { reply: 'All is well.', usage: { prompt_tokens: 100 } })
})

t.test('thoughts are told apart from the reply, and once as a whole', async t => {
  const gateway = await openGateway(t)
  const told = await stream(gateway, { from: 'a', text: '/think deep\n/words 2' })
  t.same(names(told).filter(name => name !== 'message.delta'),
    ['run.started', 'progress(preparing)', 'thought.delta', 'thought.completed', 'message.completed', 'run.completed'])
  t.match(told.filter(({ event }) => event.startsWith('thought.')).map(({ data }) => data.delta ?? data.reply), ['deep', 'deep'])
})

t.test('what goes wrong before the run is no stream, and what goes wrong in it ends the stream', async t => {
  const gateway = await openGateway(t)
  t.equal((await post(gateway, '/v1/gateway/messages:stream', { text: 'x' })).body.error.message, 'missing user_id or from')
  const failed = await stream(gateway, { from: 'a', text: '/fail rate_limit' })
  t.same(names(failed), ['run.started', 'progress(preparing)', 'run.error'])
  t.match(failed[2]!.data.error, { type: 'rate_limit', message: /rate_limit/ })
  const refused = await scripted(t, [refusing(400, 'the model says no')])
  t.match((await stream(refused, { from: 'a', text: 'x' })).at(-1), { event: 'run.error', data: { error: { message: /the model says no/ } } })
})

t.test('what is not meant for the agent is told as ignored, without ids', async t => {
  const gateway = await openGateway(t, { requireMention: true, mentionPatterns: ['@bot'] })
  const told = await stream(gateway, { from: 'a', thread: 't', text: 'x' })
  t.same(told.map(({ data }) => data), [{ type: 'run.ignored', ignored: true }, { type: 'run.completed' }])
})

t.test('a canceled run is told as canceled, to the stream and to whoever waits for the whole reply', async t => {
  const gateway = await openGateway(t)
  const listening = await listen(gateway, { from: 'a', text: '/slow 50\n/words 5000', request_id: 's' })
  await listening.hears('message.delta')
  t.same((await cancel(gateway, 's')).body, { canceled: true, request_id: 's' })
  await listening.ended
  t.same(names(listening.told).filter(name => name !== 'message.delta'), ['run.started', 'progress(preparing)', 'run.canceled'])
  const waiting = send(gateway, { from: 'b', text: '/slow 50\n/words 5000', request_id: 'w' })
  await becomes(gateway, 'w', 'running')
  t.same((await cancel(gateway, 'w')).body.canceled, true)
  const { status: code, body } = await waiting
  t.equal(code, 499)
  t.match(body, { error: { type: 'canceled' }, request_id: 'w' })
  t.equal((await status(gateway, 'w')).body.status, 'canceled')
  t.same((await cancel(gateway, 'w')).body.canceled, false)
})

t.test('whoever comes back with the last id hears the rest, and nothing twice', async t => {
  let finish = (): void => {}
  const gateway = await scripted(t, [response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(eventOf(chunkOf({ content: 'Hel' })))
    finish = () => response.end([chunkOf({ content: 'lo' }), chunkOf({ content: ' there' }), chunkOf({}, 'stop', { usage })].map(eventOf).join('') + eventOf('[DONE]'))
  }], { resumeSeconds: 60 })
  const message = { from: 'a', text: 'x', request_id: 'r' }
  const first = await listen(gateway, message)
  await first.hears('message.delta')
  first.request.destroy()
  await first.ended
  const lastId = first.told.at(-1)!.id!
  t.equal((await status(gateway, 'r')).body.status, 'running', 'it goes on meanwhile')
  finish()
  const rest = await stream(gateway, { request_id: 'r' }, { 'last-event-id': lastId })
  t.equal(rest[0]!.id, String(Number(lastId) + 1))
  const words = [...first.told, ...rest].filter(({ event }) => event === 'message.delta').map(({ data }) => data.delta).join('')
  t.equal(words, 'Hello there')
  t.equal(words, rest.find(({ event }) => event === 'message.completed')!.data.reply)
  t.equal(rest.at(-1)!.event, 'run.completed')
  const late = await stream(gateway, message, { 'last-event-id': lastId })
  t.same(late.map(({ id }) => id), rest.map(({ id }) => id), 'also when it is over')
  t.equal((await send(gateway, message)).body.reply, words, 'and the whole reply is there for the same request')
})

t.test('a run ends when nobody has come back for it in time, and is begun anew when somebody does later', async t => {
  const gateway = await openGateway(t, { resumeSeconds: 0.05 })
  const message = { from: 'a', text: '/slow 40\n/words 5000', request_id: 'r' }
  const first = await listen(gateway, message)
  await first.hears('message.delta')
  first.request.destroy()
  await becomes(gateway, 'r', 'canceled')
  const again = await listen(gateway, message)
  await again.hears('message.delta')
  t.equal((await status(gateway, 'r')).body.status, 'running')
  await cancel(gateway, 'r')
  await again.ended
})

t.test('a request that nobody can send again ends at once with its caller, running or waiting', async t => {
  const gateway = await openGateway(t)
  const holding = await listen(gateway, { from: 'a', text: '/slow 40\n/words 5000', request_id: 'holder' })
  await holding.hears('message.delta')
  const queued = await listen(gateway, { from: 'a', text: 'never mind' })
  const id = String(queued.response.headers['x-request-id'])
  await becomes(gateway, id, 'queued')
  queued.request.destroy()
  await becomes(gateway, id, 'canceled')
  await eventually(() => gateway.gateway.rooms.runs.pending('agent:main:http:dm:a').length, pending => pending === 0)
  const user = (await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 10 }))
    .filter(({ value }) => value.type === 'message' && value.message.role === 'user')
  t.equal(user.length, 1, 'and leaves no message behind')
  await cancel(gateway, 'holder')
  const alone = await listen(gateway, { from: 'b', text: '/slow 40\n/words 5000' })
  await alone.hears('message.delta')
  alone.request.destroy()
  await becomes(gateway, String(alone.response.headers['x-request-id']), 'canceled')
})

t.test('a detached request goes on without its caller', async t => {
  const gateway = await openGateway(t, { resumeSeconds: 0 })
  const listening = await listen(gateway, { from: 'a', text: '/slow 10\n/words 20', request_id: 'd', detach: true })
  await listening.hears('message.delta')
  listening.request.destroy()
  t.match((await becomes(gateway, 'd', 'succeeded')).reply, /word20$/)
})

t.test('who waits for others is told so on request', async t => {
  const gateway = await openGateway(t)
  const holding = await listen(gateway, { from: 'a', text: '/slow 40\n/words 5000', request_id: 'holder' })
  await holding.hears('message.delta')
  const [waiting, plain] = await Promise.all([
    listen(gateway, { from: 'a', text: 'one', stream_options: { queue_events: true } }), listen(gateway, { from: 'a', text: 'two' })
  ])
  t.match(await waiting.hears('run.queued'), { data: { type: 'run.queued', session_id: 'http:dm:a' } })
  await cancel(gateway, 'holder')
  await Promise.all([waiting.ended, plain.ended])
  t.equal(names(plain.told)[0], 'run.started')
  t.equal(waiting.told.at(-2)!.data.reply, echo('one'))
  t.equal(plain.told.at(-2)!.data.reply, echo('two'))
})
