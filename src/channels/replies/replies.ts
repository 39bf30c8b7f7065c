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
import { mediaOf, readMedia, type Media, type ReplyFile } from './media.ts'
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
  /** What a reply names, as its agent may read it: a file of the workspace, or an address. Throws a sentence. */
  readonly fileOf: (name: string, run: Pick<EndedRun, 'agentId' | 'sessionKey'>, limitBytes: number) => Promise<ReplyFile>
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

/** They lie in the queue as long as it takes. */
const mostFileBytes = 20 * 1024 * 1024

const keepLiveMs = 24 * 60 * 60_000

type Content = Pick<NewItem, 'text' | 'media' | 'replaces'>

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
    const { text, files } = await this.#contentOf(run, account)
    if (text === '' && shown !== undefined && run.result.outcome === 'ok') this.#takeBack(account, deliver, shown)
    const prefix = account?.entry.config.responsePrefix ?? config().config.messages.responsePrefix
    const words = text !== '' && typeof prefix === 'string' && prefix !== '' ? `${prefix} ${text}` : text
    const items = [...words === '' ? [] : [{ text: words, ...(shown === undefined ? {} : { replaces: shown }) }], ...files.map(media => ({ text: '', media }))]
      .map((content, index) => delivery.prepare(this.#itemOf(run, account, index, content)))
    return {
      ops: [...forget, ...items.flatMap(({ ops }) => ops)],
      committed () { for (const item of items) item.committed() }
    }
  }

  /** A file that cannot be had is named, and keeps back nothing else. */
  async #contentOf (run: EndedRun, account: ChannelAccount | undefined): Promise<{ text: string, files: Media[] }> {
    const { text, names } = run.result.outcome === 'ok' ? readMedia(textOf(run)) : { text: textOf(run), names: [] }
    const limitBytes = Math.min(mostFileBytes, account?.channel.limits.mediaBytes ?? mostFileBytes)
    const files: Media[] = []
    const notes: string[] = []
    for (const name of names) {
      try {
        const file = await this.#options.fileOf(name, run, limitBytes)
        if (file.data.length > limitBytes) throw new Error(`it has more than ${limitBytes} bytes`)
        files.push(mediaOf(file))
      } catch (err) {
        this.#options.log.warn({ err, runId: run.runId }, 'a file of a reply could not be had')
        notes.push(`[file ${name.slice(0, 200)} could not be sent: ${err instanceof Error ? err.message.slice(0, 200) : 'unknown reason'}]`)
      }
    }
    return { text: [text, ...notes].filter(Boolean).join('\n'), files }
  }

  /** What was shown of replies that never came, such as those of runs that are parked, is nobody's any more. */
  async forgetOld (): Promise<void> {
    const { live, clock } = this.#options
    for (const { key, value } of await live.all()) if (clock.now() - value.atMs > keepLiveMs) await live.delete(key)
  }

  #itemOf ({ runId, deliver }: EndedRun, account: ChannelAccount | undefined, index: number, content: Content): NewItem {
    const { channel, accountId, to, threadId, messageId } = deliver
    const { replyToMode = 'off' } = account?.entry.config ?? {}
    const refers = messageId !== undefined && (replyToMode === 'all' || (replyToMode === 'first' && index === 0))
    return {
      id: index === 0 ? `reply:${runId}` : `reply:${runId}:${index}`,
      channel,
      accountId,
      chatId: to,
      runId,
      ...content,
      ...(threadId === undefined ? {} : { threadId }),
      ...(refers ? { replyTo: messageId } : {})
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

export const createReplies = (options: RepliesOptions): Replies => new Replies(options)
