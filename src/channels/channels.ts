/** The ways to the services where people write, each account looked after by itself. */
import type { LoadedConfig } from '../config/load.ts'
import { haveSecretsChanged } from '../config/secret-values.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logging } from '../log/logger.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Store } from '../store/store.ts'
import { createAccount, type SavedAccount, type SupervisedAccount } from './account.ts'
import { isSameAccount, portOf } from './account-port.ts'
import { contained } from './containment.ts'
import type { Channel, ChatCommand, ProbeResult } from './define-channel.ts'
import { accountEntries, defaultAccountOf, type AccountEntry } from './entries.ts'
import { evaluate } from './evaluate.ts'
import { createHoldingBack, type HoldingBack } from './holding-back.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import { restartsWithinHour } from './restarts.ts'
import type { AccountStatus, ChannelAccount, ChannelProblem, Channels, Receive } from './room.ts'
import { secretOf } from './secrets.ts'
import { monitorSettings, restartRules } from './settings.ts'
import { settingsProblem } from './settings-check.ts'

export interface ChannelsOptions {
  readonly config: () => LoadedConfig
  readonly store: Store
  readonly clock: Clock
  readonly logging: Logging
  /** Channels that come with the gateway, each loaded when the configuration names it. */
  readonly builtin: { readonly [id: string]: () => Promise<Channel> }
  /** What is there without being configured: the clients of the gateway itself. */
  readonly own?: ChannelAccount
  readonly receive: Receive
  /** What can be ordered in every chat. */
  readonly commands?: () => readonly ChatCommand[]
  readonly changed: () => void
  /** Nothing is begun by itself, whatever the configuration says. */
  readonly isOff?: boolean
  readonly crashLoop?: CrashLoop | undefined
  readonly random?: () => number
}

/** Starts that go on at the same time. */
const startsAtOnce = 4

interface Kept {
  readonly entry: AccountEntry
  readonly account: SupervisedAccount
  readonly port: ChannelAccount
}

const nameOf = ({ channel, accountId }: Pick<AccountEntry, 'channel' | 'accountId'>): string => `${channel}:${accountId}`

/** Somebody wanted it so, or it sees to itself. */
const isExpected = (facts: AccountStatus['facts']): boolean => facts.manuallyStopped || facts.restartPending || facts.isHeldBack === true

class ChannelRoom implements Channels {
  readonly #options: ChannelsOptions
  readonly #added = new Map<string, Channel>()
  readonly #removed = new WeakSet<Channel>()
  readonly #loaded = new Map<string, Promise<Channel>>()
  readonly #kept = new Map<string, Kept>()
  /** Those that the accounts were begun with. */
  #secrets: LoadedConfig['secretValues']
  #problems: ChannelProblem[] = []
  #monitor: Monitor | undefined
  #settling: Promise<void> = Promise.resolve()
  readonly #holdingBack: HoldingBack
  #isClosed = false

  constructor (options: ChannelsOptions) {
    this.#options = options
    const { crashLoop, logging } = options
    this.#holdingBack = createHoldingBack({ crashLoop, log: logging.child('channels'), accounts: () => this.#accounts(), begin: held => this.#beginAll(held) })
  }

