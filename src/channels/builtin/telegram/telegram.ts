/** Telegram, by its Bot API. */
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { watchIngress } from '../../http/ingress.ts'
import { live, type Life } from '../../life.ts'
import { createApi, Refusal, type Api } from './api.ts'
import { createIngress } from './ingress.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Memory, Saved } from './memory.ts'
import { createMenu, type Menu } from './menu.ts'
import { createOutbound, mediaLimitBytes } from './outbound.ts'
import { poll, unauthorized } from './polling.ts'
import { missingSettings, readSettings, telegramKeys, type TelegramKeys, type TelegramSettings } from './settings.ts'
import { createWebhook, setWebhook } from './webhook.ts'
import type { User } from './wire.ts'

interface Account {
  readonly api: Api
  readonly context: AccountContext<TelegramKeys>
  readonly memory: Memory
  readonly settings: TelegramSettings
  readonly menu: Menu
  readonly life: Life
}

async function probe (api: Api, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { id, username } = await api.call<User>('getMe', {}, { signal })
    return { ok: true, self: { id: String(id), ...(username === undefined ? {} : { name: `@${username}` }) } }
  } catch (error) {
    if (error instanceof Refusal && error.isUnauthorized) return { ok: false, error: unauthorized(error) }
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

/** Telegram does not know the token any more. */
const end = (context: AccountContext<TelegramKeys>, refusal: Refusal): void =>
  context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })

/** The token is none, which the account has been told then. */
function isOver (context: AccountContext<TelegramKeys>, error: unknown): boolean {
  const isUnauthorized = error instanceof Refusal && error.isUnauthorized
  if (isUnauthorized) end(context, error)
  return isUnauthorized
}

/** The door for Telegram's own calls. */
async function startWebhook (account: Account, webhook: NonNullable<TelegramSettings['webhook']>): Promise<Pick<RunningAccount, 'webhook' | 'logout'>> {
  const { api, context, memory, menu, life: { signal, follow } } = account
  let intake: Intake
  try {
    const self = await api.call<User>('getMe', {}, { signal })
    await setWebhook(api, webhook, signal)
    intake = createIntake(context, memory, { self, api })
  } catch (error) {
    isOver(context, error)
    throw error
  }
  menu.show()
  signal.addEventListener('abort', () => intake.stop())
  let heardAtMs = 0
  const activity = (): void => {
    heardAtMs = context.now()
    context.activity()
  }
  if (webhook.checkMs > 0) {
    const problem = createIngress({ api, context, webhook, heardAtMs: () => heardAtMs, signal })
    follow(watchIngress({ service: 'Telegram', everyMs: webhook.checkMs, context, signal, problem, isOver: error => isOver(context, error) }))
  }
  return {
    webhook: createWebhook(webhook.secret, intake, { ...context, activity }),
    logout: async signal => await dropWebhook(api, signal)
  }
}

function startPolling ({ api, context, memory, menu, settings: { pollSeconds }, life: { signal, follow } }: Account): void {
  const connected = (): void => {
    context.connected()
    menu.show()
  }
  follow(poll({ api, context: { ...context, connected }, memory, pollSeconds, signal }))
}

async function dropWebhook (api: Api, signal: AbortSignal): Promise<void> {
  await api.call('deleteWebhook', { drop_pending_updates: false }, { signal })
}

export const telegram = defineChannel<TelegramKeys>({
  id: 'telegram',
  label: 'Telegram',
  config: telegramKeys,
  limits: { textLength: 4000, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  markup: 'markdown',
  mode: 'polling',
  showsLive: true,
  missing: missingSettings,
  async start (context) {
    const settings = await readSettings(context)
    const memory = await openMemory<Saved>(context.memory)
    return await live(context, async life => {
      // Telegram lets one read a bot, and two would drive each other out for ever.
      readAlone(`telegram ${settings.apiRoot} ${settings.token}`, 'bot', context.accountId, life.signal)
      const api = life.closeAtEnd(createApi(settings))
      const menu = createMenu({ api, context, memory, signal: life.signal })
      const account = { api, context, memory, settings, menu, life }
      if (!settings.webhook) startPolling(account)
      const door = settings.webhook ? await startWebhook(account, settings.webhook) : {}
      const outbound = createOutbound({ api, linkPreview: settings.linkPreview, unauthorized: refusal => end(context, refusal) })
      return { ...outbound, commandsChanged: () => menu.show(), probe: async signal => await probe(api, signal), ...door }
    })
  }
})
