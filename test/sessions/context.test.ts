import t from 'tap'
import { maxContextLines } from '../../src/sessions/contexts.ts'
import type { SummaryRequest } from '../../src/sessions/compaction.ts'
import { assistantMessage, openRoom, startOfTest, textsOf, toolResult, userMessage } from './open-room.ts'

const key = 'agent:main:main'
const minute = 60_000

t.test('a model sees what was said since the last reset, from memory and from the store alike', async t => {
  const { sessions, reopen } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('old'), assistantMessage('older')] })
  const before = sessions.get(key)!
  const record = await sessions.lifecycle.reset(key, { reason: 'new' })
  t.equal(record.sessionId, before.sessionId, 'the transcript goes on')
  t.ok(record.lifecycleRevision > before.lifecycleRevision)
  t.match(record, { messageCount: 0, totalTokens: 0, inputTokens: 0, abortedLastRun: false, compactionCount: 0 })
  t.equal(record.preview, undefined)
  t.same(textsOf(await sessions.context(key)), [])
  await sessions.write(key, { lines: [userMessage('new')] })
  t.same(textsOf(await sessions.context(key)), ['new'])
  t.same(textsOf(await reopen().context(key)), ['new'])
  t.same(textsOf(await sessions.lines.tail(key, { limit: 10 })), ['old', 'older', 'reset', 'new'], 'nothing is lost')
})

t.test('a context belongs to who asked for it', async t => {
  const { sessions } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('one')] })
  const first = await sessions.context(key) as unknown[]
  first.length = 0
  t.same(textsOf(await sessions.context(key)), ['one'])
})

t.test('a context has a bound, whatever the transcript has', async t => {
  const { sessions, reopen } = await openRoom(t)
  const lines = Array.from({ length: maxContextLines + 500 }, (_, index) => userMessage(`m${index}`))
  await sessions.write(key, { create: {}, lines })
  await sessions.write(key, { lines: [userMessage('last')] })
  for (const room of [sessions, reopen()]) {
    const context = await room.context(key)
    t.equal(context.length, maxContextLines)
    t.same(textsOf(context.slice(-2)), [`m${maxContextLines + 499}`, 'last'])
  }
})

t.test('cutting to some lines keeps the last of them and the whole transcript', async t => {
  const { sessions, reopen } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: ['a', 'b', 'c', 'd'].map(text => userMessage(text)) })
  t.same(await sessions.compaction.compact(key, { maxLines: 2 }), { compacted: true, kept: 2 })
  await sessions.write(key, { lines: [userMessage('e')] })
  for (const room of [sessions, reopen()]) t.same(textsOf(await room.context(key)), ['c', 'd', 'e'])
  t.same(textsOf(await sessions.lines.tail(key, { limit: 10 })), ['a', 'b', 'c', 'd', 'summary: ', 'e'])
  t.match(sessions.get(key), { contextMessages: 3, messageCount: 5, compactionCount: 1 })
  t.same(await sessions.compaction.compact(key, { maxLines: 10 }), { compacted: false, kept: 3, reason: 'nothing to compact' })
})

