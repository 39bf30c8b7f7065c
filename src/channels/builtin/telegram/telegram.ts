/** Telegram, by its Bot API. */
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { createUnderWay } from '../../under-way.ts'
import { createApi, Refusal, type Api } from './api.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Memory, Saved } from './memory.ts'
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
  readonly ending: AbortController
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

/** How messages come in: what ends it, and the door for Telegram's own calls. */
interface Source {
  readonly ended: Promise<void>
  readonly webhook?: RunningAccount['webhook']
}

async function startWebhook ({ api, context, memory, settings, ending }: Account): Promise<Source> {
  const { webhook } = settings
  const { signal } = ending
  let intake: Intake
  try {
    const self = await api.call<User>('getMe', {}, { signal })
    await setWebhook(api, webhook!, signal)
    intake = createIntake(context, memory, { self, api })
  } catch (error) {
    if (error instanceof Refusal && error.isUnauthorized) context.disconnected({ reason: unauthorized(error), terminal: 'logged-out' })
    throw error
  }
  signal.addEventListener('abort', () => intake.stop())
  return { ended: Promise.resolve(), webhook: createWebhook(webhook!.secret, intake, context) }
}

function startPolling ({ api, context, memory, settings: { pollSeconds }, ending }: Account): Source {
  return { ended: poll({ api, context, memory, pollSeconds, signal: ending.signal }).catch(error => context.failed(error)) }
}

async function dropWebhook (api: Api, signal: AbortSignal): Promise<void> {
  await api.call('deleteWebhook', { drop_pending_updates: false }, { signal })
}

function runningAccount (account: Account, source: Source): RunningAccount {
  const { api, context, settings, ending } = account
  const { send, edit, remove, react, poll, typing } = createOutbound({
    api,
    linkPreview: settings.linkPreview,
    unauthorized: refusal => context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })
  })
  const { track, settled } = createUnderWay()
  return {
    async stop () {
      ending.abort()
      await source.ended
      await settled()
      api.close()
    },
    send: async (message, signal) => await track(send(message, signal)),
    edit: async (message, signal) => await track(edit(message, signal)),
    remove,
    react,
    poll,
    typing,
    probe: async signal => await probe(api, signal),
    ...(source.webhook ? { webhook: source.webhook, logout: async signal => await dropWebhook(api, signal) } : {})
  }
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
    const ending = new AbortController()
    // Telegram lets one read a bot, and two would drive each other out for ever.
    readAlone(`telegram ${settings.apiRoot} ${settings.token}`, 'bot', context.accountId, ending.signal)
    const api = createApi(settings)
    const account = { api, context, memory, settings, ending }
    context.signal.addEventListener('abort', () => ending.abort())
    if (context.signal.aborted) ending.abort()
    try {
      return runningAccount(account, settings.webhook ? await startWebhook(account) : startPolling(account))
    } catch (error) {
      ending.abort()
      api.close()
      throw error
    }
  }
})
