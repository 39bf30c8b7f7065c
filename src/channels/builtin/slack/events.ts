/** Slack calls us. */
import { createHmac } from 'node:crypto'
import { secretsEqual } from '../../../auth/secret.ts'
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
import { createHookDoor, hookAnswer } from '../../http/hook-door.ts'
import { parseJson } from '../../http/service.ts'
import type { Intake } from './intake.ts'
import type { EventCallback } from './wire.ts'

const maxBodyBytes = 1024 * 1024
/** What is older was kept by somebody and is said again. */
const signatureHoldsMs = 300_000
/** Slack gives up after three seconds and calls again, up to three times within an hour. */
const answerWithinMs = 2500

function isSigned ({ headers, body }: WebhookRequest, secret: string, now: number): boolean {
  const at = headers['x-slack-request-timestamp'] ?? ''
  if (!/^\d{1,12}$/.test(at) || Math.abs(now - Number(at) * 1000) > signatureHoldsMs) return false
  const expected = `v0=${createHmac('sha256', secret).update(`v0:${at}:`).update(body).digest('hex')}`
  return secretsEqual((headers['x-slack-signature'] ?? '').toLowerCase(), expected)
}

interface Options extends Pick<AccountContext, 'log' | 'activity' | 'now'> {
  readonly signingSecret: string
  readonly intake: Intake
}

type Handle = (request: WebhookRequest) => Promise<WebhookAnswer>

export function createWebhook ({ signingSecret, intake, log, activity, now }: Options): Handle {
  const inTurn = createOneAtATime()
  const door = createHookDoor({ service: 'Slack', log, answerWithinMs })

  return async request => {
    const { method, body, headers } = request
    if (method !== 'POST') return { ...hookAnswer(405, 'POST only'), headers: { allow: 'POST' } }
    if (body.length > maxBodyBytes) return hookAnswer(413, 'too large')
    if (!isSigned(request, signingSecret, now())) return hookAnswer(401, 'the signature does not fit, or is too old')
    const said = parseJson(body)
    if (!said) return hookAnswer(400, 'not an event')
    activity()
    if (said.type === 'url_verification') return { status: 200, body: { challenge: String(said.challenge).slice(0, 500) } }
    if (said.type === 'app_rate_limited') {
      log.warn('Slack leaves out events: more than 30,000 came within an hour')
      return hookAnswer(200)
    }
    if (said.type !== 'event_callback') return hookAnswer(200)
    const retry = headers['x-slack-retry-num']
    if (retry !== undefined) log.debug({ retry, reason: headers['x-slack-retry-reason'] }, 'Slack calls again')
    return await door(async () => await inTurn(async () => await intake.take(said as EventCallback)))
  }
}
