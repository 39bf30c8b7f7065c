import t from 'tap'
import type { AccountContext } from '../../src/channels/define-channel.ts'
import { createScene, heartbeat, hour, minute, type Scene } from './scene.ts'

const never = new Promise<never>(() => {})

t.test('a day in which nobody writes restarts nothing', async t => {
  const scene: Scene = createScene(t, {
    behaviours: {
      socket: async context => heartbeat(scene.clock, context),
      webhook: async () => {},
      rare: async context => heartbeat(scene.clock, context, 25 * minute)
    }
  })
  await scene.clock.pass(24 * hour)
  t.same(scene.starts, { socket: [0], webhook: [0], rare: [0] })
  t.same(scene.accounts.map(({ facts }) => facts.restartsAt), [[], [], []])
})

t.test('a socket that went silent is begun anew at the first look after the threshold, and its neighbour is left alone', async t => {
  const scene: Scene = createScene(t, {
    behaviours: {
      silent: async context => context.connected(),
      neighbour: async context => heartbeat(scene.clock, context)
    }
  })
  await scene.clock.pass(30 * minute)
  t.same(scene.starts, { silent: [0], neighbour: [0] })
  await scene.clock.pass(2 * minute)
  // Looks at 1, 6, … 31 minutes.
  t.same(scene.starts, { silent: [0, 31 * 60], neighbour: [0] })
  t.same(scene.accounts[0]!.facts.restartsByReason, { 'stale-socket': 1 })
  t.same(scene.accounts[1]!.facts.restartsByReason, {})
})

t.test('an account may be looked at more often, sooner or never, whatever holds for the others', async t => {
  const silent = async (context: AccountContext): Promise<void> => context.connected()
  const { clock, starts, monitor, accounts } = createScene(t, {
    behaviours: { usual: silent, often: silent, never: silent },
    own: { often: { intervalMs: minute, startupGraceMs: 10_000 }, never: { intervalMs: 0 } }
  })
  await clock.pass(9_000)
  t.equal(monitor.opinionOf(accounts[1]!), undefined, 'not before its time')
  await clock.pass(1_000)
  t.match(monitor.opinionOf(accounts[1]!), { verdict: { healthy: true } })
  t.equal(monitor.opinionOf(accounts[0]!), undefined)
  await clock.pass(50_000)
  t.match(monitor.opinionOf(accounts[0]!), { verdict: { healthy: true } })
  await clock.pass(34 * minute)
  // Stale after 30 minutes: seen by the looks at 30 minutes and 10 seconds, and at 31 minutes.
  t.same(starts, { usual: [0, 31 * 60], often: [0, 30 * 60 + 10], never: [0] })
  t.equal(monitor.opinionOf(accounts[2]!), undefined)
})

t.test('an account that lost its connection gets two minutes before it is begun anew', async t => {
  const scene: Scene = createScene(t, {
    behaviours: {
      lost: async (context, at) => {
        heartbeat(scene.clock, context)
        if (at === 0) scene.clock.after(5 * minute, () => context.disconnected({ reason: 'connection reset' }))
      },
      back: async context => {
        heartbeat(scene.clock, context)
        scene.clock.after(5 * minute, () => context.disconnected({ reason: 'connection reset' }))
        scene.clock.after(5.5 * minute, () => context.connected())
      }
    }
  })
  await scene.clock.pass(6.5 * minute)
  t.same(scene.monitor.opinionOf(scene.accounts[0]!)?.verdict, { healthy: true, reason: 'reconnect-grace' }, 'look at 6 minutes')
  await scene.clock.pass(30 * minute)
  t.same(scene.starts, { lost: [0, 11 * 60], back: [0] })
  t.same(scene.accounts[0]!.facts.restartsByReason, { disconnected: 1 })
  t.match(scene.accounts[1]!.facts, { connected: true, lastError: undefined }, 'what is over is not told any more')
})

t.test('what fails to start is tried again after 5, 10, 20 … seconds, at most five minutes apart', async t => {
  const scene = createScene(t, { behaviours: { broken: async () => { throw new Error('no route to host') } }, settings: { maxPerHour: 100 } })
  await scene.clock.pass(20 * minute)
  t.same(scene.starts.broken, [0, 5, 15, 35, 75, 155, 315, 615, 915])
  t.match(scene.accounts[0]!.facts, { lifecycle: 'recovering', running: false, restartPending: true, lastError: 'no route to host' })
  t.same(scene.accounts[0]!.facts.restartsByReason, { 'start-failed': 8 })
})