t.test('a summary stands for what it replaced, and is replaced by the next one', async t => {
  const asked: SummaryRequest[] = []
  const { sessions, reopen, emitted } = await openRoom(t, {
    config: { agents: { defaults: { compaction: { keepLastN: 2 } } } },
    async summarise (request) { asked.push(request); return `about ${request.lines.length}` }
  })
  sessions.subscribers.followChanges('c1')
  await sessions.write(key, { create: {}, lines: ['a', 'b', 'c', 'd'].map(text => userMessage(text)), patch: { totalTokens: 900 } })
  const outcome = await sessions.compaction.compact(key, { instructions: 'short' })
  t.match(outcome, { compacted: true, kept: 2, result: { summary: 'about 2', tokensBefore: 900, firstKeptEntryId: /./ } })
  t.same(textsOf(asked[0]!.lines), ['a', 'b'])
  t.equal(asked[0]!.instructions, 'short')
  t.equal(sessions.get(key)!.totalTokens, undefined)
  for (const room of [sessions, reopen()]) t.same(textsOf(await room.context(key)), ['summary: about 2', 'c', 'd'])
  await sessions.write(key, { lines: ['e', 'f'].map(text => userMessage(text)) })
  await sessions.compaction.compact(key, {})
  t.same(textsOf(asked[1]!.lines), ['summary: about 2', 'c', 'd'])
  for (const room of [sessions, reopen()]) t.same(textsOf(await room.context(key)), ['summary: about 3', 'e', 'f'])
  t.same(await sessions.compaction.compact(key, {}), { compacted: false, kept: 3, reason: 'nothing to compact' }, 'a summary of a summary alone says nothing new')

  const operations = emitted.filter(({ event }) => event === 'session.operation').map(({ payload }) => payload)
  t.match(operations.slice(0, 2), [{ operation: 'compact', phase: 'start', sessionKey: key }, { phase: 'end', completed: true, operationId: operations[0].operationId }])
})

t.test('a result is never kept without the call it answers', async t => {
  const { sessions } = await openRoom(t, { summarise: async () => 'before' })
  const call = assistantMessage('', { content: [{ type: 'toolCall', id: 'c1', name: 'probe', arguments: {} }], stopReason: 'toolUse' })
  await sessions.write(key, { create: {}, lines: [userMessage('do'), call, toolResult('c1', 'done'), toolResult('c2', 'also'), assistantMessage('did')] })
  t.match(await sessions.compaction.compact(key, { keepLast: 3 }), { compacted: true, kept: 1 })
  t.same(textsOf(await sessions.context(key)), ['summary: before', 'did'])
})

t.test('a model that cannot summarise changes nothing and is no error', async t => {
  const { sessions, emitted } = await openRoom(t, { async summarise () { throw new Error('the model is away') } })
  sessions.subscribers.followMessages('c1', key)
  await sessions.write(key, { create: {}, lines: Array.from({ length: 30 }, (_, index) => userMessage(`m${index}`)) })
  t.match(await sessions.compaction.compact(key, {}), { compacted: false, reason: 'the model is away' })
  t.equal((await sessions.context(key)).length, 30)
  t.match(emitted.at(-1), { event: 'session.operation', payload: { phase: 'end', completed: false, reason: 'the model is away' } })
  const { sessions: without } = await openRoom(t)
  await without.write(key, { create: {}, lines: Array.from({ length: 30 }, (_, index) => userMessage(`m${index}`)) })
  t.match(await without.compaction.compact(key, {}), { compacted: false, reason: /no model/ })
  await t.rejects(without.compaction.compact('agent:main:nowhere', {}), { code: 'SESSION_UNKNOWN' })
})

t.test('what is said while a summary is written is kept', async t => {
  const { sessions } = await openRoom(t, {
    async summarise ({ record }) {
      await sessions.write(record.key, { lines: [userMessage('meanwhile')] })
      return 'before'
    }
  })
  await sessions.write(key, { create: {}, lines: ['a', 'b', 'c'].map(text => userMessage(text)) })
  await sessions.compaction.compact(key, { keepLast: 1 })
  t.same(textsOf(await sessions.context(key)), ['summary: before', 'c', 'meanwhile'])
  t.equal(sessions.get(key)!.contextMessages, 2)
})

t.test('a reset while a summary is written wins', async t => {
  const { sessions } = await openRoom(t, {
    async summarise ({ record }) {
      await sessions.lifecycle.reset(record.key, {})
      return 'before'
    }
  })
  await sessions.write(key, { create: {}, lines: ['a', 'b', 'c'].map(text => userMessage(text)) })
  await t.rejects(sessions.compaction.compact(key, { keepLast: 1 }), { code: 'SESSION_CHANGED' })
  t.same(textsOf(await sessions.context(key)), [])
})