  open (): void {
    const { clock, logging, config } = this.#options
    this.#monitor = createMonitor({
      clock,
      log: logging.child('health-monitor'),
      settings: account => monitorSettings(config().config.gateway, account && this.#healthOf(account)),
      accounts: () => this.#accounts(),
      isWatched: account => this.#healthOf(account)?.enabled !== false
    })
    this.reload().catch(err => logging.child('channels').error({ err }, 'the channels could not be begun'))
  }

  #accounts (): SupervisedAccount[] {
    return [...this.#kept.values()].map(({ account }) => account)
  }

  #healthOf ({ facts }: SupervisedAccount): AccountEntry['health'] | undefined {
    return this.#kept.get(nameOf(facts))?.entry.health
  }

  async reload (): Promise<void> {
    const turn = this.#settling.then(async () => await this.#settle())
    this.#settling = turn.catch(() => {})
    await turn
    this.#monitor?.accountsChanged()
  }

  async settled (): Promise<void> {
    await this.#settling
  }

  status (): ReturnType<Channels['status']> {
    const now = this.#options.clock.now()
    const { gateway } = this.#options.config().config
    return [...this.#kept.values()].map(({ entry, account }) => {
      const { facts, channel } = account
      const skipped = this.#monitor?.opinionOf(account)?.skipped
      const verdict = evaluate(facts, monitorSettings(gateway, entry.health), now)
      const left = skipped && !verdict.healthy ? { skipped } : {}
      return { entry, channel, facts, verdict, ...left, restartsLastHour: restartsWithinHour(facts, now) }
    })
  }

  problems (): readonly ChannelProblem[] {
    return this.#problems
  }

  async probe (channel: string, accountId: string, signal: AbortSignal): Promise<ProbeResult> {
    const running = this.#mustFind(channel, accountId).account.current()
    if (!running) return { ok: false, error: 'the account does not run' }
    if (!running.probe) return { ok: true }
    try {
      return await contained(() => {}, async () => await running.probe!(signal))
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error.message : String(error) }
    }
  }

  async start (channel: string, accountId?: string): ReturnType<Channels['start']> {
    const { account, entry } = this.#mustFind(channel, accountId)
    this.#holdingBack.begunByHand(account)
    const status = await account.start('hand')
    const problem = status === 'blocked' || status === 'failed' ? account.facts.lastError : undefined
    return { accountId: entry.accountId, status, ...(problem === undefined ? {} : { problem }) }
  }

  async stop (channel: string, accountId?: string): ReturnType<Channels['stop']> {
    const { account, entry } = this.#mustFind(channel, accountId)
    const wasRunning = account.facts.running
    await account.stop('hand')
    return { accountId: entry.accountId, wasRunning }
  }

  async logout (channel: string, accountId?: string): ReturnType<Channels['logout']> {
    const { account, entry } = this.#mustFind(channel, accountId)
    const running = account.current()
    let loggedOut = false
    if (running?.logout) {
      await contained(() => {}, async () => await running.logout!(AbortSignal.timeout(30_000)))
      loggedOut = true
    }
    await account.stop('hand')
    return { accountId: entry.accountId, loggedOut }
  }

  find (channel: string, accountId?: string): ChannelAccount | undefined {
    const { own } = this.#options
    if (own?.entry.channel === channel) return accountId === undefined || accountId === own.entry.accountId ? own : undefined
    const id = accountId ?? defaultAccountOf(this.#options.config().config, channel)
    return id === undefined ? undefined : this.#kept.get(nameOf({ channel, accountId: id }))?.port
  }

  add (channel: Channel): boolean {
    if (this.#added.has(channel.id) || Object.hasOwn(this.#options.builtin, channel.id)) return false
    this.#added.set(channel.id, channel)
    return true
  }

  remove (channel: Channel): void {
    if (this.#added.get(channel.id) === channel) this.#added.delete(channel.id)
    this.#removed.add(channel)
  }

  failing (): readonly string[] {
    return [...new Set(this.status()
      .filter(({ facts, verdict }) => !verdict.healthy && verdict.reason !== 'stale-socket' && !isExpected(facts))
      .map(({ entry }) => entry.channel))]
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#monitor?.stop()
    await this.#settling
    await Promise.all([...this.#kept.values()].map(async ({ account }) => await account.stop('gateway')))
  }

  #mustFind (channel: string, accountId?: string): Kept {
    const id = accountId ?? defaultAccountOf(this.#options.config().config, channel)
    const kept = id === undefined ? undefined : this.#kept.get(nameOf({ channel, accountId: id }))
    if (kept) return kept
    const problem = this.#problems.find(one => one.channel === channel && (one.accountId ?? id) === id)?.problem
    throw new GatewayError('NOT_FOUND', {
      message: problem ?? (id === undefined ? `unsupported channel: ${channel.slice(0, 100)}` : `channel ${channel} has no account ${id.slice(0, 100)}`)
    })
  }

  async #channelOf (id: string): Promise<Channel | undefined> {
    const added = this.#added.get(id)
    if (added) return added
    if (!Object.hasOwn(this.#options.builtin, id)) return undefined
    const known = this.#loaded.get(id) ?? this.#options.builtin[id]!()
    this.#loaded.set(id, known)
    // What could not be loaded may be tried again.
    known.catch(() => this.#loaded.delete(id))
    return await known
  }

  /** Makes what runs what the configuration says. */
  async #settle (): Promise<void> {
    const { config, secretValues } = this.#options.config()
    const { isOff = false } = this.#options
    const wanted = new Map(accountEntries(config).map(entry => [nameOf(entry), { ...entry, enabled: entry.enabled && !isOff }]))
    const gone = [...this.#kept].filter(([name, { entry, account: { channel } }]) => this.#removed.has(channel) ||
      !isSameAccount(entry, wanted.get(name)) || haveSecretsChanged(entry.config, this.#secrets, secretValues))
    this.#secrets = secretValues
    await Promise.all(gone.map(async ([name, { account }]) => {
      await account.stop('gateway')
      this.#kept.delete(name)
    }))
    this.#problems = []
    const waiting: SupervisedAccount[] = []
    for (const [name, entry] of wanted) {
      const kept = this.#kept.get(name)
      if (kept) this.#stays(name, { ...kept, entry })
      if (kept || this.#isClosed) continue
      const account = await this.#create(entry)
      if (account) waiting.push(account)
    }
    this.#beginAll(waiting)
    this.#options.changed()
  }

  /** Nobody waits for their starts, which may take a minute each. */
  #beginAll (waiting: SupervisedAccount[]): void {
    const next = async (): Promise<void> => {
      for (let account = waiting.shift(); account && !this.#isClosed; account = waiting.shift()) {
        if (!this.#holdingBack.holds(account)) await account.start('gateway')
      }
    }
    for (let lane = 0; lane < startsAtOnce; lane++) next().catch(() => {})
  }

  #stays (name: string, kept: Kept): void {
    this.#kept.set(name, kept)
    contained(() => {}, async () => kept.account.current()?.commandsChanged?.()).catch(() => {})
  }

  #problem (entry: AccountEntry, problem: string): undefined {
    this.#problems.push({ channel: entry.channel, accountId: entry.accountId, problem })
    this.#options.logging.child('channels').warn({ account: nameOf(entry) }, problem)
  }

  async #create (entry: AccountEntry): Promise<SupervisedAccount | undefined> {
    const { clock, logging, store, config, receive, changed, random = Math.random } = this.#options
    const name = nameOf(entry)
    let channel: Channel | undefined
    try {
      channel = await this.#channelOf(entry.channel)
    } catch (error) {
      return this.#problem(entry, `channel ${entry.channel} could not be loaded: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (!channel) {
      return this.#problem(entry, `there is no channel named ${entry.channel}: no plugin brings it, and it does not come with the gateway`)
    }
    const problem = settingsProblem(channel, entry.config)
    if (problem !== undefined) return this.#problem(entry, `channels.${entry.channel}: ${problem}`)
    const log = logging.child(entry.channel)
    const saved = store.collection<SavedAccount>('channel-accounts')
    const memory = store.collection<{ readonly [field: string]: unknown }>('channel-memory')
    const account = createAccount({
      channel,
      accountId: entry.accountId,
      config: entry.config,
      secret: async field => await secretOf(entry, field, config()),
      enabled: entry.enabled,
      clock,
      log,
      rules: () => restartRules(config().config.gateway, this.#kept.get(name)?.entry.health ?? entry.health),
      random,
      commands: () => this.#options.commands?.() ?? [],
      memory: { get: async () => await memory.get(name) ?? {}, put: async value => await memory.put(name, value) },
      saved: await saved.get(name),
      save: value => { saved.put(name, value).catch(err => log.warn({ err }, 'what became of an account could not be kept')) },
      receive: async message => await receive(port, message),
      changed
    })
    const port = portOf(entry, account, clock)
    this.#kept.set(name, { entry, account, port })
    return account
  }
}

export const createChannels = (options: ChannelsOptions): Channels => new ChannelRoom(options)
