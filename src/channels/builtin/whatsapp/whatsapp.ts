/** WhatsApp, by the Cloud API of Meta: it calls us, and we call it. */
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { watchIngress } from '../../http/ingress.ts'
import { ServiceRefusal } from '../../http/service.ts'
import { live } from '../../life.ts'
import { createApi, type Api } from './api.ts'
import { readMessage } from './inbound.ts'
import { createIngress } from './ingress.ts'
import { mediaLimitBytes } from './media.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { missingSettings, readSettings, whatsappKeys, type WhatsappKeys, type WhatsappSettings } from './settings.ts'
import { createWebhook, maxBodyBytes, takeFor } from './webhook.ts'
import type { WireMessage, WireValue } from './wire.ts'

const firstLookMs = 3_000

interface Account {
  readonly api: Api
  readonly context: AccountContext<WhatsappKeys>
  readonly settings: WhatsappSettings
  readonly signal: AbortSignal
}

async function probe ({ api, settings: { phoneNumberId } }: Account, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { display_phone_number: number, verified_name: name } = await api.call('GET', `${phoneNumberId}?fields=display_phone_number,verified_name`, { signal })
    return { ok: true, self: { ...(typeof number === 'string' ? { id: number } : {}), ...(typeof name === 'string' ? { name } : {}) } }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

/** What people write waits with WhatsApp meanwhile, which tries for days. */
const end = ({ context }: Account, refusal: ServiceRefusal): void => context.disconnected({ reason: refusal.message, terminal: 'logged-out' })

/** A token that is none shows at once, not with the first answer that cannot be sent. */
function checkToken (account: Account): void {
  const { api, settings: { phoneNumberId }, context, signal } = account
  api.call('GET', `${phoneNumberId}?fields=id`, { signal }).catch((error: unknown) => {
    if (signal.aborted) return
    if (error instanceof ServiceRefusal && error.isUnauthorized) end(account, error)
    else context.log.warn({ err: error }, 'WhatsApp could not be asked about the number; messages are taken in all the same')
  })
}

/** The address is entered with the first look: Meta tries it, and so it has to be open by then. */
async function watchCalls (account: Account): Promise<void> {
  const { api, context, settings, signal } = account
  const { webhook } = settings
  if (!webhook) return
  function isOver (error: unknown): boolean {
    const isUnauthorized = error instanceof ServiceRefusal && error.isUnauthorized
    if (isUnauthorized) end(account, error)
    return isUnauthorized
  }
  const watch = { service: 'WhatsApp', context, signal, problem: createIngress({ api, log: context.log, settings, url: webhook.url, signal }), isOver }
  await watchIngress({ ...watch, everyMs: webhook.checkMs, firstMs: Math.min(firstLookMs, webhook.checkMs) })
}

function takeMessages (account: Account, outbound: Outbound): void {
  const { api, context: { receive, log }, settings: { appSecret, phoneNumberId, hearsReactions }, signal } = account
  async function take (wire: WireMessage, value: WireValue): Promise<void> {
    let message: ReturnType<typeof readMessage>
    try {
      message = readMessage(wire, value, { api, hearsReactions })
    } catch (err) {
      // What cannot be read today cannot be read tomorrow, and must not hold up what comes after it.
      return log.warn({ err }, 'WhatsApp sent a message that cannot be read; it is left out')
    }
    if (!message) return
    await receive(message)
    if (!wire.reaction) outbound.heard(message.chat.id, wire.id)
  }
  takeFor(phoneNumberId, { appSecret, take }, signal)
}

function run (account: Account): Omit<RunningAccount, 'stop'> {
  const { api, context, settings } = account
  const { phoneNumberId, linkPreview, sendReadReceipts } = settings
  const outbound = createOutbound({ api, phoneNumberId, linkPreview, sendReadReceipts, unauthorized: refusal => end(account, refusal) })
  takeMessages(account, outbound)
  return {
    send: async (...call) => await outbound.send(...call),
    react: async (...call) => await outbound.react(...call),
    typing: async (...call) => await outbound.typing(...call),
    probe: async signal => await probe(account, signal),
    webhook: createWebhook({ settings, log: context.log, activity: context.activity })
  }
}

export const whatsapp = defineChannel<WhatsappKeys>({
  id: 'whatsapp',
  label: 'WhatsApp',
  config: whatsappKeys,
  limits: { textLength: 4000, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  markup: 'whatsapp',
  sendsTemplates: true,
  mode: 'webhook',
  webhookBytes: maxBodyBytes,
  missing: missingSettings,
  async start (context) {
    const settings = await readSettings(context)
    return await live(context, ({ signal, closeAtEnd, follow }) => {
      readAlone(`whatsapp ${settings.apiRoot} ${settings.phoneNumberId}`, 'phone number', context.accountId, signal)
      const account: Account = { api: closeAtEnd(createApi(settings)), context, settings, signal }
      const running = run(account)
      checkToken(account)
      follow(watchCalls(account))
      return running
    })
  }
})
