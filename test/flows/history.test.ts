import t from 'tap'
import { contractProblem } from '../contract.ts'
import type { Frame } from '../helper.ts'
import { key, open, reply, texts, type Row } from './history-scene.ts'

t.test('a conversation is shown with where every message stands, what waits, and what the session is', async t => {
  const { ask, say } = await open(t)
  const before = await ask('chat.history')
  t.match(before, { sessionKey: key, messages: [], hasMore: false, totalMessages: 0, pendingInputs: { items: [], total: 0 }, sessionInfo: { key, hasActiveRun: false } })
  t.notOk('deltaCursor' in before, 'there is nothing to go on from')
  await say('hello')
  const page = await ask('chat.history')
  t.match(page, {
    sessionKey: key,
    sessionId: String,
    deltaCursor: /^[\w-]+$/,
    hasMore: false,
    totalMessages: 2,
    thinkingLevel: 'off',
    defaults: { modelProvider: 'echo', model: 'echo', contextTokens: Number },
    sessionInfo: { key, status: 'done', hasActiveRun: false, activeRunIds: [], activeLeafEntryId: page.messages[1].__openclaw.id, snapshotAt: Number },
    messages: [
      { role: 'user', content: 'hello', __openclaw: { senderIsOwner: true, seq: 1, idempotencyKey: /:user$/ } },
      { role: 'assistant', stopReason: 'stop', __openclaw: { runId: String, id: String, seq: 2, recordTimestampMs: Number, transcriptPosition: { source: String, rawSeq: 2 } } }
    ]
  })
  t.notOk('nextOffset' in page)
})

t.test('pages go back from the end, each with where the next one begins', async t => {
  const { ask, notes } = await open(t)
  await notes(25)
  const seen: string[][] = []
  let offset = 0
  for (;;) {
    const page = await ask('chat.history', { limit: 10, offset })
    seen.unshift(texts(page.messages))
    t.equal(page.totalMessages, 25)
    t.equal('deltaCursor' in page, offset === 0, 'only the end can be followed')
    if (!page.hasMore) break
    offset = page.nextOffset
  }
  t.same(seen.map(({ length }) => length), [5, 10, 10])
  t.same(seen.flat(), Array.from({ length: 25 }, (_, index) => `note ${index + 1}`))
  t.match(await ask('chat.history', { offset: 1000 }), { messages: [], hasMore: false })
  t.equal((await ask('chat.history', { limit: 1000 })).messages.length, 25)
})

t.test('a page ends where its bytes end, but never before its first message', async t => {
  const { ask, notes } = await open(t)
  await notes(10, index => `${index} ${'x'.repeat(1000)}`)
  const page = await ask('chat.history', { maxBytes: 3_900 })
  t.equal(page.messages.length, 3)
  t.match(page, { hasMore: true, nextOffset: 3 })
  t.equal((await ask('chat.history', { maxBytes: 1 })).messages.length, 1)
})

t.test('limits are those of the contract', async t => {
  const { client } = await open(t)
  const refusals: Array<[params: object, message: RegExp]> = [
    [{ limit: 0 }, /invalid chat\.history params: at \/limit: must be >= 1/],
    [{ limit: 1001 }, /invalid chat\.history params: at \/limit: must be <= 1000/],
    [{ maxChars: 500_001 }, /at \/maxChars: must be <= 500000/],
    [{ offset: -1 }, /at \/offset: must be >= 0/],
    [{ inputRunIds: ['a', 'a'] }, /at \/inputRunIds: must NOT have duplicate items/]
  ]
  for (const [params, message] of refusals) t.match((await client.request('chat.history', { sessionKey: key, ...params })).error, { code: 'INVALID_REQUEST', message })
  t.match((await client.request('chat.history', {})).error, { message: /must have required property 'sessionKey'/ })
  t.match((await client.request('chat.history', { sessionKey: key, somethingNew: 1 })), { ok: true }, 'newer clients ask for more')
})

