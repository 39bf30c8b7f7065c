import t from 'tap'
import type { Job } from '../../src/automation/cron/job.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'
import { dueSlots, nextSlot, staggerOf } from '../../src/automation/cron/schedule.ts'
import { createScene, hourMs, mortal, owner, slotsOf, turnJob, type Accepted, type Reply } from './scene.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'

const cronJob = (expr: string, tz: string, staggerMs = 0): Pick<Job, 'id' | 'schedule' | 'createdAtMs'> =>
  ({ id: 'x', createdAtMs: 0, schedule: { kind: 'cron', expr, tz, staggerMs } })

function following (expr: string, tz: string, from: string, count: number): string[] {
  const times: string[] = []
  for (let at = Date.parse(from); times.length < count;) {
    at = nextSlot(cronJob(expr, tz), at)!
    times.push(new Date(at).toISOString().slice(0, 16))
  }
  return times
}

t.test('a time of day that a clock change leaves out is taken at the end of the gap, once', async t => {
  t.same(following('30 2 * * *', 'Europe/Berlin', '2027-03-26T12:00Z', 3), ['2027-03-27T01:30', '2027-03-28T01:00', '2027-03-29T00:30'])
})

t.test('a time of day that comes twice is taken the first time only', async t => {
  t.same(following('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00Z', 2), ['2027-10-31T00:30', '2027-11-01T01:30'])
  t.same(following('45 1 * * *', 'Australia/Lord_Howe', '2027-04-02T16:00Z', 2), ['2027-04-03T14:45', '2027-04-04T15:15'])
})

t.test('what is meant every hour or quarter comes at each real one, whatever the clocks do', async t => {
  const quarters = following('*/15 * * * *', 'Europe/Berlin', '2027-10-30T23:00Z', 12)
  t.same(quarters, Array.from({ length: 12 }, (_, index) => new Date(Date.parse('2027-10-30T23:15Z') + index * 900_000).toISOString().slice(0, 16)))
  const hours = following('5 * * * *', 'America/New_York', '2027-03-14T05:30Z', 4)
  t.same(hours, ['2027-03-14T06:05', '2027-03-14T07:05', '2027-03-14T08:05', '2027-03-14T09:05'])
})

t.test('looking back finds the same slots as looking ahead, through both clock changes', async t => {
  for (const [from, expr] of [['2027-03-27T00:00Z', '*/30 1-4 * * *'], ['2027-10-30T00:00Z', '*/30 1-4 * * *'], ['2027-10-29T00:00Z', '30 2 * * *']] as const) {
    const ahead = following(expr, 'Europe/Berlin', from, 8)
    const job = { ...cronJob(expr, 'Europe/Berlin'), cursorMs: Date.parse(from) }
    const back = dueSlots(job, Date.parse(`${ahead.at(-1)!}Z`), { runs: 8, graceMs: 0 })
    t.same(back.map(at => new Date(at).toISOString().slice(0, 16)), ahead, `${expr} from ${from}`)
  }
})

t.test('jobs at the full hour are spread over five minutes, each always at its own moment, unless they say no', async t => {
  const offsets = Array.from({ length: 40 }, (_, index) => staggerOf({ id: `job ${index}`, schedule: { kind: 'cron', expr: '0 * * * *' } }))
  t.ok(offsets.every(offset => offset >= 0 && offset < 300_000) && new Set(offsets).size > 30)
  t.equal(staggerOf({ id: 'a', schedule: { kind: 'cron', expr: '0 * * * *' } }), staggerOf({ id: 'a', schedule: { kind: 'cron', expr: '0 * * * *' } }))
  t.equal(staggerOf({ id: 'a', schedule: { kind: 'cron', expr: '0 * * * *', staggerMs: 0 } }), 0)
  t.equal(staggerOf({ id: 'a', schedule: { kind: 'cron', expr: '0 9 * * *' } }), 0, 'a time of day is meant')
})

t.test('a job at intervals runs once for each slot, on time', async t => {
  const { cron, clock, requests } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: hourMs }), owner)
  await clock.pass(24 * hourMs)
  t.equal(requests.length, 24)
  t.equal(new Set(requests.map(({ idempotencyKey }) => idempotencyKey)).size, 24)
  t.ok(requests.every(({ atMs }) => atMs % hourMs === 0))
})

t.test('six fields have seconds, five have none, and seven are refused', async t => {
  const scene = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  await scene.cron.begin()
  await scene.cron.add(turnJob({ kind: 'cron', expr: '*/20 * * * * *', tz: 'UTC' }), owner)
  await scene.clock.pass(61_000)
  t.same(slotsOf(scene), ['2027-01-01T00:00:20', '2027-01-01T00:00:40', '2027-01-01T00:01:00'])
  await t.rejects(scene.cron.add(turnJob({ kind: 'cron', expr: '0 0 0 1 1 * 2030' }), owner), { code: 'INVALID_PARAMS' })
})

