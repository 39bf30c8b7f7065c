import t from 'tap'
import { createChannels } from '../../src/channels/channels.ts'
import { defineChannel, type AccountContext, type RunningAccount } from '../../src/channels/define-channel.ts'
import type { Channels } from '../../src/channels/room.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { createLogging } from '../../src/log/logger.ts'
import { Type } from '../../src/protocol/type.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'
import { heartbeat, hour, minute } from './scene.ts'

const loaded = async (channels: object, gateway = {}): Promise<LoadedConfig> => await loadConfig({
  paths: resolvePaths({ env: { HOME: '/nonexistent' } }), env: {}, text: JSON.stringify({ gateway: { mode: 'local', ...gateway }, channels })
})

interface Scene {
  readonly channels: Channels
  readonly clock: ReturnType<typeof createSimulatedClock>
  readonly started: string[]
  readonly stopped: string[]
  readonly loads: () => number
  use (config: object): Promise<void>
  restartGateway (): Promise<Channels>
}

async function open (t: { teardown (fn: () => unknown): void }, config: object, start?: (context: AccountContext) => Promise<Partial<RunningAccount> | void>): Promise<Scene> {
  const clock = createSimulatedClock()
  const store = createMemoryStore()
  const sink = { write: () => true }
  const logging = createLogging({
    level: 'silent', consoleLevel: 'silent', file: null, maxFileBytes: 1e6, maxTotalBytes: 1e7, now: Date.now, stdout: sink, stderr: sink, isTty: false
  })
  let current = await loaded(config)
  let loads = 0
  const started: string[] = []
  const stopped: string[] = []
  const demo = defineChannel<{ token?: string }>({
    id: 'demo',
    label: 'Demo',
    config: Type.Object({ token: Type.Optional(Type.String()), pace: Type.Optional(Type.Integer()) }),
    limits: { textLength: 100, textUnit: 'utf16' },
    markup: 'plain',
    mode: 'socket',
    missing: ({ token }, accountId) => token === undefined ? `set channels.demo.accounts.${accountId}.token` : undefined,
    async start (context) {
      started.push(context.accountId)
      const running = start ? await start(context as AccountContext) : heartbeat(clock, context as AccountContext)
      return { stop: async () => { stopped.push(context.accountId) }, send: async () => ({ kind: 'sent', messageId: '1' }), ...running }
    }
  })
  const make = (): Channels => createChannels({
    config: () => current,
    store,
    clock,
    logging,
    builtin: {
      demo: async () => { loads++; return demo as never },
      broken: async () => { throw new Error('its package is not installed') }
    },
    receive: async () => {},
    changed: () => {},
    random: () => 0.5
  })
  let channels = make()
  t.teardown(async () => {
    await channels.close()
    await logging.close()
  })
  channels.open()
  await clock.pass(1)
  return {
    channels,
    clock,
    started,
    stopped,
    loads: () => loads,
    async use (config) {
      current = await loaded(config)
      await channels.reload()
      await clock.pass(1)
    },
    async restartGateway () {
      await channels.close()
      channels = make()
      channels.open()
      await clock.pass(1)
      return channels
    }
  }
}

const two = { demo: { accounts: { a: { token: '1' }, b: { token: '2' } } } }

t.test('a change of one account touches that account and no other', async t => {
  const scene = await open(t, two)
  t.same(scene.started, ['a', 'b'])
  await scene.use({ demo: { accounts: { a: { token: '1' }, b: { token: 'new' } } } })
  t.same(scene.stopped, ['b'])
  t.same(scene.started, ['a', 'b', 'b'])
  await scene.use({ demo: { accounts: { a: { token: '1' }, c: { token: '3' } } } })
  t.same(scene.stopped, ['b', 'b'])
  t.same(scene.started, ['a', 'b', 'b', 'c'])
  await scene.use({})
  t.same(scene.channels.status(), [])
})

t.test('a channel is loaded when the configuration names it, once', async t => {
  const scene = await open(t, {})
  t.equal(scene.loads(), 0)
  await scene.use(two)
  t.equal(scene.loads(), 1)
})

t.test('an account without a token says what to set; one that is disabled is left alone', async t => {
  const scene = await open(t, { demo: { accounts: { bare: {}, off: { token: 'x', enabled: false } } } })
  t.same(scene.started, [])
  const [bare, off] = scene.channels.status()
  t.match(bare!.facts, { configured: false, lifecycle: 'blocked', lastError: 'set channels.demo.accounts.bare.token' })
  t.match(off!.facts, { enabled: false, running: false })
  t.same(await scene.channels.start('demo', 'bare'), { accountId: 'bare', status: 'blocked', problem: 'set channels.demo.accounts.bare.token' })
  t.same(scene.channels.failing(), [])
})

