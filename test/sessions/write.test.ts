import t from 'tap'
import { openStore } from '../../src/store/open.ts'
import { wrapUntrusted } from '../../src/tools/guards/untrusted.ts'
import { assistantMessage, openRoom, startOfTest, textsOf, userMessage } from './open-room.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const key = 'agent:main:main'

t.test('a session begins with its first write, and keeps its places in order', async t => {
  const { sessions, reopen } = await openRoom(t)
  const { record, lines, created } = await sessions.write(key, { create: { createdVia: 'channel' }, lines: [userMessage('one'), assistantMessage('two')] })
  t.ok(created)
  t.match(record, { key, agentId: 'main', createdVia: 'channel', createdAt: startOfTest, messageCount: 2, lastSeq: 2, lifecycleRevision: Number })
  t.same(lines.map(({ seq }) => seq), [1, 2])
  t.equal(lines[0]!.value.parentId, null)
  t.equal(lines[1]!.value.parentId, lines[0]!.id)
  t.equal(sessions.byId(record.sessionId), record)

  const other = reopen()
  t.equal(other.get(key), undefined, 'nothing is read before somebody asks')
  await other.ready
  t.same(other.get(key), record, 'another process finds the same row')
  t.same(textsOf(await other.lines.tail(key, { limit: 10 })), ['one', 'two'])
  t.same(await other.lines.extent(key), await sessions.lines.extent(key))
})

t.test('writing to a session that nobody began is refused with the way to list them', async t => {
  const { sessions } = await openRoom(t)
  await t.rejects(sessions.write(key, { lines: [userMessage('x')] }), { code: 'SESSION_UNKNOWN', details: { key, nextStep: /sessions list/ } })
  t.equal(sessions.count(), 0)
})

t.test('two hundred writers at once leave one unbroken line of messages', async t => {
  const { sessions, reopen } = await openRoom(t)
  await Promise.all(Array.from({ length: 200 }, (_, index) => sessions.write(key, { create: {}, lines: [userMessage(`m${index}`), assistantMessage(`r${index}`)] })))
  const lines = await sessions.lines.tail(key, { limit: 1000 })
  t.same(textsOf(lines), Array.from({ length: 200 }, (_, index) => [`m${index}`, `r${index}`]).flat(), 'in the order of the calls')
  t.same(lines.map(({ seq }) => seq), Array.from({ length: 400 }, (_, index) => index + 1))
  let parent: string | null = null
  for (const line of lines) {
    if (line.value.parentId !== parent) t.fail(`line ${line.seq} hangs in the air`)
    parent = line.id
  }
  const other = reopen()
  await other.ready
  t.match(other.get(key), { messageCount: 400, lastSeq: 400, leafId: parent })
})

t.test('what cannot be stored as a whole changes nothing, and the next write goes on from there', async t => {
  const { sessions, emitted, reopen } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('kept')] })
  const before = sessions.get(key)
  sessions.subscribers.followMessages('c1', key)
  const unstorable = { op: 'put', collection: 'gateway', key: 'x', value: 1n } as const
  const failing = sessions.write(key, { lines: [userMessage('lost')], patch: { label: 'lost' }, reason: 'patch', ops: [unstorable] })
  const following = sessions.write(key, { lines: [userMessage('after')] })
  await t.rejects(failing)
  const { record, lines } = await following
  t.equal(before?.lastSeq, 1)
  t.same([lines[0]!.seq, lines[0]!.value.parentId], [2, before?.leafId])
  t.notHas(record, { label: 'lost' })
  t.same(textsOf(await sessions.context(key)), ['kept', 'after'])
  t.same(emitted.map(({ payload }) => payload.message.content), ['after'], 'nobody heard of what was not stored')
  const other = reopen()
  t.same(textsOf(await other.context(key)), ['kept', 'after'])
})

t.test('what belongs to a write is committed with it or not at all', async t => {
  const { sessions, store } = await openRoom(t)
  const run = (runId: string) => ({ op: 'run', run: { runId, sessionKey: key, claim: 'same', open: true, atMs: 1, value: {} } } as const)
  await sessions.write(key, { create: {}, lines: [userMessage('first')], ops: [run('r1')] })
  await t.rejects(sessions.write(key, { lines: [userMessage('twice')], ops: [run('r2')] }), { code: 'CLAIM_TAKEN' })
  t.same(textsOf(await sessions.context(key)), ['first'])
  t.equal((await store.runs.open()).length, 1)
})

t.test('a field that is taken away is gone, also from the store', async t => {
  const { sessions, reopen } = await openRoom(t)
  await sessions.write(key, { create: { label: 'a' }, patch: { status: 'running' } })
  await sessions.write(key, { patch: { label: undefined, status: undefined } })
  t.notOk('label' in sessions.get(key)!)
  const other = reopen()
  await other.ready
  t.notOk('label' in other.get(key)!)
})

t.test('rows that cannot be read yet are waited for', async t => {
  const { sessions, reopen } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('one')] })
  const other = reopen()
  const { created, lines } = await other.write(key, { create: {}, lines: [userMessage('two')] })
  t.notOk(created)
  t.equal(lines[0]!.seq, 2)
})