t.test('schedules that make no sense are refused with what would', async t => {
  const { cron } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  const wrong: ReadonlyArray<readonly [object, RegExp]> = [
    [{ kind: 'cron', expr: '61 * * * *' }, /Invalid value for minute/],
    [{ kind: 'cron', expr: '* * * * *', tz: 'Mars/Base' }, /Europe\/Berlin/],
    [{ kind: 'cron', expr: '0 9 30 2 *' }, /never comes|no time that ever/],
    [{ kind: 'every', everyMs: 5 }, /1000 ms/],
    [{ kind: 'every', everyMs: 0 }, /^invalid cron job: schedule\.everyMs must be >= 1$/],
    [{ kind: 'sometimes' }, /^invalid cron job: schedule\.kind is none of "at", "every", "cron"$/],
    [{ everyMs: 5000 }, /^invalid cron job: schedule must have required property 'kind'$/],
    [{ kind: 'at', at: 'tomorrow' }, /2027-02-01T16:00:00Z/],
    [{ kind: 'at', at: '2026-12-31T23:00:00Z' }, /60 minutes in the past/],
    [{ kind: 'stream', command: ['x'] }, /does not offer/]
  ]
  for (const [schedule, message] of wrong) await t.rejects(cron.add(turnJob(schedule), owner), { message }, JSON.stringify(schedule))
  await t.rejects(cron.add({ ...turnJob({ kind: 'every', everyMs: 5000 }), sessionTarget: 'main' }, owner), { message: /systemEvent/ })
  await t.rejects(cron.add({ ...turnJob({ kind: 'every', everyMs: 5000 }), colour: 'red' }, owner), { message: /no field "colour"/ })
})

t.test('a one-shot may be so long from now, and is kept as the moment that this is', async t => {
  const scene = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  await scene.cron.begin()
  const { id, schedule } = await scene.cron.add(turnJob({ kind: 'at', at: 'in 20m' }), owner) as { id: string, schedule: object }
  t.same(schedule, { kind: 'at', at: '2027-01-01T00:20:00.000Z' })
  t.match(await scene.cron.update(id, { patch: { schedule: { kind: 'at', at: '+1.5H' } } }, owner), { schedule: { at: '2027-01-01T01:30:00.000Z' } })
  await scene.clock.pass(2 * hourMs)
  t.same(slotsOf(scene), ['2027-01-01T01:30:00'])
  for (const at of ['20', '20 minutes', '-5m', '999999999999w']) {
    await t.rejects(scene.cron.add(turnJob({ kind: 'at', at }), owner), { message: /is no time; write it as .* or 20m/ }, at)
  }
})

const down = async (config: object, hours: number): Promise<string[]> => {
  const clock = createSimulatedClock(Date.parse('2027-01-01T00:00:00Z'))
  const store = createMemoryStore()
  const before = await createScene({ clock, store, config })
  await before.cron.begin()
  await before.cron.add(turnJob({ kind: 'every', everyMs: hourMs }), owner)
  await clock.pass(2.5 * hourMs)
  await before.cron.close()
  clock.sleep(hours * hourMs)
  const after = await createScene({ clock, store, config, accepted: before.accepted })
  await after.cron.begin()
  await clock.pass(hourMs)
  return slotsOf(after)
}

t.test('slots that were missed while the gateway was down are made up for as the configuration says', async t => {
  t.same(await down({}, 10), ['2027-01-01T12:00:00', '2027-01-01T13:00:00'], 'the newest one, then the next on time')
  t.same(await down({ cron: { skipMissedJobs: true } }, 10), ['2027-01-01T13:00:00'])
  t.same(await down({ cron: { catchUpRuns: 3 } }, 10), [
    '2027-01-01T10:00:00', '2027-01-01T11:00:00', '2027-01-01T12:00:00', '2027-01-01T13:00:00'
  ])
  t.same(await down({}, 24 * 365), ['2028-01-01T02:00:00', '2028-01-01T03:00:00'], 'a year later it is one, too')
})

t.test('a one-shot that was due while the gateway was down runs however late, and then is gone', async t => {
  const clock = createSimulatedClock(Date.parse('2027-01-01T00:00:00Z'))
  const store = createMemoryStore()
  const config = { cron: { skipMissedJobs: true } }
  const before = await createScene({ clock, store, config })
  await before.cron.add(turnJob({ kind: 'at', at: '2027-01-01T01:00' }), owner)
  await before.cron.close()
  clock.sleep(300 * hourMs)
  const after = await createScene({ clock, store, config })
  await after.cron.begin()
  await clock.pass(hourMs)
  t.same(slotsOf(after), ['2027-01-01T01:00:00'])
  t.match(await after.cron.list({ includeDisabled: true }), { total: 0 })
  t.match(await after.cron.runs({}), { entries: [{ status: 'ok', jobName: 'job' }] })
})

