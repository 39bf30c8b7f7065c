/** Telegram calls us. */
import { secretsEqual } from '../../../auth/secret.ts'
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
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
  try {
    const update = JSON.parse(body.toString()) as Update | null
    return typeof update === 'object' && Number.isSafeInteger(update?.update_id) ? update! : undefined
  } catch {
    return undefined
  }
}

const answer = (status: number, error?: string): WebhookAnswer =>
  ({ status, body: error === undefined ? { ok: true } : { ok: false, error } })

type Handle = (request: WebhookRequest) => Promise<WebhookAnswer>

export function createWebhook (secret: string, intake: Intake, { log, activity }: Pick<AccountContext, 'log' | 'activity'>): Handle {
  const inTurn = createOneAtATime()
  let waiting = 0

  async function take (update: Update): Promise<WebhookAnswer> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('it took too long')), answerWithinMs).unref()
    waiting++
    const work = inTurn(async () => await intake.take(update)).finally(() => waiting--)
    work.catch(() => {})
    try {
      await Promise.race([work, tooLate])
      return answer(200)
    } catch (err) {
      log.warn({ err }, 'what Telegram brought could not be taken in; it will bring it again')
      return answer(503, 'try again')
    } finally {
      clearTimeout(timer)
    }
  }

  return async ({ method, headers, body }) => {
    if (method !== 'POST') return { ...answer(405, 'POST only'), headers: { allow: 'POST' } }
    if (!secretsEqual(headers[secretHeader] ?? '', secret)) return answer(401, 'unauthorized')
    if (body.length > maxBodyBytes) return answer(413, 'too large')
    const update = updateOf(body)
    if (!update) return answer(400, 'not an update')
    activity()
    // Telegram has so many connections and no more; whoever has more is not Telegram.
    return waiting >= 2 * connections ? answer(503, 'try again') : await take(update)
  }
}