t.test('what nobody can run is named with its reason, and stops nothing else', async t => {
  const scene = await open(t, { demo: { token: 'x' }, broken: {}, unheard: {} })
  t.same(scene.started, ['default'])
  t.match(scene.channels.problems(), [
    { channel: 'broken', problem: 'channel broken could not be loaded: its package is not installed' },
    { channel: 'unheard', problem: 'there is no channel named unheard: no plugin brings it, and it does not come with the gateway' }
  ])
  await t.rejects(scene.channels.start('unheard'), { code: 'NOT_FOUND', message: /no channel named unheard/ })
  await t.rejects(scene.channels.start('demo', 'nobody'), { code: 'NOT_FOUND', message: 'channel demo has no account nobody' })
})

t.test('settings that do not fit are named with their place', async t => {
  const scene = await open(t, { demo: { token: 'x', pace: 'fast' } })
  t.match(scene.channels.problems(), [{ channel: 'demo', accountId: 'default', problem: 'channels.demo: pace must be integer' }])
})

t.test('the account that is meant when none is named', async t => {
  const scene = await open(t, { demo: { defaultAccount: 'b', accounts: { a: { token: '1' }, b: { token: '2' } } } })
  t.equal(scene.channels.find('demo')?.entry.accountId, 'b')
  t.equal(scene.channels.find('demo', 'a')?.entry.accountId, 'a')
  t.equal(scene.channels.find('demo', 'c'), undefined)
})

t.test('a stop by hand holds across a restart of the gateway, and so do the restarts of the last hour', async t => {
  const scene = await open(t, two, async ({ accountId }) => { if (accountId === 'a') throw new Error('down') })
  await scene.channels.stop('demo', 'b')
  await scene.clock.pass(26 * minute)
  t.equal(scene.channels.status()[0]!.restartsLastHour, 10)
  const next = await scene.restartGateway()
  const [a, b] = next.status()
  t.match(a!.facts, { lifecycle: 'failed' })
  t.match(b!.facts, { manuallyStopped: true, running: false })
  t.same(await next.start('demo', 'b'), { accountId: 'b', status: 'started' })
})

t.test('readiness names channels that are not well, and not those that somebody stopped or that are coming back', async t => {
  const scene: Scene = await open(t, two, async context => {
    context.connected()
    if (context.accountId === 'a') scene.clock.after(minute, () => context.disconnected({ reason: 'closed by peer' }))
  })
  t.same(scene.channels.failing(), [])
  await scene.clock.pass(2 * minute)
  t.same(scene.channels.failing(), [], 'within its time to come back')
  await scene.clock.pass(2 * minute)
  t.same(scene.channels.failing(), ['demo'])
  await scene.channels.stop('demo', 'a')
  t.same(scene.channels.failing(), [])
})

t.test('an hour of a monitor that is switched off restarts nobody', async t => {
  const scene = await open(t, { demo: { token: 'x', healthMonitor: { enabled: false } } }, async context => context.connected())
  await scene.clock.pass(3 * hour)
  t.same(scene.started, ['default'])
})

t.test('an account that does not stop holds the end of the gateway up for seconds only', async t => {
  const scene = await open(t, two, async ({ accountId }) => accountId === 'a' ? { stop: async () => await new Promise(() => {}) } : undefined)
  let isOver = false
  const closed = scene.channels.close().then(() => { isOver = true })
  await scene.clock.pass(4_999)
  t.equal(isOver, false)
  await scene.clock.pass(1)
  await closed
  t.same(scene.stopped, ['b'])
})

t.test('a probe that throws is an answer', async t => {
  const scene = await open(t, two)
  t.same(await scene.channels.probe('demo', 'a', new AbortController().signal), { ok: true })
  await scene.channels.stop('demo', 'a')
  t.same(await scene.channels.probe('demo', 'a', new AbortController().signal), { ok: false, error: 'the account does not run' })
})

t.test('what the monitor holds an account to is said for all, for a channel, or for one account, and changes without touching it', async t => {
  const demo = {
    token: 'x',
    healthMonitor: { staleEventThresholdMinutes: 40 },
    accounts: {
      quick: { healthMonitor: { staleEventThresholdMinutes: 10, maxRestartsPerHour: 2 } },
      calm: {},
      never: { healthMonitor: { staleEventThresholdMinutes: 0 } }
    }
  }
  const scene = await open(t, { defaults: { healthMonitor: { restartCooldownMinutes: 0 } }, demo }, async context => {
    context.connected()
    context.activity()
  })
  const restarts = (): { [account: string]: number } =>
    Object.fromEntries(scene.channels.status().map(({ entry, facts }) => [entry.accountId, facts.restartsByReason['stale-socket'] ?? 0]))
  await scene.clock.pass(36 * minute)
  t.same(restarts(), { quick: 2, calm: 0, never: 0 }, 'two in an hour, and no more')
  await scene.clock.pass(10 * minute)
  t.same(restarts(), { quick: 2, calm: 1, never: 0 })
  const stopped = scene.stopped.length
  await scene.use({ defaults: { healthMonitor: { restartCooldownMinutes: 0 } }, demo: { ...demo, healthMonitor: { staleEventThresholdMinutes: 0 } } })
  t.equal(scene.stopped.length, stopped, 'nobody was begun anew for it')
  await scene.clock.pass(3 * hour)
  t.equal(restarts()['calm'], 1, 'it is not held to anything any more')
})
