import { existsSync, readFileSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseSize } from '../../src/sessions/disk-budget.ts'
import { parseDuration } from '../../src/lib/duration.ts'
import { assistantMessage, openRoom, userMessage, type TestRoom } from './open-room.ts'

const hour = 3_600_000
const day = 24 * hour

const begin = (room: TestRoom, key: string, more: object = {}) =>
  room.sessions.write(key, { create: more, lines: [userMessage('hello'), assistantMessage('hi')] })

const keep = ['agent:main:main', 'agent:main:telegram:group:1', 'agent:main:telegram:direct:42', 'agent:main:slack:channel:c:thread:1']

t.test('what rested long is put away or deleted by its kind, and what people come back to stays', async t => {
  const room = await openRoom(t)
  const { sessions, clock, reopen } = room
  const disposable = ['agent:main:cron:job', 'agent:main:subagent:1', 'agent:main:hook:1', 'agent:main:openai:1', 'agent:main:codex:acp:1']
  const ordinary = ['agent:main:exp-a', 'agent:main:openai-user:alice', 'agent:main:dashboard:1']
  for (const key of [...keep, ...disposable, ...ordinary]) await begin(room, key)
  await begin(room, 'agent:main:pinned', { pinned: true })
  await begin(room, 'agent:main:working', { status: 'running' })

  t.match(await sessions.maintenance.run(), { deleted: 0, archived: 0, applied: true }, 'nothing is old')
  clock.now += 25 * hour
  t.match(await sessions.maintenance.run(), { steps: [{ key: 'agent:main:cron:job', action: 'delete' }], deleted: 1 }, 'cron.sessionRetention')
  clock.now += 7 * day
  t.match(await sessions.maintenance.run(), { steps: [{ key: 'agent:main:dashboard:1', action: 'archive-dashboard' }], archived: 1 })
  clock.now += 23 * day
  const dry = await sessions.maintenance.run({ dryRun: true, activeKey: 'agent:main:exp-a' })
  t.same(dry.steps.map(({ key, action }) => `${action} ${key}`).sort(), [
    'archive-age agent:main:openai-user:alice', 'delete agent:main:codex:acp:1', 'delete agent:main:hook:1', 'delete agent:main:openai:1', 'delete agent:main:subagent:1'
  ])
  t.equal(dry.applied, false)
  t.ok(sessions.get('agent:main:hook:1'), 'a dry run changes nothing')
  t.match(await sessions.maintenance.run(), { deleted: 4, archived: 2 })
  for (const key of [...keep, 'agent:main:pinned', 'agent:main:working']) t.match(sessions.get(key), { key, archived: undefined }, key)
  t.match(sessions.get('agent:main:exp-a'), { archived: true, archivedReason: 'age-retention' })
  t.equal((await sessions.context('agent:main:exp-a')).length, 2, 'what is put away keeps its transcript')
  const other = reopen()
  await other.ready
  t.equal(other.count(), sessions.count())
  t.same(await other.lines.tail('agent:main:hook:1', { limit: 5 }), [])
})

t.test('sessions of the dashboard stay where the configuration says so', async t => {
  for (const archiveDashboardAfter of [false, '0']) {
    const { sessions, clock, ...room } = await openRoom(t, { config: { session: { maintenance: { archiveDashboardAfter } } } })
    await begin({ sessions, clock, ...room }, 'agent:main:dashboard:1')
    clock.now += 29 * day
    t.match(await sessions.maintenance.run(), { steps: [], archived: 0, applied: true })
  }
})

t.test('too many sessions make room, what nobody misses first', async t => {
  const room = await openRoom(t, { config: { session: { maintenance: { maxEntries: 10 } } } })
  const { sessions, clock } = room
  for (const key of keep) await begin(room, key)
  for (let index = 0; index < 6; index++) {
    clock.now += 1_000
    await begin(room, `agent:main:exp-${index}`)
    await begin(room, `agent:main:openai:${index}`)
  }
  t.match(await sessions.maintenance.run(), { beforeCount: 16, deleted: 6, archived: 0 })
  for (let index = 6; index < 9; index++) {
    clock.now += 1_000
    await begin(room, `agent:main:exp-${index}`)
  }
  t.match(await sessions.maintenance.run(), { deleted: 0, archived: 3, steps: [{ key: 'agent:main:exp-0', action: 'archive-cap' }, { key: 'agent:main:exp-1' }, { key: 'agent:main:exp-2' }] })
})

