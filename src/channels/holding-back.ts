/** Accounts that do not begin by themselves, because the gateway has ended without a word again and again. */
import type { CrashLoop } from '../host/crash-loop.ts'
import type { Logger } from '../log/logger.ts'
import type { SupervisedAccount } from './account.ts'

export interface HoldingBack {
  /** Whether it has to wait; from then on it says why. */
  holds (account: SupervisedAccount): boolean
  /** A person wants it: from now on its channel is no longer held back. */
  begunByHand (account: SupervisedAccount): void
}

export interface HoldingBackOptions {
  readonly crashLoop: CrashLoop | undefined
  readonly log: Logger
  readonly accounts: () => readonly SupervisedAccount[]
  readonly begin: (accounts: SupervisedAccount[]) => void
}

function letGo ({ facts }: SupervisedAccount): void {
  if (!facts.isHeldBack) return
  delete facts.isHeldBack
  delete facts.lastError
}

const startByHand = (channel: string, accountId: string): string =>
  `openclaw channels start --channel ${channel}${accountId === 'default' ? '' : ` --account ${accountId}`}`

export function createHoldingBack ({ crashLoop, log, accounts, begin }: HoldingBackOptions): HoldingBack {
  const wanted = new Set<string>()
  crashLoop?.onLift(() => {
    const held = accounts().filter(({ facts }) => facts.isHeldBack)
    for (const account of held) letGo(account)
    begin(held)
  })
  return {
    holds ({ facts }) {
      const { channel, accountId, enabled, configured, manuallyStopped } = facts
      const wouldBegin = enabled && configured && !manuallyStopped
      if (crashLoop?.facts() === undefined || wanted.has(channel) || !wouldBegin) return false
      facts.isHeldBack = true
      facts.lastError = `channel autostart suppressed by crash-loop breaker; refusing automatic start for ${channel}:${accountId}. ` +
        `Begin it by hand: ${startByHand(channel, accountId)}`
      log.warn(facts.lastError)
      return true
    },
    begunByHand (account) {
      wanted.add(account.facts.channel)
      letGo(account)
    }
  }
}
