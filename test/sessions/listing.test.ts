import t from 'tap'
import { assistantMessage, openRoom, startOfTest, userMessage, type TestRoom } from './open-room.ts'

const minute = 60_000
const keysOf = (text: string): string[] => JSON.parse(text).sessions.map(({ key }: { key: string }) => key.slice('agent:main:'.length))

async function fill (room: TestRoom, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => room.sessions.write(`agent:main:dashboard:${index}`, {
    create: { label: `Label ${index}` }, patch: { updatedAt: startOfTest + index }, lines: [userMessage(`What about ${index}?`), assistantMessage('Nothing.')]
  })))
}

t.test('rows stand in their order whatever happens to them', async t => {
  const { sessions, clock, reopen } = await openRoom(t)
  for (const name of ['a', 'b', 'c', 'd']) {
    clock.now += minute
    await sessions.write(`agent:main:${name}`, { create: {} })
  }
  const order = (query = {}) => keysOf(sessions.list(query))
  t.same(order(), ['d', 'c', 'b', 'a'])
  clock.now += minute
  await sessions.write('agent:main:b', { lines: [userMessage('x')] })
  t.same(order(), ['b', 'd', 'c', 'a'], 'what changed goes to the front')
  await sessions.lifecycle.patch('agent:main:a', { pinned: true })
  t.same(order(), ['a', 'b', 'd', 'c'], 'what is pinned stays there')
  await sessions.lifecycle.patch('agent:main:c', { unread: false })
  t.same(order(), ['a', 'b', 'd', 'c'], 'reading moves nothing')
  await sessions.lifecycle.patch('agent:main:b', { archived: true, expectedSessionId: sessions.get('agent:main:b')!.sessionId })
  t.same(order(), ['a', 'd', 'c'])
  t.same(order({ archived: true }), ['b'])
  t.same(order({ archived: 'all' }), ['a', 'b', 'd', 'c'])
  t.same(order({ sortBy: 'lastInteractionAt', archived: 'all' }).slice(0, 2), ['a', 'b'])
  await sessions.lifecycle.patch('agent:main:a', { pinned: false })
  await sessions.lifecycle.remove('agent:main:d', {})
  t.same(order({ archived: 'all' }).sort(), ['a', 'b', 'c'])
  clock.now -= 10 * minute
  await sessions.write('agent:main:late', { create: {} })
  t.equal(order().at(-1), 'late', 'also when the clock was put back')
  const other = reopen()
  await other.ready
  t.same(keysOf(other.list({ archived: 'all' })), order({ archived: 'all' }))
})

t.test('every page of a list has its own rows, and together they are all of them', async t => {
  const room = await openRoom(t)
  await fill(room, 250)
  const seen: string[] = []
  let offset: number | null = 0
  while (offset !== null) {
    const page = JSON.parse(room.sessions.list({ limit: 60, offset }))
    t.equal(page.totalCount, 250)
    t.equal(page.count, page.sessions.length)
    seen.push(...page.sessions.map(({ key }: { key: string }) => key))
    offset = page.nextOffset
  }
  t.equal(new Set(seen).size, 250)
  t.same(JSON.parse(room.sessions.list({ offset: 1_000 })), { ...JSON.parse(room.sessions.list({ offset: 1_000 })), count: 0, hasMore: false, nextOffset: null })
})

