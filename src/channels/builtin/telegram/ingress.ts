/** Whether Telegram can reach us. */
import type { AccountContext } from '../../define-channel.ts'
import type { Api } from './api.ts'
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
  readonly context: Pick<AccountContext, 'now'>
  readonly webhook: NonNullable<TelegramSettings['webhook']>
  /** When Telegram called last. */
  readonly heardAtMs: () => number
  readonly signal: AbortSignal
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

export function createIngress ({ api, context, webhook, heardAtMs, signal }: IngressOptions): () => Promise<string | undefined> {
  const beganAtMs = context.now()
  return async () => problemOf(await api.call<WebhookInfo>('getWebhookInfo', {}, { signal }), webhook.url, beganAtMs, heardAtMs())
}
