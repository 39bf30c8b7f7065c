/** Accounts of a channel that does what a test tells it, on a clock that a test moves. */
import { createAccount, type SavedAccount, type SupervisedAccount } from '../../src/channels/account.ts'
import { defineChannel, type AccountContext, type Channel, type InboundMessage, type RunningAccount } from '../../src/channels/define-channel.ts'
import { createMonitor, type Monitor, type MonitorSettings } from '../../src/channels/monitor.ts'
import { defaultRules } from '../../src/channels/restarts.ts'
import type { Logger } from '../../src/log/logger.ts'
import { Type } from '../../src/protocol/type.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'

export const minute = 60_000
export const hour = 60 * minute

export const defaults: MonitorSettings = {
  intervalMs: 5 * minute,
  startupGraceMs: minute,
  connectGraceMs: 2 * minute,
  reconnectGraceMs: 2 * minute,
  staleMs: 30 * minute,
  stuckMs: 25 * minute,
  cooldownMs: 5 * minute,
  maxPerHour: 10,
  maxAttempts: 10
}

/** How an account of the scene behaves; changed at any time. */
export interface Behaviour {
  start: (context: AccountContext, at: number) => Promise<Partial<RunningAccount> | void>
}

export interface Scene {
  readonly clock: ReturnType<typeof createSimulatedClock>
  readonly monitor: Monitor
  readonly accounts: SupervisedAccount[]
  /** Seconds since the beginning at which each account was started. */
  readonly starts: { [accountId: string]: number[] }
  readonly logged: string[]
  readonly received: InboundMessage[]
  readonly saved: { [accountId: string]: SavedAccount }
  unwatch (accountId: string): void
}

const quietLog = (logged: string[]): Logger => {
  const say = (fields: object | string, text?: string): void => { logged.push(typeof fields === 'string' ? fields : text ?? '') }
  return { debug: say, info: say, warn: say, error: say } as unknown as Logger
}

export interface SceneOptions {
  readonly behaviours: { [accountId: string]: Behaviour['start'] }
  readonly settings?: Partial<MonitorSettings>
  /** What is said of one account in their place. */
  readonly own?: { [accountId: string]: Partial<MonitorSettings> }
  readonly saved?: { [accountId: string]: SavedAccount }
  readonly startsAt?: number
  readonly missing?: { [accountId: string]: string }
}

/** A connection that is heard every half minute, whatever people write. */
export function heartbeat (clock: Scene['clock'], context: AccountContext, everyMs = minute / 2): void {
  context.connected()
  const beat = (): void => {
    if (context.signal.aborted) return
    context.activity()
    clock.after(everyMs, beat)
  }
  clock.after(everyMs, beat)
}

export function createScene (t: { teardown (fn: () => unknown): void }, options: SceneOptions): Scene {
  const clock = createSimulatedClock(options.startsAt)
  const beganAt = clock.now()
  const settings = { ...defaults, ...options.settings }
  const starts: Scene['starts'] = {}
  const logged: string[] = []
  const received: InboundMessage[] = []
  const saved: Scene['saved'] = { ...options.saved }
  const unwatched = new Set<string>()
  const log = quietLog(logged)
  const channel: Channel = defineChannel({
    id: 'scene',
    label: 'Scene',
    config: Type.Object({}),
    limits: { textLength: 4000, textUnit: 'utf16' },
    markup: 'plain',
    mode: 'socket',
    missing: (_config, accountId) => options.missing?.[accountId],
    async start (context) {
      const at = (clock.now() - beganAt) / 1000
      starts[context.accountId]!.push(at)
      const running = await options.behaviours[context.accountId]!(context, at)
      return { stop: async () => {}, send: async () => ({ kind: 'sent', messageId: '1' }), ...running }
    }
  })
  const accounts = Object.keys(options.behaviours).map(accountId => {
    starts[accountId] = []
    let memory = {}
    return createAccount({
      channel,
      accountId,
      config: {},
      secret: async () => 'secret',
      enabled: true,
      clock,
      log,
      rules: () => ({ ...defaultRules, jitter: 0, maxPerHour: settings.maxPerHour }),
      random: () => 0.5,
      commands: () => [],
      memory: { get: async () => memory, put: async value => { memory = value } },
      saved: options.saved?.[accountId],
      save: value => { saved[accountId] = value },
      receive: async message => { received.push(message) },
      changed: () => {}
    })
  })
  const monitor = createMonitor({
    clock,
    log,
    settings: account => ({ ...settings, ...account && options.own?.[account.facts.accountId] }),
    accounts: () => accounts,
    isWatched: ({ facts }) => !unwatched.has(facts.accountId)
  })
  t.teardown(() => monitor.stop())
  for (const account of accounts) account.start('gateway').catch(() => {})
  return { clock, monitor, accounts, starts, logged, received, saved, unwatch: accountId => unwatched.add(accountId) }
}