t.test('filters count what they leave, and search looks at names', async t => {
  const room = await openRoom(t)
  const { sessions, clock } = room
  await fill(room, 30)
  await sessions.write('agent:iris:main', { create: { subject: 'Quarterly REPORT' } })
  await sessions.write('agent:main:cron:nightly', { create: {} })
  const counted = (query: object) => JSON.parse(sessions.list(query)).totalCount
  t.equal(counted({ search: 'label 7' }), 1)
  t.equal(counted({ search: 'report' }), 1)
  t.equal(counted({ search: 'about 1' }), 11, 'the beginning of a conversation is its title')
  t.equal(counted({ search: '   ' }), 32)
  t.equal(counted({ label: 'Label 3' }), 1)
  t.equal(counted({ agentId: 'IRIS' }), 1)
  t.equal(counted({ kinds: ['cron', 'main'] }), 2)
  t.equal(counted({ kinds: ['other'] }), 30)
  t.equal(counted({ requireLastInteraction: true }), 30)
  await sessions.write('agent:iris:main', { patch: { status: 'running' } })
  t.equal(counted({ activeOnly: true }), 1)
  clock.now += 10 * minute
  await sessions.write('agent:iris:main', { patch: { status: 'done' } })
  t.equal(counted({ activeMinutes: 5 }), 1)
  t.equal(counted({ activeMinutes: 15 }), 32)
})

t.test('a row is small whoever wrote into it, and says what it cut', async t => {
  const { sessions } = await openRoom(t)
  const long = 'x'.repeat(500)
  const key = `agent:main:${'k'.repeat(480)}`
  await sessions.write(key, {
    create: {
      label: long, displayName: long, subject: long, category: long, icon: long, color: long, lastTo: long, lastThreadId: long, lastAccountId: long, lastRunId: long,
      extra: { blob: long }, overrides: { toolOverrides: { skills: { [long]: true } } }, archivedReason: long
    },
    lines: [userMessage(long), assistantMessage(long)]
  })
  const plain = JSON.parse(sessions.list({})).sessions[0]
  t.ok(JSON.stringify(plain).length <= 3_000, 'with a key of 500 characters')
  await sessions.write('agent:main:telegram:group:-1001234567890', {
    create: {
      label: 'A usual label', subject: 'A usual subject', origin: { provider: 'telegram', from: long }, deliveryContext: { to: long }, extra: { blob: long }
    }, lines: [userMessage(long), assistantMessage(long)], patch: { status: 'done', totalTokens: 12, model: 'gpt', modelProvider: 'openai' }
  })
  const usual = JSON.parse(sessions.list({ includeDerivedTitles: true, includeLastMessage: true })).sessions[0]
  t.ok(JSON.stringify(usual).length <= 2_048, `${JSON.stringify(usual).length}`)
  t.match(usual, { lastMessagePreview: /…$/, derivedTitle: 'A usual label', kind: 'group', chatType: 'group', channel: 'telegram' })
  t.notHas(usual, { origin: {} })
})

t.test('a list is not written again until something changes', async t => {
  const room = await openRoom(t)
  const { sessions, clock } = room
  await fill(room, 5)
  const first = sessions.list({})
  clock.now += 1
  const second = sessions.list({})
  t.equal(second.replace(/^\{"ts":\d+/, ''), first.replace(/^\{"ts":\d+/, ''))
  t.equal(JSON.parse(second).ts, clock.now)
  await sessions.lifecycle.patch('agent:main:dashboard:3', { label: 'New' })
  t.match(sessions.list({}), /"label":"New"/)
})

t.test('what a hundred rows cost does not grow with the number of sessions', async t => {
  const few = await openRoom(t)
  const many = await openRoom(t, { config: { session: { maintenance: { maxEntries: 100_000 } } } })
  await fill(few, 100)
  await fill(many, 10_000)
  // One row changes before each list, so that none is a repetition.
  const cost = ({ sessions }: TestRoom): number => {
    const runs = Array.from({ length: 60 }, (_, index) => {
      sessions.parts.rows.set({ ...sessions.get(`agent:main:dashboard:${index}`)!, updatedAt: startOfTest + 1_000_000 + index })
      const begun = performance.now()
      sessions.list({ limit: 100 })
      return performance.now() - begun
    })
    // Whatever else the machine does makes some of them longer, and none of them shorter.
    return Math.min(...runs)
  }
  cost(few)
  cost(many)
  const [small, large] = [cost(few), cost(many)]
  t.ok(large < small * 5 + 0.2, `${large.toFixed(3)} ms against ${small.toFixed(3)} ms`)
  t.equal(JSON.parse(many.sessions.list({})).totalCount, 10_000)
})