t.test('long texts are cut, heavy messages make way, and both can be had whole', async t => {
  const { ask, write, notes } = await open(t)
  await notes(1, () => 'y'.repeat(9_000))
  const image = 'A'.repeat(200_000)
  await write([
    { type: 'message', message: { role: 'user', content: [{ type: 'text', text: 'see' }, { type: 'image', data: image, mimeType: 'image/png' }], timestamp: 1 } },
    { type: 'message', message: { role: 'toolResult', toolCallId: 'c', toolName: 'read', content: [{ type: 'text', text: 'done' }], details: { raw: 'z'.repeat(200_000) }, isError: false, timestamp: 1 } },
    reply('w'.repeat(300_000)),
    { type: 'message', message: { role: 'user', content: '😀'.repeat(100), timestamp: 1 } }
  ])
  const { messages } = await ask('chat.history')
  t.equal(messages[0].content, `${'y'.repeat(8_000)}\n...(truncated)...`)
  t.match(messages[0].__openclaw, { truncated: true })
  t.same(messages[1].content[1], { type: 'image', mimeType: 'image/png', omitted: true, bytes: 150_000 })
  t.notOk('details' in messages[2])
  t.equal((await ask('chat.history', { limit: 1, maxChars: 5 })).messages[0].content, '😀😀\n...(truncated)...', 'never through a character')
  const whole = await ask('chat.history', { maxChars: 500_000 })
  t.match(whole.messages[3], { role: 'assistant', content: [{ text: '[chat.history omitted: message too large]' }], __openclaw: { truncated: true, reason: 'oversized' } })
  const get = async (row: Row, more = {}) => {
    const result = await ask('chat.message.get', { messageId: row.__openclaw.id, ...more })
    t.equal(contractProblem('ChatMessageGetResult', result), undefined)
    return result
  }
  t.equal((await get(messages[0])).message.content.length, 9_000)
  t.equal((await get(messages[1])).message.content[1].data, image)
  t.equal((await get(messages[3])).message.content[0].text.length, 300_000)
  t.same(await get(messages[3], { maxChars: 1000 }), { ok: false, unavailableReason: 'oversized' })
  t.same(await ask('chat.message.get', { messageId: 'nothing' }), { ok: false, unavailableReason: 'not_found' })
  t.same(await ask('chat.message.get', { sessionKey: 'agent:main:nowhere', messageId: 'x' }), { ok: false, unavailableReason: 'not_found' })
})

t.test('people see no silent words, marks or calls in angle brackets; resets and summaries are lines of their own', async t => {
  const { ask, write, client, rooms } = await open(t)
  await client.request('sessions.messages.subscribe', { key })
  await write([
    reply('NO_REPLY'),
    reply('heartbeat_ok'),
    reply('[[reply_to_current]] On it. <tool_call>{"name":"x"}</tool_call>'),
    reply('Use `<tool_call>` and [[1, 2]].<|im_end|>'),
    { type: 'reset', reason: 'new' },
    { type: 'compaction', summary: 'what was', firstKeptEntryId: null, tokensBefore: 90 },
    { type: 'custom', customType: 'mark', data: 1 },
    { type: 'custom_message', customType: 'hint', content: 'shown', display: true },
    { type: 'custom_message', customType: 'hint', content: 'not shown', display: false },
    { ...reply(''), message: { ...reply('').message, content: [{ type: 'text', text: 'NO_REPLY' }, { type: 'toolCall', id: 'c', name: 'read', arguments: {}, thoughtSignature: 's' }] } }
  ])
  const { messages, totalMessages } = await ask('chat.history')
  t.same(texts(messages), ['On it.', 'Use `<tool_call>` and [[1, 2]].', 'Reset', 'Compaction', 'shown', 'toolCall'])
  t.same(messages.map(({ __openclaw }: Row) => __openclaw.kind), [undefined, undefined, 'reset', 'compaction', 'custom', undefined])
  t.match(messages[3], { role: 'system', __openclaw: { tokensBefore: 90 } })
  t.notOk('thoughtSignature' in messages[5].content[0])
  t.equal(totalMessages, 10)
  const live = client.frames.filter(({ event }) => event === 'session.message').map(({ payload }) => payload.message)
  t.same(texts(live), ['On it.', 'Use `<tool_call>` and [[1, 2]].', 'toolCall'], 'live messages say the same')
  t.notMatch(JSON.stringify(rooms.sessions.get(key)!.preview ?? []), /NO_REPLY|heartbeat/i)
  const [silent] = await rooms.sessions.lines.tail(key, { limit: 10 })
  t.same(await ask('chat.message.get', { messageId: silent!.id }), { ok: false, unavailableReason: 'not_visible' })
})

t.test('rows that nobody sees do not make a page shorter', async t => {
  const { ask, write, notes } = await open(t)
  await notes(5)
  await write(Array.from({ length: 300 }, () => reply('NO_REPLY')))
  const page = await ask('chat.history', { limit: 5 })
  t.same(texts(page.messages), ['note 1', 'note 2', 'note 3', 'note 4', 'note 5'])
  t.equal(page.hasMore, false)
})

