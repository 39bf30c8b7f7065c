import t from 'tap'
import type { Message } from '../../src/protocol/transcript.ts'
import { ProviderError, type RoutedResult, type StepRequest } from '../../src/providers/model.ts'
import { echoPrefix } from '../../src/providers/builtin/echo.ts'
import { createScene, listener, request, user, type Heard } from './scene.ts'

async function say (message: string | readonly Message[], more: Partial<StepRequest> = {}): Promise<{ result: RoutedResult, heard: Heard }> {
  const { models } = createScene()
  const heard = listener()
  const result = await models.step(models.route('main'), request(message, more), heard.tell)
  return { result, heard }
}

const failureOf = async (promise: Promise<unknown>): Promise<ProviderError> => await promise.then(() => { throw new Error('no failure') }, error => error)

t.test('the demonstration answers when nothing is configured, and says what it is', async t => {
  const { result, heard } = await say('hello there')
  t.equal(heard.text(), `${echoPrefix}hello there`)
  t.match(heard.text(), /demonstration.*no model is configured/)
  t.same(result.content, [{ type: 'text', text: heard.text() }])
  t.match(result, { stopReason: 'stop', model: { provider: 'echo', id: 'echo' }, attempts: [] })
})

t.test('a reply comes word by word', async t => {
  const { heard } = await say('one two\n\nthree')
  t.same(heard.events.slice(-3), [' one', ' two', '\n\nthree'].map(delta => ({ type: 'text', delta })))
})

t.test('usage counts the words that were read and said, and costs nothing', async t => {
  const { result, heard } = await say([user('first message'), user('the second message')], { system: 'a b c' })
  const output = heard.text().split(/\s+/).length
  t.match(result.usage, { input: 8, output, totalTokens: 8 + output, cost: { total: 0 } })
})

t.test('lines with /tool become calls of one step, and their results are reported in the next', async t => {
  const order = user('/tool session_status {"sessionKey":"main"}\n/tool sessions_list')
  const { result, heard } = await say([order])
  t.equal(result.stopReason, 'toolUse')
  const calls = result.content.filter(part => part.type === 'toolCall')
  t.match(calls, [{ name: 'session_status', arguments: { sessionKey: 'main' } }, { name: 'sessions_list', arguments: {} }])
  t.not(calls[0]!.id, calls[1]!.id)
  t.same(heard.events, calls.map(call => ({ type: 'tool-call', call })))
  const answered = calls.map((call): Message => ({
    role: 'toolResult', toolCallId: call.id, toolName: call.name, content: [{ type: 'text', text: `done ${call.name}` }], isError: false, timestamp: 2
  }))
  const next = await say([order, { role: 'assistant', ...result, api: 'echo', provider: 'echo', model: 'echo', timestamp: 2 }, ...answered])
  t.equal(next.result.stopReason, 'stop')
  t.equal(next.heard.text(), `${echoPrefix}session_status answered: done session_status\nsessions_list answered: done sessions_list`)
})

t.test('a directive is understood behind the envelope of a channel', async t => {
  const { result } = await say('[Sat 12:00, Ann] /tool session_status {}')
  t.equal(result.stopReason, 'toolUse')
})

t.test('orders that make no sense are answered with what would', async t => {
  const { heard } = await say('/tool session_status not json\n/fail nonsense\n/slow soon')
  t.match(heard.text(), /\/tool takes a name and a JSON object/)
  t.match(heard.text(), /\/fail takes one of auth, billing/)
  t.match(heard.text(), /\/slow takes a number/)
})

t.test('tools stay uncalled when the request forbids them', async t => {
  const { result } = await say('/tool session_status {}', { toolChoice: 'none' })
  t.equal(result.stopReason, 'stop')
})

t.test('/words makes a reply of that many words, and a limit of output cuts it', async t => {
  const { heard } = await say('/words 500')
  t.match(heard.text(), / word500$/)
  const { result } = await say('/words 500', { maxOutputTokens: 20 })
  t.match(result, { stopReason: 'length', usage: { output: 20 } })
})

t.test('/think thinks first and speaks then', async t => {
  const { result, heard } = await say('/think let me see\nfine')
  t.same(heard.events[0], { type: 'thinking', delta: 'let me see' })
  t.same(result.content.map(part => part.type), ['thinking', 'text'])
})

t.test('/fail fails in the way that is named, at once or after words, and is not tried again', async t => {
  for (const kind of ['auth', 'rate_limit', 'server_error', 'context_overflow'] as const) {
    const { models, slept } = createScene()
    const heard = listener()
    const error = await failureOf(models.step(models.route('main'), request(`/fail ${kind}`), heard.tell))
    t.match(error, { kind, partial: false })
    t.same(heard.events, [])
    t.same(slept, [])
    t.same(models.status().find(({ provider }) => provider === 'echo'), { provider: 'echo', api: 'echo', baseUrl: '', credential: 'none' })
  }
  const { models } = createScene()
  const heard = listener()
  const error = await failureOf(models.step(models.route('main'), request('/fail network 3'), heard.tell))
  t.match(error, { kind: 'network', partial: true })
  t.equal(heard.events.length, 3)
})

t.test('an abort stops it between two words, also without a delay', async t => {
  for (const order of ['/slow 5\n/words 1000', '/words 100000']) {
    const { models } = createScene()
    const controller = new AbortController()
    const heard = listener()
    const stopAt = (event: Parameters<Heard['tell']>[0]): void => {
      heard.tell(event)
      if (heard.events.length === 3) setImmediate(() => controller.abort())
    }
    const error = await failureOf(models.step(models.route('main'), request(order, { signal: controller.signal }), stopAt))
    t.match(error, { kind: 'aborted', partial: true })
    t.ok(heard.events.length < 1000)
  }
})

t.test('a request for JSON gets JSON', async t => {
  const { heard } = await say('hi', { json: true })
  t.same(JSON.parse(heard.text()), { demonstration: true, echo: 'hi' })
})

t.test('a stop word ends the reply before it', async t => {
  const { heard } = await say('one two three', { stop: ['two'] })
  t.equal(heard.text(), `${echoPrefix}one`)
})

t.test('messages that came together are repeated together; orders are those of the last, and what failed is over', async t => {
  const said = (content: string, key?: string): Message => ({ role: 'user', content, timestamp: 1, ...(key ? { idempotencyKey: `${key}:user` } : {}) })
  const answer: Message = { ...(await say('x')).result, role: 'assistant', api: 'echo', provider: 'echo', model: 'echo', timestamp: 1 }
  const { heard, result } = await say([
    said('before', 'a'), answer, said('a summary'), said('/fail auth\nfailed', 'b'), said('/tool session_status {}\none', 'c'), said('two', 'd'), said('three')
  ])
  t.equal(heard.text(), `${echoPrefix}one\ntwo\nthree`)
  t.equal(result.stopReason, 'stop')
})

t.test('whoever asks for silence when there is nothing to do has it', async t => {
  t.equal((await say('this is your heartbeat. If nothing needs attention, reply HEARTBEAT_OK.')).heard.text(), 'HEARTBEAT_OK')
  t.match((await say('reply HEARTBEAT_OK.\nan event')).heard.text(), /an event/)
})