t.test('a machine that slept, or whose clock was set, brings no storm', async t => {
  const scene = await createScene({ startAt: '2027-01-01T00:00:00Z', config: { cron: { maxConcurrentRuns: 3 } } })
  const { cron, clock, requests } = scene
  await cron.begin()
  for (let index = 0; index < 10; index++) await cron.add(turnJob({ kind: 'every', everyMs: 60_000 }, { name: `job ${index}` }), owner)
  await clock.pass(60_000)
  t.equal(requests.length, 10)
  clock.sleep(48 * hourMs)
  await clock.pass(30_000)
  t.equal(requests.length, 20, 'one for each job')
  clock.sleep(-2 * hourMs)
  // Timers do not go by the clock on the wall, so the next one comes as if nothing had happened.
  cron.wakeUp()
  await clock.pass(hourMs)
  t.equal(requests.length, 20, 'what was done is not done again')
  clock.sleep(-30 * 24 * hourMs)
  cron.wakeUp()
  await clock.pass(180_000)
  t.ok(requests.length >= 40, 'a clock that was a month ahead silences nobody for a month')
})

t.test('a slot that comes while the job is at work is left out, and no more jobs run at a time than are allowed', async t => {
  const waiting: Array<(reply: Reply) => void> = []
  const scene = await createScene({
    startAt: '2027-01-01T00:00:00Z',
    config: { cron: { maxConcurrentRuns: 2 } },
    reply: async () => await new Promise<Reply>(resolve => { waiting.push(resolve) })
  })
  const { cron, clock, requests } = scene
  await cron.begin()
  for (const name of ['a', 'b', 'c']) await cron.add(turnJob({ kind: 'every', everyMs: 60_000 }, { name }), owner)
  await clock.pass(200_000)
  t.equal(requests.length, 2)
  t.match(await cron.run((await cron.list({}) as { jobs: Array<{ id: string }> }).jobs.find(({ id }) => requests[0]!.idempotencyKey.includes(id))!.id, 'force'),
    { ok: true, ran: false, reason: 'already-running' })
  for (const done of waiting.splice(0)) done({})
  await clock.pass(10_000)
  t.equal(requests.length, 3, 'the third job has waited for its turn; the others wait for their next slot')
  await clock.pass(40_000)
  t.equal(new Set(requests.map(({ idempotencyKey }) => idempotencyKey)).size, requests.length)
})

t.test('whatever moment a gateway ends in, each slot is carried out and told once', async t => {
  for (const moment of ['before it begins', 'while it runs', 'before it is written down', 'while it is delivered'] as const) {
    const clock = createSimulatedClock(Date.parse('2027-01-01T00:00:00Z'))
    const { store, kill, kept } = mortal()
    const accepted: Accepted = new Map()
    const reply = Promise.withResolvers<Reply>()
    const delivered = Promise.withResolvers<void>()
    const before = await createScene({ clock, store, accepted, reply: () => reply.promise, arrives: () => delivered.promise })
    await before.cron.begin()
    await before.cron.add(turnJob({ kind: 'every', everyMs: hourMs }, { delivery: { mode: 'announce' } }), owner)
    await clock.pass(hourMs)
    if (moment === 'while it is delivered') reply.resolve({ text: 'late' })
    await clock.pass(1000)
    kill()
    if (moment === 'before it begins') accepted.clear()
    if (moment === 'before it is written down') reply.resolve({ text: 'late' })
    const after = await createScene({ clock, store: kept, accepted, reply: () => ({ text: 'late' }) })
    await after.cron.begin()
    reply.resolve({ text: 'late' })
    await clock.pass(60_000)
    const begun = moment === 'before it begins' ? slotsOf(after) : [...slotsOf(before), ...slotsOf(after)]
    t.same(begun, ['2027-01-01T01:00:00'], moment)
    t.same([...before.sent, ...after.sent].map(({ text, chatId }) => [chatId, text]), [['42', 'late']], `${moment}: told once`)
    t.match(await after.cron.runs({}), { total: 1, entries: [{ status: 'ok', deliveryStatus: 'delivered' }] }, moment)
    t.match(await after.cron.list({}), { jobs: [{ state: { lastRunStatus: 'ok', nextRunAtMs: Date.parse('2027-01-01T02:00:00Z') } }] }, moment)
  }
})
