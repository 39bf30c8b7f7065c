/** Every way in which an account can fail: how often it is begun anew for it, when, and counted as what. Its neighbour never is. */
import t from 'tap'
import type { AccountContext } from '../../src/channels/define-channel.ts'
import type { RestartReason } from '../../src/channels/facts.ts'
import { createScene, heartbeat, hour, minute, type Scene, type SceneOptions } from './scene.ts'

type Behaviour = SceneOptions['behaviours'][string]

interface Kind {
  readonly what: string
  readonly behaviour: (scene: () => Scene) => Behaviour
  readonly settings?: SceneOptions['settings']
  readonly watchMinutes: number
  /** Seconds since the gateway began. */
  readonly starts: readonly number[]
  readonly reasons: { readonly [reason in RestartReason]?: number }
}

const never = new Promise<never>(() => {})
const isFirst = (at: number): boolean => at === 0
const beats = (scene: () => Scene, context: AccountContext): void => heartbeat(scene().clock, context)

/** Looks of the monitor: at 1, 6, 11 … minutes. */
const kinds: readonly Kind[] = [
  {
    what: 'a throw at the start',
    behaviour: scene => async (context, at) => {
      if (at < 15) throw new Error('refused')
      beats(scene, context)
    },
    watchMinutes: 60,
    starts: [0, 5, 15],
    reasons: { 'start-failed': 2 }
  },
  {
    what: 'a start that never settles',
    behaviour: scene => async (context, at) => {
      if (isFirst(at)) await never
      beats(scene, context)
    },
    watchMinutes: 60,
    starts: [0, 65],
    reasons: { 'start-timeout': 1 }
  },
  {
    what: 'an account that says that it cannot go on',
    behaviour: scene => async (context, at) => {
      beats(scene, context)
      if (isFirst(at)) scene().clock.after(10 * minute, () => context.failed(new Error('protocol error')))
    },
    watchMinutes: 60,
    starts: [0, 605],
    reasons: { crashed: 1 }
  },
  {
    what: 'a connection that is lost and does not come back',
    behaviour: scene => async (context, at) => {
      beats(scene, context)
      if (isFirst(at)) scene().clock.after(10 * minute, () => context.disconnected({ reason: 'reset' }))
    },
    watchMinutes: 60,
    // Lost at 10 minutes: the look at 11 leaves it alone for two minutes, the one at 16 does not.
    starts: [0, 16 * 60],
    reasons: { disconnected: 1 }
  },
  {
    what: 'a connection that is never up',
    behaviour: scene => async (context, at) => {
      if (isFirst(at)) context.disconnected({ reason: 'no route' })
      else beats(scene, context)
    },
    watchMinutes: 60,
    starts: [0, 6 * 60],
    reasons: { disconnected: 1 }
  },
  {
    what: 'a socket that went silent',
    behaviour: scene => async (context, at) => {
      if (isFirst(at)) context.connected()
      else beats(scene, context)
    },
    watchMinutes: 90,
    starts: [0, 31 * 60],
    reasons: { 'stale-socket': 1 }
  },
  {
    what: 'a socket that is silent each time',
    behaviour: () => async context => context.connected(),
    watchMinutes: 140,
    // 30 minutes after the start before are over at the look after the next: 31, 66, 101, 136.
    starts: [0, 31 * 60, 66 * 60, 101 * 60, 136 * 60],
    reasons: { 'stale-socket': 4 }
  },
  {
    what: 'a webhook whose address cannot be served',
    behaviour: scene => async (context, at) => {
      if (isFirst(at)) scene().clock.after(1, () => context.ingress('nobody answers there'))
      beats(scene, context)
    },
    watchMinutes: 60,
    starts: [0, 60],
    reasons: { 'ingress-unavailable': 1 }
  },
  {
    what: 'a webhook that the service reaches again by itself',
    behaviour: scene => async context => {
      scene().clock.after(10_000, () => context.ingress('nobody answers there'))
      scene().clock.after(50_000, () => context.ingress(undefined))
    },
    watchMinutes: 60,
    starts: [0],
    reasons: {}
  },
  {
    what: 'a webhook that the service never reaches',
    behaviour: scene => async context => { scene().clock.after(2 * minute, () => context.ingress('nobody answers there')) },
    watchMinutes: 60,
    // Each time it is found with the look after it was told.
    starts: [0, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51].map(at => at * 60),
    reasons: { 'ingress-unavailable': 10 }
  },
  {
    what: 'a session that was logged out elsewhere',
    behaviour: scene => async context => {
      beats(scene, context)
      scene().clock.after(10 * minute, () => context.disconnected({ reason: 'logged out', terminal: 'logged-out' }))
    },
    watchMinutes: 24 * 60,
    starts: [0],
    reasons: {}
  },
  {
    what: 'a webhook on which nothing ever comes',
    behaviour: () => async () => {},
    watchMinutes: 24 * 60,
    starts: [0],
    reasons: {}
  }
]

for (const { what, behaviour, settings, watchMinutes, starts, reasons } of kinds) {
  t.test(`${what} is begun anew ${starts.length - 1} times, and its neighbours never are`, async t => {
    const scene: Scene = createScene(t, {
      behaviours: {
        faulty: behaviour(() => scene),
        neighbour: async context => heartbeat(scene.clock, context),
        quiet: async context => heartbeat(scene.clock, context, 20 * minute)
      },
      ...(settings ? { settings } : {})
    })
    await scene.clock.pass(watchMinutes * minute)
    t.same(scene.starts['faulty'], starts)
    t.same(scene.accounts[0]!.facts.restartsByReason, reasons)
    for (const account of scene.accounts.slice(1)) t.same([account.facts.restartsByReason, account.facts.lastError], [{}, undefined])
    t.same([scene.starts['neighbour'], scene.starts['quiet']], [[0], [0]])
  })
}

t.test('an account at work that hangs is begun anew after 25 minutes without a sign of life, and one that works is not', async t => {
  const scene: Scene = createScene(t, {
    behaviours: { hangs: async context => heartbeat(scene.clock, context), works: async context => heartbeat(scene.clock, context) }
  })
  await scene.clock.pass(2 * minute)
  const [hangs, works] = scene.accounts.map(({ facts }) => facts)
  for (const facts of [hangs!, works!]) Object.assign(facts, { activeRuns: 1, activeSinceAt: scene.clock.now(), lastRunActivityAt: scene.clock.now() })
  const move = (): void => {
    works!.lastRunActivityAt = scene.clock.now()
    scene.clock.after(minute, move)
  }
  move()
  await scene.clock.pass(2 * hour)
  // Nothing since minute 2: 25 minutes are over at 27, the next look is at 31.
  t.same(scene.starts, { hangs: [0, 31 * 60], works: [0] })
  t.same(hangs!.restartsByReason, { stuck: 1 })
})

t.test('everything that fails at the same time fails by itself', async t => {
  const scene: Scene = createScene(t, {
    behaviours: {
      ...Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`broken-${index}`, async () => { throw new Error('refused') }])),
      ...Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`well-${index}`, async (context: AccountContext) => heartbeat(scene.clock, context)]))
    }
  })
  await scene.clock.pass(6 * hour)
  for (const [name, starts] of Object.entries(scene.starts)) {
    if (name.startsWith('well')) t.same(starts, [0])
    else t.ok(starts.length > 20 && starts.length < 40, `${name}: ${starts.length}`)
  }
})
