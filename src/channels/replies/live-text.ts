/** A reply that can be read while it is written: a message that is changed as more of it is there. */
import type { Clock } from '../../lib/clock.ts'
import { contained } from '../containment.ts'
import { chunksOf } from '../delivery/chunks.ts'
import type { OutboundMessage, SendOutcome } from '../define-channel.ts'
import type { ChannelAccount } from '../room.ts'
import type { BegunRun } from './reply.ts'

export interface LiveTextOptions {
  readonly clock: Clock
  readonly account: ChannelAccount
  readonly run: BegunRun
  /** Of an earlier process, which did not come to the end of the reply. */
  readonly known: () => Promise<string | undefined>
  /** Durable before anything else is shown. */
  readonly keep: (messageId: string) => Promise<void>
}

export interface LiveText {
  /** More of the reply may be there. */
  more (): void
  /** Shows nothing more. The message that the reply takes the place of, if there is one. */
  end (): Promise<string | undefined>
}

/** Replies that are over sooner are sent as a whole. */
const firstChars = 30
const paceMs = 1_200
const callLimitMs = 10_000

export function createLiveText ({ clock, account, run, keep, known }: LiveTextOptions): LiveText {
  const { channel: { limits } } = account
  const { to: chatId, threadId } = run.deliver
  let messageId: string | undefined
  let recalled: Promise<void> | undefined
  let shown = ''
  let isOver = false
  let cancel: (() => void) | undefined
  let working: Promise<void> | undefined

  const messageOf = (text: string): OutboundMessage =>
    ({ key: `live:${run.runId}`, chatId, text, isSilent: true, ...(threadId === undefined ? {} : { threadId }) })

  async function recall (): Promise<void> {
    recalled ??= known().then(id => { messageId ??= id })
    await recalled
  }

  async function put (text: string): Promise<SendOutcome | undefined> {
    const running = account.current()
    if (!running?.edit) return undefined
    const signal = AbortSignal.timeout(callLimitMs)
    if (messageId === undefined) return await running.send(messageOf(text), signal)
    return await running.edit({ ...messageOf(text), messageId }, signal)
  }

  /** How long until the next time; undefined when there is no next time. */
  async function show (): Promise<number | undefined> {
    await recall()
    const text = chunksOf(run.soFar(), limits)[0] ?? ''
    if (text === '' || text === shown || (messageId === undefined && text.length < firstChars)) return paceMs
    const outcome = await contained(() => {}, async () => await put(text))
    if (outcome?.kind === 'later') return Math.max(paceMs, outcome.retryAfterMs ?? 0)
    // The reply itself comes in any case.
    if (outcome?.kind !== 'sent') return undefined
    shown = text
    if (messageId !== undefined) return paceMs
    messageId = outcome.messageId
    await keep(messageId)
    return paceMs
  }

  function plan (ms: number): void {
    cancel ??= clock.after(ms, () => {
      working = show().catch(() => undefined).then(waitMs => {
        working = undefined
        cancel = undefined
        if (waitMs === undefined) isOver = true
        else if (!isOver && run.soFar() !== shown) plan(waitMs)
      })
    })
  }

  return {
    more () { if (!isOver && !cancel) plan(paceMs) },
    async end () {
      isOver = true
      if (!working) cancel?.()
      await working
      await recall()
      return messageId
    }
  }
}
