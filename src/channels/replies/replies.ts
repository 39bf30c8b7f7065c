/** Replies of runs to chats of services: shown while they are written, and on their way in the moment in which they are there. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../log/logger.ts'
import type { Collection, StoreOp } from '../../store/store.ts'
import { contained } from '../containment.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { NewItem } from '../delivery/item.ts'
import type { ChannelAccount, Channels } from '../room.ts'
import { createLiveText, type LiveText } from './live-text.ts'
import type { BegunRun, EndedRun, Outbox, PreparedReply, ReplyAddress } from './reply.ts'
import { showTyping } from './typing.ts'

/** What is shown of a reply that is not there yet. */
export interface LiveReply {
  readonly messageId: string
  readonly atMs: number
}

export interface RepliesOptions {
  readonly channels: Pick<Channels, 'find'>
  readonly delivery: Pick<Delivery, 'prepare'>
  readonly live: Collection<LiveReply>
  readonly config: () => LoadedConfig
  readonly clock: Clock
  readonly log: Logger
}

type Keys = { readonly [key: string]: unknown }

/** `streaming`: a word, or a group with one; what is not "off" is shown as it is written. */
function isLive ({ entry: { config: { streaming, streamMode } }, channel }: ChannelAccount): boolean {
  const mode = typeof streaming === 'object' && streaming !== null ? (streaming as Keys).mode : streaming ?? streamMode
  return mode === undefined ? channel.showsLive === true : mode !== 'off' && mode !== false
}

/** What people read: an error is told, whatever went before it. */
function textOf ({ result: { outcome, text, earlier = [], error }, isSilent }: EndedRun): string {
  if (outcome === 'aborted') return ''
  if (outcome === 'ok') return isSilent ? '' : [...earlier, text].filter(Boolean).join('\n\n')
  return [text, `⚠️ ${error?.message ?? 'the run failed'}`].filter(Boolean).join('\n\n')
}

class Replies implements Outbox {
  readonly #options: RepliesOptions
  readonly #shown = new Map<string, LiveText>()

  constructor (options: RepliesOptions) {
    this.#options = options
  }

  began (run: BegunRun): void {
    const { channels, config, clock, log } = this.#options
    const account = channels.find(run.deliver.channel, run.deliver.accountId)
    if (!account) return
    const { typingMode, typingIntervalSeconds } = config().config.agents.defaults
    const typing = typingMode === 'never' ? undefined : showTyping({ clock, account, address: run.deliver, everyMs: typingIntervalSeconds * 1000 })
    const live = isLive(account) ? this.#show(run, account) : undefined
    account.runBegan()
    const unfollow = run.follow(() => {
      account.runMoved()
      typing?.moved()
      live?.more()
    })
    const end = (): void => {
      unfollow()
      typing?.end()
      live?.end().catch(err => log.warn({ err }, 'what was shown of a reply is not known'))
      account.runEnded()
      this.#shown.delete(run.runId)
    }
    run.settled.then(end, end)
  }

  async ended (run: EndedRun): Promise<PreparedReply | undefined> {
    const { delivery, channels, config, live } = this.#options
    const { runId, deliver } = run
    const account = channels.find(deliver.channel, deliver.accountId)
    const shown = await this.#shown.get(runId)?.end() ?? (await live.get(runId))?.messageId
    const forget: StoreOp[] = shown === undefined ? [] : [{ op: 'delete', collection: 'live-replies', key: runId }]
    const text = textOf(run)
    if (text === '') {
      if (shown !== undefined && run.isSilent) this.#takeBack(account, deliver, shown)
      return { ops: forget, committed () {} }
    }
    const prefix = account?.entry.config.responsePrefix ?? config().config.messages.responsePrefix
    const item = delivery.prepare(this.#itemOf(run, account, typeof prefix === 'string' && prefix !== '' ? `${prefix} ${text}` : text, shown))
    return { ops: [...forget, ...item.ops], committed: () => item.committed() }
  }

  #itemOf ({ runId, deliver }: EndedRun, account: ChannelAccount | undefined, text: string, shown: string | undefined): NewItem {
    const { channel, accountId, to, threadId, messageId } = deliver
    const { replyToMode = 'off' } = account?.entry.config ?? {}
    return {
      id: `reply:${runId}`,
      channel,
      accountId,
      chatId: to,
      text,
      runId,
      ...(threadId === undefined ? {} : { threadId }),
      ...(messageId === undefined || replyToMode === 'off' ? {} : { replyTo: messageId }),
      ...(shown === undefined ? {} : { replaces: shown })
    }
  }

  #show (run: BegunRun, account: ChannelAccount): LiveText {
    const { clock, live } = this.#options
    const { runId } = run
    const text = createLiveText({
      clock,
      account,
      run,
      known: async () => (await live.get(runId))?.messageId,
      keep: async messageId => await live.put(runId, { messageId, atMs: clock.now() })
    })
    this.#shown.set(runId, text)
    return text
  }

  /** What was shown of a reply that became none. */
  #takeBack (account: ChannelAccount | undefined, { to }: ReplyAddress, messageId: string): void {
    const running = account?.current()
    if (!running?.remove) return
    contained(() => {}, async () => await running.remove!(to, messageId, AbortSignal.timeout(10_000)))
      .catch(err => this.#options.log.info({ err }, 'what was shown of a reply could not be taken back'))
  }
}

export const createReplies = (options: RepliesOptions): Outbox => new Replies(options)
