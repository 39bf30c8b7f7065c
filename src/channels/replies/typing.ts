/** Shows that the agent types, for as long as it does. */
import { hasPassed, type Clock } from '../../lib/clock.ts'
import { contained } from '../containment.ts'
import type { ChannelAccount } from '../room.ts'
import type { ReplyAddress } from './reply.ts'

const callLimitMs = 5_000
/** A run that hangs is no agent that types. */
const longestMs = 120_000

export interface TypingOptions {
  readonly clock: Clock
  readonly account: ChannelAccount
  readonly address: ReplyAddress
  readonly everyMs: number
}

/** Returns what ends it; `moved` of that says that something happens still. */
export function showTyping ({ clock, account, address: { to, threadId }, everyMs }: TypingOptions): { moved (): void, end (): void } {
  let cancel: (() => void) | undefined
  let isOver = false
  let movedAt = clock.now()

  function show (): void {
    const running = account.current()
    const quiet = hasPassed(movedAt, longestMs, clock.now())
    if (running?.typing && !quiet) {
      contained(() => {}, async () => await running.typing!(to, threadId, AbortSignal.timeout(callLimitMs))).catch(() => {})
    }
    if (!isOver) cancel = clock.after(everyMs, show)
  }

  show()
  return {
    moved () { movedAt = clock.now() },
    end () {
      isOver = true
      cancel?.()
    }
  }
}
