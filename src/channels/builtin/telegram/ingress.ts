/** Whether Telegram can reach us: it alone knows, and says so when it is asked. */
import type { AccountContext } from '../../define-channel.ts'
import { pause } from '../../waiting.ts'
import { Refusal, type Api } from './api.ts'
import type { TelegramSettings } from './settings.ts'

interface WebhookInfo {
  readonly url?: string
  readonly pending_update_count?: number
  /** In seconds. */
  readonly last_error_date?: number
  readonly last_error_message?: string
}

export interface IngressOptions {
  readonly api: Api
  readonly context: Pick<AccountContext, 'log' | 'now' | 'ingress'>
  readonly webhook: NonNullable<TelegramSettings['webhook']>
  /** When Telegram called last. */
  readonly heardAtMs: () => number
  readonly signal: AbortSignal
  readonly unauthorized: (refusal: Refusal) => void
}

/** Its clock and ours differ, and what failed once may have arrived with the next try. */
const slackMs = 60_000
/** Its clock counts whole seconds. */
const secondMs = 1000

function problemOf ({ url = '', pending_update_count: pending = 0, last_error_date: failedAt = 0, last_error_message: message }: WebhookInfo,
  ours: string, beganAtMs: number, heardAtMs: number): string | undefined {
  if (url !== ours) return `Telegram does not call ${ours} any more: ${url === '' ? 'its webhook was taken away' : 'something else has entered another webhook'}`
  const failedAtMs = failedAt * secondMs
  const isOver = pending === 0 || failedAtMs < beganAtMs - secondMs || heardAtMs > failedAtMs - slackMs
  return isOver ? undefined : `Telegram cannot bring ${pending} messages to ${ours}: ${message ?? 'it says not why'}`
}

/** Asks every so often until the signal. That Telegram itself is away is nothing that a restart would help against. */
export async function watchIngress ({ api, context, webhook, heardAtMs, signal, unauthorized }: IngressOptions): Promise<void> {
  const beganAtMs = context.now()
  while (await pause(webhook.checkMs, signal)) {
    try {
      context.ingress(problemOf(await api.call<WebhookInfo>('getWebhookInfo', {}, { signal }), webhook.url, beganAtMs, heardAtMs()))
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof Refusal && err.isUnauthorized) return unauthorized(err)
      context.log.debug({ err }, 'Telegram could not be asked whether it reaches us')
    }
  }
}