t.test('compaction is due by tokens or by messages, unless it is switched off', async t => {
  const session = { maxTokens: 1_000, compaction: { strategy: 'auto', triggerAtPercent: 80 } }
  const { sessions } = await openRoom(t, { config: { session, agents: { defaults: { compaction: { maxMessages: 4, keepLastN: 2 } } } } })
  const { record } = await sessions.write(key, { create: {} })
  const due = (more: object, contextTokens?: number) => sessions.compaction.due({ ...record, ...more }, contextTokens)
  t.equal(due({ totalTokens: 700 }), undefined)
  t.equal(due({ totalTokens: 800 }), 'tokens')
  t.equal(due({ totalTokens: 700, outputTokens: 100 }), 'tokens', 'the reply is part of the next prompt')
  t.equal(due({ totalTokens: 400 }, 500), 'tokens', 'a smaller model decides')
  t.equal(due({ contextMessages: 4 }), undefined)
  t.equal(due({ contextMessages: 5 }), 'messages')
  for (const strategy of ['off', 'manual']) {
    const { sessions: other } = await openRoom(t, { config: { session: { ...session, compaction: { strategy } } } })
    t.equal(other.compaction.due({ ...record, totalTokens: 5_000 }), undefined, strategy)
  }
})

t.test('a day or a quiet time ends a conversation, by the rules for its kind', async t => {
  const session = {
    reset: { mode: 'daily', atHour: 4 }, resetByType: { group: { mode: 'idle', idleMinutes: 30 } }, resetByChannel: { slack: { mode: 'none' } }
  }
  const { sessions, clock, emitted } = await openRoom(t, { config: { session } })
  const group = 'agent:main:telegram:group:1'
  const slack = 'agent:main:slack:group:1'
  for (const each of [key, group, slack]) await sessions.write(each, { create: {}, lines: [userMessage('one')] })
  const ids = () => [key, group, slack].map(each => sessions.get(each)!.sessionId)
  const roll = async () => { for (const each of [key, group, slack]) await sessions.rollOver(each) }
  const [main, inGroup, inSlack] = ids()

  clock.now = startOfTest + 29 * minute
  await roll()
  t.same(ids(), [main, inGroup, inSlack], 'not yet')
  clock.now = startOfTest + 30 * minute
  sessions.subscribers.followChanges('c1')
  await roll()
  t.equal(ids()[0], main)
  t.not(ids()[1], inGroup, 'the group was quiet for too long')
  t.match(emitted.at(-1), { event: 'sessions.changed', payload: { sessionKey: group, reason: 'rollover' } })

  const nextFour = new Date(startOfTest)
  nextFour.setHours(4, 0, 0, 0)
  if (nextFour.getTime() <= startOfTest) nextFour.setDate(nextFour.getDate() + 1)
  clock.now = nextFour.getTime() - 1
  await sessions.rollOver(key)
  t.equal(ids()[0], main)
  clock.now = nextFour.getTime()
  await sessions.rollOver(key)
  t.not(ids()[0], main, 'the hour struck')
  t.equal(ids()[2], inSlack, 'and the channel has its own rule')
  const record = sessions.get(key)!
  t.same(record.generations, [main])
  t.same(textsOf(await sessions.context(key)), [])
  t.equal((await sessions.write(key, { lines: [userMessage('two')] })).lines[0]!.seq, 1)
  t.match((await sessions.search({ query: 'one', sessionKeys: [key] })).results, [{ sessionId: main, role: 'user' }], 'what was said before is still found')
})

t.test('without a rule a conversation goes on for ever', async t => {
  const { sessions, clock } = await openRoom(t)
  const { record } = await sessions.write(key, { create: {}, lines: [userMessage('one')] })
  clock.now += 400 * 24 * 60 * minute
  await sessions.rollOver(key)
  t.equal(sessions.get(key)!.sessionId, record.sessionId)
  await sessions.rollOver('agent:main:nowhere')
})