t.test('messages are counted, shown and dated in the row', async t => {
  const { sessions, clock } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('  What is\nthe  weather? '), assistantMessage('Rain.')] })
  t.match(sessions.get(key), {
    messageCount: 2, derivedTitle: 'What is the weather?', unread: true, lastInteractionAt: startOfTest, lastActivityAt: startOfTest,
    preview: [{ role: 'user' }, { role: 'assistant', text: 'Rain.' }]
  })
  clock.now += 60_000
  await sessions.write(key, { lines: [userMessage('ping', { __openclaw: { background: true } }), assistantMessage('x'.repeat(5_000))] })
  const record = sessions.get(key)!
  t.equal(record.lastInteractionAt, startOfTest, 'what nobody said keeps nothing fresh')
  t.equal(record.lastActivityAt, clock.now)
  t.ok(record.preview!.at(-1)!.text.length <= 200)
  await sessions.write(key, { lines: Array.from({ length: 20 }, (_, index) => userMessage(`m${index}`)) })
  t.same(sessions.get(key)!.preview!.map(({ text }) => text), ['m16', 'm17', 'm18', 'm19'])
})

t.test('a conversation is called after what was said in it, not after what was overheard before', async t => {
  const { sessions } = await openRoom(t)
  const heard = wrapUntrusted('bob: just talk', { source: 'earlier messages of this chat', withNotice: false })
  await sessions.write(key, { create: {}, lines: [userMessage(`${heard}\n\nbob: are you there?`)] })
  t.match(sessions.get(key), { derivedTitle: 'bob: are you there?', preview: [{ role: 'user', text: 'bob: are you there?' }] })
  await sessions.write(key, { lines: [userMessage(heard)] })
  t.match(sessions.get(key)!.preview!.at(-1)!.text, /just talk/, 'unless nothing else was said')
})

t.test('work behind conversations keeps nothing fresh', async t => {
  const { sessions } = await openRoom(t)
  await sessions.write('agent:main:cron:job', { create: {}, lines: [userMessage('tick')] })
  t.equal(sessions.get('agent:main:cron:job')!.lastInteractionAt, undefined)
})

t.test('a conversation that leaves no trace leaves none', async t => {
  const { sessions, reopen, store } = await openRoom(t)
  const secret = sessions.lifecycle.newKey('main', true)
  await sessions.write(secret, { create: {}, lines: [userMessage('psst'), assistantMessage('hm')] })
  t.equal(sessions.get(secret)?.incognito, true)
  t.same(textsOf(await sessions.context(secret)), ['psst', 'hm'])
  t.same(textsOf(await sessions.lines.after(secret, { seq: 1, limit: 5 })), ['hm'])
  t.same(await store.collection('sessions').all(), [])
  t.same(await store.lines.extent(sessions.get(secret)!.sessionId), { lines: 0, lastSeq: 0, bytes: 0 })
  const other = reopen()
  await other.ready
  t.equal(other.count(), 0)
})

t.test('two rooms in one process know nothing of each other', async t => {
  const a = await openRoom(t)
  const b = await openRoom(t)
  await a.sessions.write(key, { create: { label: 'a' } })
  await b.sessions.ready
  t.equal(b.sessions.count(), 0)
  a.sessions.subscribers.followChanges('c1')
  t.same(b.sessions.subscribers.ofChanges(), [])
})

t.test('on a disk everything is there again after the store was closed', async t => {
  const stateDir = ownDirectory(t)
  const kept = 'agent:main:kept'
  const first = await openRoom(t, { stateDir, store: await openStore({ stateDir }) })
  await Promise.all(Array.from({ length: 20 }, (_, index) => first.sessions.write(kept, { create: {}, lines: [userMessage(`m${index}`), assistantMessage(`r${index}`)] })))
  await first.sessions.lifecycle.patch(kept, { label: 'kept', pinned: true })
  await first.sessions.lifecycle.reset(kept, {})
  await first.sessions.write(kept, { lines: [userMessage('after the reset')] })
  const record = first.sessions.get(kept)
  await first.sessions.close()
  await first.store.close()

  const second = await openRoom(t, { stateDir, store: await openStore({ stateDir }) })
  await second.sessions.ready
  t.same(second.sessions.get(kept), record)
  t.same(textsOf(await second.sessions.context(kept)), ['after the reset'])
  t.same(textsOf(await second.sessions.lines.tail(kept, { limit: 4 })), ['m19', 'r19', 'reset', 'after the reset'])
  t.equal((await second.sessions.lines.extent(kept)).lines, 42)
  const { archived } = await second.sessions.lifecycle.remove(kept, {})
  t.equal(archived.length, 1)
  t.same(await second.store.lines.extent(record!.sessionId), { lines: 0, lastSeq: 0, bytes: 0 })
})

t.test('what is stored is stored, also when nobody can be told', async t => {
  const { sessions, reopen } = await openRoom(t, { emit () { throw new Error('the bus is broken') } })
  sessions.subscribers.followChanges('c1')
  await sessions.write(key, { create: {}, lines: [userMessage('one')], reason: 'create' })
  t.same(textsOf(await reopen().context(key)), ['one'])
})
