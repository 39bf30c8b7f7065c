/** One account as other rooms use it, and whether the configuration still means the same one. */
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../lib/clock.ts'
import type { SupervisedAccount } from './account.ts'
import type { AccountEntry } from './entries.ts'
import type { ChannelAccount } from './room.ts'

export function portOf (entry: AccountEntry, account: SupervisedAccount, clock: Clock): ChannelAccount {
  const { facts } = account
  return {
    entry,
    channel: account.channel,
    current: () => account.current(),
    runBegan () {
      if (facts.activeRuns++ === 0) facts.activeSinceAt = clock.now()
      facts.lastRunActivityAt = clock.now()
    },
    runMoved () { facts.lastRunActivityAt = clock.now() },
    runEnded () { facts.activeRuns = Math.max(0, facts.activeRuns - 1) },
    sent () { facts.lastOutboundAt = clock.now() }
  }
}

/** How its health is judged is no part of what it is. */
export function isSameAccount (entry: AccountEntry, next: AccountEntry | undefined): boolean {
  return next !== undefined && isDeepStrictEqual({ ...entry, health: next.health }, next)
}