t.test('the limit per hour is reached under the default settings; then it is failed with the reason, and tried slowly for ever', async t => {
  const scene = createScene(t, { behaviours: { broken: async () => { throw new Error('no route to host') } } })
  await scene.clock.pass(26 * minute)
  const { facts } = scene.accounts[0]!
  t.equal(facts.restartsAt.length, 10)
  t.equal(facts.lifecycle, 'failed')
  t.match(facts.lastError, /^restarted 10 times within an hour, next try in 3\d min: no route to host$/)
  t.ok(scene.logged.some(line => line.includes('10 restarts/hour limit')))
  await scene.clock.pass(24 * hour)
  const gaps = scene.starts.broken!.map((at, index, all) => at - (all[index - 1] ?? 0))
  t.ok(scene.starts.broken!.length > 90, 'it never gives up')
  t.ok(gaps.every(gap => gap < 3600), `never longer than an hour apart: ${Math.max(...gaps)}`)
  t.ok(gaps.slice(12).every(gap => gap >= 900 && gap <= 960), 'a quarter of an hour in the long run')
  for (const at of scene.starts.broken!) {
    const within = scene.starts.broken!.filter(other => other > at - 3600 && other <= at).length
    t.ok(within <= 11, `${within} starts in the hour before ${at} s: the first and ten more`)
  }
})

t.test('the limit is reached by the monitor alone, too, and seen', async t => {
  const scene: Scene = createScene(t, {
    behaviours: { flapping: async context => { context.connected(); context.disconnected({ reason: 'closed by peer' }) } }
  })
  await scene.clock.pass(hour)
  t.ok(scene.accounts[0]!.facts.restartsAt.length === 10, `${scene.accounts[0]!.facts.restartsAt.length} restarts`)
  t.equal(scene.monitor.opinionOf(scene.accounts[0]!)?.skipped, 'hourly-limit')
  t.ok(scene.logged.includes('hit 10 restarts/hour limit, skipping'))
})

t.test('a start that never settles is given up after a minute and counted', async t => {
  const scene = createScene(t, { behaviours: { hangs: async () => await never } })
  await scene.clock.pass(5 * minute)
  t.same(scene.starts.hangs, [0, 65, 135, 215])
  t.same(scene.accounts[0]!.facts.restartsByReason, { 'start-timeout': 3 })
  t.match(scene.accounts[0]!.facts.lastError, /^start took longer than 60 s/)
})

t.test('a start that settles too late is stopped', async t => {
  let stopped = 0
  const late = Promise.withResolvers<void>()
  const scene: Scene = createScene(t, {
    behaviours: { late: async (_context, at) => { if (at === 0) await late.promise; return { stop: async () => { stopped++ } } } }
  })
  await scene.clock.pass(2 * minute)
  t.equal(scene.accounts[0]!.facts.running, true)
  late.resolve()
  await scene.clock.pass(1)
  t.equal(stopped, 1, 'the first one')
  t.equal(scene.accounts[0]!.facts.running, true, 'the second goes on')
})

t.test('a stop that hangs holds nobody longer than five seconds', async t => {
  const scene: Scene = createScene(t, { behaviours: { stubborn: async context => { context.connected(); return { stop: async () => await never } } } })
  await scene.clock.pass(1)
  const stopping = scene.accounts[0]!.stop('hand')
  await scene.clock.pass(5_000)
  await stopping
  t.match(scene.accounts[0]!.facts, { lifecycle: 'stopped', running: false, manuallyStopped: true })
})

t.test('what was stopped by hand stays stopped, also for the next gateway, until it is started by hand', async t => {
  const scene: Scene = createScene(t, { behaviours: { a: async context => heartbeat(scene.clock, context) } })
  await scene.clock.pass(minute)
  await scene.accounts[0]!.stop('hand')
  await scene.clock.pass(3 * hour)
  t.same(scene.starts.a, [0])
  const next: Scene = createScene(t, { behaviours: { a: async context => heartbeat(next.clock, context) }, saved: scene.saved })
  await next.clock.pass(hour)
  t.same(next.starts.a, [])
  t.equal(await next.accounts[0]!.start('hand'), 'started')
  t.equal(next.saved.a!.manuallyStopped, false)
})

t.test('restarts of the last hour are remembered across a restart of the gateway', async t => {
  const scene = createScene(t, { behaviours: { broken: async () => { throw new Error('down') } } })
  await scene.clock.pass(26 * minute)
  const next = createScene(t, { behaviours: { broken: async () => { throw new Error('down') } }, saved: scene.saved, startsAt: scene.clock.now() })
  await next.clock.pass(minute)
  t.equal(next.accounts[0]!.facts.lifecycle, 'failed')
})

