/** What goes out: one signed call for each message, the same id at every try. */
import { createHash } from 'node:crypto'
import { OutboundError } from '../../../lib/outbound/outbound-error.ts'
import type { Outbound as Guard, OutboundResponse } from '../../../lib/outbound/outbound.ts'
import type { AccountContext, OutboundMessage, ProbeResult, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { boundedRetryMs, parseJson, type Json } from '../../http/service.ts'
import { later, refused } from '../../outcome.ts'
import { settingsPath } from '../../secrets.ts'
import type { WebhookSettings } from './settings.ts'
import { headerNames, signed } from './signature.ts'

export const textLimit = 16_000
export const mediaLimitBytes = 5 * 1024 * 1024
const maxAnswerBytes = 64 * 1024

export type Outbound = Required<Pick<RunningAccount, 'send' | 'edit' | 'remove' | 'react' | 'typing' | 'probe'>> & {
  /** Bytes behind an address that a message told. */
  fetch (url: string, limitBytes: number, signal: AbortSignal): Promise<Uint8Array>
}

export interface OutboundOptions {
  readonly settings: WebhookSettings
  readonly context: Pick<AccountContext, 'accountId' | 'now'>
  readonly guard: () => Promise<Guard>
}

function outcomeOf ({ status, headers, bytes }: OutboundResponse, id: string): SendOutcome {
  // The other side has it already, from a try whose answer was lost.
  if ((status >= 200 && status < 300) || status === 409) {
    const { messageId } = parseJson(bytes) ?? {}
    return { kind: 'sent', messageId: typeof messageId === 'string' && messageId !== '' ? messageId.slice(0, 200) : id }
  }
  const reason = `the receiver answered ${status}`
  if (status !== 429 && status !== 408 && status < 500) return refused(`${reason}; it has to answer 2xx`)
  const after = headers['retry-after']
  return later(reason, after === undefined ? undefined : boundedRetryMs(Number(after) * 1000))
}

/** What can be seen before anything is sent fails in the same way again. */
const isFinal = (error: unknown): boolean => error instanceof OutboundError && ['url', 'port', 'host', 'address', 'redirect'].includes(error.problem)

function problemOf ({ text, media }: OutboundMessage): string | undefined {
  if (text.length > textLimit) return `the text has ${text.length} characters, and ${textLimit} are sent at most`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and ${mediaLimitBytes} are sent at most` : undefined
}

const messageFields = ({ chatId, threadId, text, media, replyTo, isSilent }: OutboundMessage): Json => ({
  chat: { id: chatId },
  ...(threadId === undefined ? {} : { thread: threadId }),
  text: text.toWellFormed(),
  ...(replyTo === undefined ? {} : { replyTo }),
  ...(isSilent ? { silent: true } : {}),
  ...(media
    ? { media: { kind: media.kind, mimeType: media.mimeType, ...(media.name === undefined ? {} : { name: media.name }), data: Buffer.from(media.data).toString('base64') } }
    : {})
})

const idOf = (...parts: string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

export function createWebhookOutbound ({ settings, context, guard }: OutboundOptions): Outbound {
  const { secret, url, allowPrivateNetwork, timeoutMs } = settings
  const where = settingsPath('webhook', context.accountId)

  const rulesFor = (address: string): object => {
    const own = allowPrivateNetwork && url !== undefined && URL.parse(address)?.host === new URL(url).host ? [new URL(url).hostname] : []
    return { ownHosts: own, setting: `${where}.allowPrivateNetwork: true` }
  }

  async function post (type: string, id: string, fields: Json, signal: AbortSignal): Promise<OutboundResponse> {
    const body = JSON.stringify({ id, type, account: context.accountId, ...fields })
    return await (await guard()).request({
      url: url!,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'openclaw', [headerNames.id]: id, ...signed(secret, body, context.now()) },
      body,
      rules: rulesFor(url!),
      limits: { maxBytes: maxAnswerBytes, whenLarger: 'truncate', totalMs: timeoutMs, idleMs: timeoutMs, maxRedirects: 0 },
      signal
    })
  }

  /** A lost answer is no doubt: the next try has the same id, and the other side knows it by that. */
  async function outcome (type: string, id: string, fields: Json, signal: AbortSignal): Promise<SendOutcome> {
    if (url === undefined) return refused(`messages only come in here; set ${where}.url to where replies are to be posted`)
    try {
      return outcomeOf(await post(type, id, fields, signal), id)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return isFinal(error) ? refused(reason) : later(reason)
    }
  }

  return {
    async send (message, signal) {
      const problem = problemOf(message)
      return problem === undefined ? await outcome('message', message.key, messageFields(message), signal) : refused(problem)
    },
    async edit (message, signal) {
      const problem = problemOf(message)
      const { messageId, text } = message
      if (problem !== undefined) return refused(problem)
      const done = await outcome('edit', idOf('edit', messageId, text), { ...messageFields(message), messageId }, signal)
      return done.kind === 'sent' ? { kind: 'sent', messageId } : done
    },
    remove: async (chatId, messageId, signal) => await outcome('remove', idOf('remove', chatId, messageId), { chat: { id: chatId }, messageId }, signal),
    async react (chatId, messageId, emoji, signal) {
      return await outcome('reaction', idOf('reaction', chatId, messageId, emoji, String(context.now())), { chat: { id: chatId }, messageId, emoji }, signal)
    },
    async typing (chatId, threadId, signal) {
      const thread = threadId === undefined ? {} : { thread: threadId }
      await outcome('typing', idOf('typing', chatId, String(context.now())), { chat: { id: chatId }, ...thread }, signal)
    },
    async probe (signal): Promise<ProbeResult> {
      if (url === undefined) return { ok: true, self: { name: 'inbound only' } }
      const done = await outcome('ping', idOf('ping', String(context.now())), {}, signal)
      return done.kind === 'sent' ? { ok: true, self: { name: new URL(url).host } } : { ok: false, error: done.reason }
    },
    async fetch (address, limitBytes, signal) {
      const { status, bytes } = await (await guard()).request({
        url: address, rules: rulesFor(address), limits: { maxBytes: limitBytes, whenLarger: 'refuse', totalMs: timeoutMs + 60_000, idleMs: timeoutMs }, signal
      })
      if (status !== 200) throw new Error(`the attachment's address answered ${status}`)
      return bytes
    }
  }
}
