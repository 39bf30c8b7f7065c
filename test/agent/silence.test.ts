import { createHash } from 'node:crypto'
import t from 'tap'
import type { Frame, TestClient } from '../helper.ts'
import { visibleReply } from '../../src/agent/replies.ts'
import { createTalk } from './prompt/scene.ts'

const key = 'agent:main:main'

/** Everything that was told of replies. */
const told = (client: TestClient): Frame[] => client.frames.filter(({ type, event, payload }) => type === 'event' &&
  (event === 'chat' || event === 'session.message' || (event === 'agent' && payload.stream !== 'run_status')))
const deltas = (client: TestClient): string => client.frames
  .filter(({ event, payload }) => event === 'chat' && payload.state === 'delta').map(({ payload }) => payload.deltaText).join('')

t.test('a reply that says nothing ends the run without a message, and nothing of it is told', async t => {
  for (const pieces of [['NO_REPLY'], ['NO', '_RE', 'PLY'], ['\n', 'HEARTBEAT', '_OK', '\n'], ['no_reply'], ['**NO_REPLY**']]) {
    const { client, server, say } = await createTalk(t)
    await client.request('sessions.messages.subscribe', { key })
    server.script = { text: pieces, delayMs: 5 }
    const { payload } = await say('anything?')
    t.match(payload, { state: 'final', stopReason: 'stop' })
    t.notOk('message' in payload, pieces.join(''))
    t.equal(deltas(client), '')
    const end = client.frames.find(({ event, payload }) => event === 'agent' && payload.data.phase === 'end')
    t.same(end!.payload.data.terminalReply, { disposition: 'silent' })
    t.notMatch(JSON.stringify(told(client)), /NO_|HEARTBEAT|no_reply/)
    const { payload: history } = await client.request('chat.history', { sessionKey: key })
    t.same(history.messages.map(({ role }: Frame) => role), ['user'])
  }
})

t.test('a silent word or a mark beside other words is taken away, also when it comes in pieces', async t => {
  const replies: Array<[pieces: string[], shown: string]> = [
    [['All is well. ', 'HEART', 'BEAT', '_OK'], 'All is well.'],
    [['HEARTBEAT_OK', '\n\nThe door', ' is open.'], 'The door is open.'],
    [['Done.\n', 'NO_', 'REPLY'], 'Done.'],
    [['[[reply', '_to', '_current]]', ' Hello', ' you'], 'Hello you'],
    [['Look: ', '<tool', '_call>{"name":', '"x"}</tool', '_call>', ' there'], 'Look:  there'],
    [['Cut off <function_calls>', '<function_call>{'], 'Cut off'],
    [['One<|im', '_end|>two'], 'One two']
  ]
  for (const [pieces, shown] of replies) {
    const { client, server, say } = await createTalk(t)
    server.script = { text: pieces, delayMs: 5 }
    const { payload } = await say('well?')
    t.equal(payload.message.content[0].text, shown)
    t.notMatch(JSON.stringify(told(client)), /HEARTBEAT|NO_|\[\[|<tool|<func|im_end/, pieces.join(''))
    t.equal(deltas(client), shown)
    const { payload: history } = await client.request('chat.history', { sessionKey: key })
    t.equal(history.messages.at(-1).content[0].text, shown, 'the transcript is shown in the same words')
  }
})

t.test('who calls an agent gets no payload for a silent reply', async t => {
  const { client, server } = await createTalk(t)
  server.script = { text: ['NO_REPLY'] }
  client.send({ type: 'req', id: 'quiet', method: 'agent', params: { message: 'x', sessionKey: key, idempotencyKey: 'quiet' } })
  const { payload } = await client.frame(frame => frame.id === 'quiet' && frame.payload?.status === 'ok', 10_000)
  t.same(payload.result.payloads, [])
})

t.test('whoever speaks about the words may say them', async t => {
  const kept = ['I answer NO_REPLY then', 'NO_REPLY is a word', 'Say NO_REPLY', 'Nobody', 'No', 'x = [[1, 2], [3]]', 'see [a](b)', '`<tool_call>`', '```\n[[reply_to_current]]\n```', 'a < b']
  for (const text of kept) t.equal(visibleReply(text, true), text)
})

t.test('what is told while a reply goes on only ever grows, however it is cut into pieces', async t => {
  const replies = ['HEARTBEAT_OK\nAll good. No news. NO_REPLY', 'Hi [[reply_to: abc]] there <b> and <tool_call>{}</tool_call> on. N', '  NO_REPLY is [a] word. ', 'a<|x|>b `[[audio_as_voice]]` [[audio_as_voice]] c']
  for (const reply of replies) {
    let last = ''
    for (let end = 1; end <= reply.length; end++) {
      const shown = visibleReply(reply.slice(0, end), false)
      t.ok(shown.startsWith(last), `${JSON.stringify(last)} -> ${JSON.stringify(shown)}`)
      last = shown
    }
    t.ok(visibleReply(reply, true).startsWith(last), 'and so does the whole of it')
  }
})

t.test('texts made to be slow are looked through in less time than it takes to hash them often', async t => {
  const length = 100_000
  const timeOf = (work: () => unknown, rounds: number): number => {
    const before = process.cpuUsage()
    for (let round = 0; round < rounds; round++) work()
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  const measure = timeOf(() => createHash('sha256').update('x'.repeat(length)).digest(), 2_000)
  for (const piece of ['<tool_call>', '`', '```', '[[', '[[reply_to:', '<|', ' \n', '\n', 'NO_REPLY ', '.']) {
    const text = piece.repeat(Math.ceil(length / piece.length))
    const spent = timeOf(() => { visibleReply(text, true); visibleReply(text, false) }, 2)
    t.ok(spent < measure, `${JSON.stringify(piece)} ${spent} < ${measure}`)
  }
})