t.test('an account that was logged out elsewhere waits for a person', async t => {
  const scene: Scene = createScene(t, {
    behaviours: { out: async context => { context.connected(); scene.clock.after(minute, () => context.disconnected({ reason: 'logged out', terminal: 'logged-out' })) } }
  })
  await scene.clock.pass(3 * hour)
  t.same(scene.starts.out, [0])
  t.match(scene.accounts[0]!.facts, { lifecycle: 'stopped', terminal: 'logged-out', lastError: 'logged out' })
  t.equal(scene.monitor.opinionOf(scene.accounts[0]!)?.skipped, 'terminal-disconnect')
})

t.test('an account without its token waits, says what is missing, and is no fault', async t => {
  const scene = createScene(t, { behaviours: { bare: async () => {} }, missing: { bare: 'set channels.scene.token' } })
  await scene.clock.pass(hour)
  t.same(scene.starts.bare, [])
  t.match(scene.accounts[0]!.facts, { lifecycle: 'blocked', configured: false, lastError: 'set channels.scene.token' })
  t.match(scene.monitor.opinionOf(scene.accounts[0]!)?.verdict, { healthy: true, reason: 'unmanaged' })
})

t.test('an account that works is stuck only when it gave no sign of life for 25 minutes', async t => {
  const scene: Scene = createScene(t, { behaviours: { works: async context => heartbeat(scene.clock, context) } })
  const { facts } = scene.accounts[0]!
  await scene.clock.pass(minute)
  Object.assign(facts, { activeRuns: 1, activeSinceAt: scene.clock.now(), lastRunActivityAt: scene.clock.now() })
  await scene.clock.pass(24 * minute)
  t.same(scene.starts.works, [0])
  await scene.clock.pass(6 * minute)
  t.same(scene.starts.works, [0, 26 * 60])
  t.same(facts.restartsByReason, { stuck: 1 })
  t.equal(facts.activeRuns, 0, 'the mark of the old life is gone')
})

t.test('whoever switched the monitor off for an account is not helped', async t => {
  const scene: Scene = createScene(t, { behaviours: { alone: async context => context.connected() } })
  scene.unwatch('alone')
  await scene.clock.pass(5 * hour)
  t.same(scene.starts.alone, [0])
})

t.test('a machine that slept does not restart everything: channels get time to come back', async t => {
  const scene: Scene = createScene(t, {
    behaviours: Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`a${index}`, async context => heartbeat(scene.clock, context)]))
  })
  await scene.clock.pass(20 * minute)
  scene.clock.sleep(8 * hour)
  await scene.clock.pass(hour)
  for (const [id, starts] of Object.entries(scene.starts)) t.same(starts, [0], id)
  t.ok(scene.logged.some(line => line.startsWith('the machine has slept')))
})

t.test('a clock that was set back makes nobody stale', async t => {
  const scene: Scene = createScene(t, { behaviours: { a: async context => heartbeat(scene.clock, context) } })
  await scene.clock.pass(10 * minute)
  scene.accounts[0]!.facts.lastTransportActivityAt = scene.clock.now() + 48 * hour
  await scene.clock.pass(minute)
  t.same(scene.starts.a, [0])
})

t.test('a throw in a timer of an account is its own failure', async t => {
  const scene: Scene = createScene(t, {
    behaviours: {
      careless: async (context, at) => { context.connected(); if (at === 0) setTimeout(() => { throw new Error('nobody catches this') }, 5) },
      neighbour: async context => heartbeat(scene.clock, context)
    }
  })
  const { isAnsweredFor } = await import('../../src/lib/stray-error.ts')
  const uncaught = Promise.withResolvers<boolean>()
  const listener = (error: Error): void => uncaught.resolve(isAnsweredFor(error))
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', listener)
  await scene.clock.pass(1)
  t.equal(await uncaught.promise, true)
  t.match(scene.accounts[0]!.facts, { running: false, lifecycle: 'recovering', lastError: 'nobody catches this' })
  await scene.clock.pass(5_000)
  t.same(scene.starts, { careless: [0, 5.001], neighbour: [0] })
})

t.test('what an account says after its end is not heard', async t => {
  const scene: Scene = createScene(t, { behaviours: { a: async context => { context.connected(); return { stop: async () => { context.failed(new Error('late')) } } } } })
  await scene.clock.pass(1)
  await scene.accounts[0]!.stop('gateway')
  t.match(scene.accounts[0]!.facts, { lifecycle: 'stopped', restartPending: false })
  t.equal(scene.accounts[0]!.facts.lastError, undefined)
})