t.test('the number of stateless requests is bounded while they come in', async t => {
  const room = await openRoom(t, { config: { session: { maintenance: { maxEntries: 50 } } } })
  const { sessions } = room
  for (let index = 0; index < 1_200; index++) {
    await begin(room, `agent:main:openai:${index}`)
    if (index % 100 === 0) await sessions.maintenance.settled()
  }
  await sessions.maintenance.settled()
  t.ok(sessions.count() <= 50 + 2 * 256, `${sessions.count()} are left`)
  t.ok(sessions.get('agent:main:openai:1199'), 'the newest stays')
})

t.test('a configuration that only warns changes nothing unless it is told to', async t => {
  const room = await openRoom(t, { config: { session: { maintenance: { mode: 'warn' } } } })
  const { sessions, clock } = room
  await begin(room, 'agent:main:cron:job')
  clock.now += 2 * day
  t.match(await sessions.maintenance.run(), { applied: false, mode: 'warn', deleted: 1, afterCount: 0 })
  t.ok(sessions.get('agent:main:cron:job'))
  t.match(await sessions.maintenance.run({ enforce: true }), { applied: true, deleted: 1, afterCount: 0 })
  t.notOk(sessions.get('agent:main:cron:job'))
})

t.test('only the sessions of one agent are looked at when one is named', async t => {
  const room = await openRoom(t)
  await begin(room, 'agent:main:cron:a')
  await begin(room, 'agent:iris:cron:a')
  room.clock.now += 2 * day
  t.match(await room.sessions.maintenance.run({ agentId: 'iris' }), { steps: [{ key: 'agent:iris:cron:a' }], deleted: 1 })
})

t.test('whoever speaks while it is cleaned up keeps his session', async t => {
  const room = await openRoom(t)
  const { sessions, clock } = room
  await begin(room, 'agent:main:cron:job')
  clock.now += 2 * day
  const cleaning = sessions.maintenance.run()
  const speaking = sessions.write('agent:main:cron:job', { create: {}, lines: [userMessage('still here')] })
  await Promise.all([cleaning, speaking])
  t.ok((await sessions.context('agent:main:cron:job')).length > 0)
})

t.test('archives of deleted sessions go when they are old', async t => {
  const room = await openRoom(t, { config: { session: { maintenance: { resetArchiveRetention: '10d' } } } })
  const { sessions, archiveDir, clock } = room
  await begin(room, 'agent:main:exp')
  const { archived: [file] } = await sessions.lifecycle.remove('agent:main:exp', {})
  t.equal(readdirSync(archiveDir).length, 1)
  const at = new Date(clock.now)
  utimesSync(file!, at, at)
  t.match(await sessions.maintenance.run(), { archivesRemoved: 0 })
  clock.now += 11 * day
  t.match(await sessions.maintenance.run(), { archivesRemoved: 1 })
  t.notOk(existsSync(file!))
  t.same(readdirSync(join(archiveDir)), [])
})

t.test('archives go, the oldest first, when everything takes more than it may', async t => {
  const room = await openRoom(t, { config: { session: { maintenance: { maxDiskBytes: 2_000, highWaterBytes: '50%' } } } })
  const { sessions, archiveDir, clock } = room
  for (const name of ['a', 'b', 'c']) {
    await sessions.write(`agent:main:${name}`, { create: {}, lines: [userMessage(name.repeat(500))] })
    const { archived: [file] } = await sessions.lifecycle.remove(`agent:main:${name}`, {})
    const at = new Date(clock.now += 1_000)
    utimesSync(file!, at, at)
    t.match(await sessions.maintenance.run(), { archivesRemoved: name === 'c' ? 2 : 0 }, name)
  }
  const [left, ...more] = readdirSync(archiveDir)
  t.same(more, [])
  t.match(readFileSync(join(archiveDir, left!), 'utf8'), /ccc/)
})

t.test('sizes are read as the configuration writes them', async t => {
  t.same([500, '500', '2kb', '1.5 mib', '10gb', '80%'].map(size => parseSize(size, 1_000)), [500, 500, 2_000, 1_572_864, 1e10, 800])
  t.throws(() => parseSize('much', 1))
})

t.test('durations are read as the configuration writes them', async t => {
  t.same(['500', '500ms', '2s', '1.5m', '3h', '30d', '2w'].map(parseDuration), [500, 500, 2_000, 90_000, 3 * hour, 30 * day, 14 * day])
  t.throws(() => parseDuration('soon'))
})