t.test('a cursor gives what came since, as the live events told it, until the conversation begins anew', async t => {
  const { ask, say, write, notes, client } = await open(t)
  await say('one')
  const { deltaCursor } = await ask('chat.history')
  const nothing = await ask('chat.history', { cursor: deltaCursor })
  t.match(nothing, { kind: 'delta', messages: [], sessionInfo: { key } })
  t.equal(nothing.deltaCursor, deltaCursor)
  await client.request('sessions.messages.subscribe', { key })
  await say('two')
  const delta = await ask('chat.history', { cursor: deltaCursor })
  t.equal(contractProblem('ChatHistoryCursorResult', delta), undefined)
  const live = client.frames.filter(({ event }) => event === 'session.message').map(({ payload }) => payload)
  t.same(delta.messages.map(({ messageId, messageSeq, message }: Frame) => ({ messageId, messageSeq, message })),
    live.map(({ messageId, messageSeq, message }) => ({ messageId, messageSeq, message })))
  t.match(await ask('chat.history', { cursor: delta.deltaCursor }), { kind: 'delta', messages: [] })
  for (const cursor of ['', 'x', Buffer.from('null').toString('base64url'), Buffer.from('[]').toString('base64url'), 'A'.repeat(5000)]) {
    t.same(await ask('chat.history', { cursor }), { kind: 'reset' })
  }
  t.same(await ask('chat.history', { cursor: deltaCursor, sessionKey: 'agent:main:other' }), { kind: 'reset' })
  await notes(201)
  t.same(await ask('chat.history', { cursor: delta.deltaCursor }), { kind: 'reset' }, 'too far behind')
  const late = (await ask('chat.history')).deltaCursor
  await write([reply('v'.repeat(400_000)), reply('v'.repeat(400_000))])
  t.match(await ask('chat.history', { cursor: late }), { kind: 'delta' })
  await write(Array.from({ length: 12 }, () => reply('v'.repeat(100_000))))
  t.same(await ask('chat.history', { cursor: late, maxChars: 500_000 }), { kind: 'reset' }, 'too much at once')
  const last = (await ask('chat.history')).deltaCursor
  await write([{ type: 'reset', reason: 'new' }])
  t.same(await ask('chat.history', { cursor: last }), { kind: 'reset' }, 'the conversation began anew')
})

t.test('a message is found again with what stands around it, also in an earlier generation', async t => {
  const { ask, notes, client, rooms } = await open(t)
  await notes(30)
  const first = await ask('chat.history', { limit: 30 })
  const anchor = first.messages[14].__openclaw.id
  const around = await ask('chat.history', { messageId: anchor, limit: 6 })
  t.same(texts(around.messages), ['note 13', 'note 14', 'note 15', 'note 16', 'note 17', 'note 18'])
  for (const field of ['hasMore', 'nextOffset', 'totalMessages', 'deltaCursor']) t.notOk(field in around, field)
  t.match((await client.request('chat.history', { sessionKey: key, messageId: 'nothing' })).error, { message: 'message not found: nothing', details: { code: 'NOT_FOUND' } })
  const { sessionId } = rooms.sessions.get(key)!
  await rooms.sessions.parts.writer.change(key, () => ({ newGeneration: true, reason: 'rollover' }))
  await notes(2, index => `later ${index}`)
  t.same(texts((await ask('chat.history')).messages), ['later 1', 'later 2'])
  const earlier = await ask('chat.history', { messageId: anchor, sessionId, limit: 2 })
  t.equal(earlier.sessionId, sessionId)
  t.same(texts(earlier.messages), ['note 15', 'note 16'])
  t.match(await ask('chat.history', { sessionId, limit: 2 }), { sessionId, messages: [{ content: 'note 29' }, { content: 'note 30' }], nextOffset: 2 })
  t.match(await ask('chat.message.get', { messageId: anchor }), { ok: true, message: { content: 'note 15' } })
  t.match((await client.request('chat.history', { sessionKey: key, sessionId: 'of-somebody-else' })).error, { details: { code: 'SESSION_UNKNOWN' } })
})

t.test('what runs and what waits is part of the picture', async t => {
  const { ask, client } = await open(t)
  const send = (idempotencyKey: string, message: string) =>
    client.request('chat.send', { sessionKey: key, message, idempotencyKey, queueMode: 'followup' })
  await send('running', `/slow 25\n${'word '.repeat(200)}`)
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  for (let index = 1; index <= 3; index++) await send(`waiting-${index}`, `later ${index}`)
  const page = await ask('chat.history', { inputRunIds: ['running', 'waiting-2', 'nobody'] })
  t.match(page, { inFlightRun: { runId: 'running', text: /^Echo/, startedAt: Number }, sessionInfo: { hasActiveRun: true, activeRunIds: ['running'] } })
  t.match(page.pendingInputs, { total: 3, items: [{ id: 'waiting-1', runId: 'waiting-1', state: 'queued', message: { role: 'user', content: 'later 1' }, acceptedAt: Number }, {}, {}] })
  t.same(page.inputReceipts, [
    { runId: 'running', state: 'consumed', consumedByEventId: page.messages[0].__openclaw.id }, { runId: 'waiting-2', state: 'pending' }
  ])
  t.same((await ask('chat.history', { pendingBefore: 2 })).pendingInputs.items.map(({ id }: Frame) => id), ['waiting-1'])
  const delta = await ask('chat.history', { cursor: page.deltaCursor, inputRunIds: ['waiting-1'] })
  t.equal(contractProblem('ChatHistoryCursorResult', delta), undefined)
  t.match(delta, { kind: 'delta', inFlightRun: { runId: 'running' }, pendingInputs: { total: 3 }, inputReceipts: [{ runId: 'waiting-1', state: 'pending' }] })
  await client.request('chat.abort', { sessionKey: key })
})
