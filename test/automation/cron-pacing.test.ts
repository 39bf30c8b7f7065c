/** Jobs that say themselves when they want to look again, and models of a single job. */
import t from 'tap'
import type { RunRequest } from '../../src/agent/room.ts'
import { createScene, hourMs, owner, slotsOf, turnJob, type Scene } from './scene.ts'

const minuteMs = 60_000
const startAt = '2027-01-01T00:00:00Z'
const paced = { pacing: { min: '10m', max: '4h' } }

/** Each run asks for the next of these. */
async function asking (spans: Array<string | undefined>, outcome: 'ok' | 'error' = 'ok'): Promise<Scene> {
  const scene: Scene = await createScene({
    startAt,
    async reply ({ sessionKey }: RunRequest) {
      const span = spans.shift()
      if (span !== undefined) await scene.cron.nextCheck(sessionKey!, span)
      return { outcome }
    }
  })
  await scene.cron.begin()
  return scene
}

t.test('a run says when it wants to look again, within its bounds, and the schedule goes on after that', async t => {
  const scene = await asking(['20m', '1s', '9h', undefined])
  await scene.cron.add(turnJob({ kind: 'every', everyMs: hourMs }, paced), owner)
  await scene.clock.pass(7 * hourMs - 1)
  t.same(slotsOf(scene), ['2027-01-01T01:00:00', '2027-01-01T01:20:00', '2027-01-01T01:30:00', '2027-01-01T05:30:00', '2027-01-01T06:00:00'])
})

t.test('what a run asked for that failed, or that somebody began by hand, moves nothing', async t => {
  const failed = await asking(['20m'], 'error')
  await failed.cron.add(turnJob({ kind: 'every', everyMs: hourMs }, paced), owner)
  await failed.clock.pass(2 * hourMs)
  t.same(slotsOf(failed), ['2027-01-01T01:00:00', '2027-01-01T02:00:00'])

  const forced = await asking(['3h', '20m'])
  const { id } = await forced.cron.add(turnJob({ kind: 'every', everyMs: hourMs }, paced), owner) as { id: string }
  await forced.clock.pass(hourMs + minuteMs)
  await forced.cron.run(id, 'force')
  await forced.clock.pass(minuteMs)
  t.match(await forced.cron.get(id), { nextRunAtMs: Date.parse('2027-01-01T04:00:00Z') }, 'the moment asked for before stands')
})

t.test('the moment that was asked for outlives the gateway, and not a change of the schedule', async t => {
  const first = await asking(['30m'])
  const { id } = await first.cron.add(turnJob({ kind: 'every', everyMs: hourMs }, paced), owner) as { id: string }
  await first.clock.pass(hourMs + minuteMs)
  await first.cron.close()
  const { clock, store } = first
  const second = await createScene({ clock, store })
  await second.cron.begin()
  t.match(await second.cron.get(id), { nextRunAtMs: Date.parse('2027-01-01T01:30:00Z'), pacing: { min: '10m', max: '4h' } })
  await second.cron.update(id, { patch: { pacing: null } }, owner)
  t.match(await second.cron.get(id), { nextRunAtMs: Date.parse('2027-01-01T02:00:00Z'), pacing: undefined })
  await second.cron.update(id, { patch: { pacing: { max: '2h' } } }, owner)
  t.match(await second.cron.update(id, { patch: { schedule: { kind: 'at', at: '20m' } } }, owner), { pacing: undefined }, 'once has no next time')
})

t.test('bounds that make no sense are refused, and so is whoever has none to keep to', async t => {
  const { cron } = await asking([])
  const every = { kind: 'every', everyMs: hourMs }
  for (const [more, message] of [
    [{ pacing: {} }, /min, max or both/],
    [{ pacing: { min: 'soon' } }, /pacing\.min: "soon" is no duration/],
    [{ pacing: { min: '2h', max: '1h' } }, /more than pacing\.max/],
    [{ pacing: { min: '1h' }, schedule: { kind: 'at', at: '20m' } }, /runs once/],
    [{ pacing: { min: '1h' }, payload: { kind: 'systemEvent', text: 'x' }, sessionTarget: 'main' }, /agentTurn/]
  ] as const) await t.rejects(cron.add(turnJob(every, more), owner), { code: 'INVALID_PARAMS', message })
  await t.rejects(cron.nextCheck('agent:main:main', '20m'), { message: /run of a job/ })
  const refusals: string[] = []
  const scene: Scene = await createScene({
    startAt,
    async reply ({ sessionKey }) {
      await scene.cron.nextCheck(sessionKey!, '20m').catch(({ message }) => refusals.push(message))
      return {}
    }
  })
  await scene.cron.begin()
  await scene.cron.add(turnJob(every), owner)
  await scene.clock.pass(hourMs)
  t.match(refusals, [/keeps to its schedule/])
})

t.test('the models of a job go before those of its agent, also none', async t => {
  const { cron, clock, requests } = await createScene({ startAt })
  await cron.begin()
  const { id } = await cron.add(turnJob({ kind: 'every', everyMs: hourMs }, {
    payload: { kind: 'agentTurn', message: 'work', model: 'one/a', fallbacks: ['two/b'] }
  }), owner) as { id: string }
  await clock.pass(hourMs)
  await cron.update(id, { patch: { payload: { kind: 'agentTurn', fallbacks: [] } } }, owner)
  await clock.pass(hourMs)
  await cron.update(id, { patch: { payload: { kind: 'agentTurn', fallbacks: null } } }, owner)
  await clock.pass(hourMs)
  t.same(requests.map(({ model, fallbacks }) => [model, fallbacks]), [['one/a', ['two/b']], ['one/a', []], ['one/a', undefined]])
})

t.test('a conversation is told something by a job every ten seconds at most', async t => {
  const { cron, clock, requests } = await createScene({ startAt })
  await cron.begin()
  const job = { sessionTarget: 'main', payload: { kind: 'systemEvent', text: 'tick' } }
  await cron.add(turnJob({ kind: 'every', everyMs: 1000 }, job), owner)
  await clock.pass(minuteMs)
  t.equal(requests.length, 6)
})
