import type { AccountOptions } from './account.ts'
import { outside } from './containment.ts'
import type { AccountContext, Terminal } from './define-channel.ts'
import type { AccountFacts, RestartReason } from './facts.ts'

/** From one start of an account to its end. */
export interface LifePort {
  isAlive (): boolean
  readonly signal: AbortSignal
  changed (): void
  over (reason: RestartReason, error: unknown): void
}

type Source = Pick<AccountOptions, 'accountId' | 'config' | 'secret' | 'clock' | 'log' | 'memory' | 'commands' | 'receive'>

/** What the code of a channel is given. What an account that has ended still says is not heard. */
export function createContext (source: Source, facts: AccountFacts, life: LifePort): AccountContext {
  const { accountId, config, secret, clock, log, memory, commands, receive } = source
  const ifAlive = <Args extends unknown[]>(work: (...args: Args) => void) => (...args: Args): void => {
    if (life.isAlive()) work(...args)
  }
  return {
    accountId,
    config,
    secret: async name => await outside(async () => await secret(name)),
    signal: life.signal,
    log,
    now: () => clock.now(),
    memory,
    commands,
    connected: ifAlive(() => {
      facts.connected = true
      facts.lastConnectedAt = facts.lastTransportActivityAt = clock.now()
      if (facts.running) facts.lifecycle = 'ready'
      // What kept it from that is over, unless there was too much of it.
      if (facts.failedSince === undefined) delete facts.lastError
      life.changed()
    }),
    disconnected: ifAlive(({ reason, terminal }: { readonly reason: string, readonly terminal?: Terminal }) => {
      Object.assign(facts, { connected: false, lastDisconnectAt: clock.now(), lastError: reason.slice(0, 500) })
      if (terminal) {
        facts.terminal = terminal
        return life.over('disconnected', new Error(reason))
      }
      if (facts.running) facts.lifecycle = 'recovering'
      life.changed()
    }),
    activity: ifAlive(() => { facts.lastTransportActivityAt = clock.now() }),
    ingress: ifAlive((problem: string | undefined) => {
      if (problem !== undefined) Object.assign(facts, { ingressUnavailable: true, lastError: problem.slice(0, 500) })
      else if (facts.ingressUnavailable !== true) return
      else {
        delete facts.ingressUnavailable
        if (facts.failedSince === undefined) delete facts.lastError
      }
      life.changed()
    }),
    failed: ifAlive((error: unknown) => life.over('crashed', error)),
    async receive (message) {
      if (!life.isAlive()) throw new Error('the account has ended')
      facts.lastInboundAt = clock.now()
      await outside(async () => await receive(message))
    }
  }
}
