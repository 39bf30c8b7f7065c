/** Telegram calls us. */
import { secretsEqual } from '../../../auth/secret.ts'
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
import { createHookDoor, hookAnswer } from '../../http/hook-door.ts'
import { parseJson } from '../../http/service.ts'
import type { Api } from './api.ts'
import type { Intake } from './intake.ts'
import type { TelegramSettings } from './settings.ts'
import { updateKinds, type Update } from './wire.ts'

type Webhook = NonNullable<TelegramSettings['webhook']>

const secretHeader = 'x-telegram-bot-api-secret-token'
const maxBodyBytes = 1024 * 1024
/** Telegram gives up after a minute and delivers it again. */
const answerWithinMs = 25_000
const connections = 40

export async function setWebhook (api: Api, { url, secret }: Webhook, signal: AbortSignal): Promise<void> {
  await api.call('setWebhook', { url, secret_token: secret, allowed_updates: updateKinds, max_connections: connections }, { signal })
}

function updateOf (body: Buffer): Update | undefined {
  const update = parseJson(body)
  return Number.isSafeInteger(update?.update_id) ? update as unknown as Update : undefined
}

type Handle = (request: WebhookRequest) => Promise<WebhookAnswer>

export function createWebhook (secret: string, intake: Intake, { log, activity }: Pick<AccountContext, 'log' | 'activity'>): Handle {
  const inTurn = createOneAtATime()
  // Telegram has so many connections and no more.
  const door = createHookDoor({ service: 'Telegram', log, mostWaiting: 2 * connections, answerWithinMs })

  return async ({ method, headers, body }) => {
    if (method !== 'POST') return { ...hookAnswer(405, 'POST only'), headers: { allow: 'POST' } }
    if (!secretsEqual(headers[secretHeader] ?? '', secret)) return hookAnswer(401, 'unauthorized')
    if (body.length > maxBodyBytes) return hookAnswer(413, 'too large')
    const update = updateOf(body)
    if (!update) return hookAnswer(400, 'not an update')
    activity()
    return await door(async () => await inTurn(async () => await intake.take(update)))
  }
}
