/** WhatsApp calls us. An app has one address for all of its numbers, so what is for another account of the same app is handed to it. */
import { createHmac } from 'node:crypto'
import { secretsEqual } from '../../../auth/secret.ts'
import { createRecent } from '../../../lib/recent.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
import { createHookDoor, hookAnswer } from '../../http/hook-door.ts'
import { parseJson } from '../../http/service.ts'
import type { WhatsappSettings } from './settings.ts'
import { adviceFor, wordsOf } from './refusal.ts'
import type { Notification, WireMessage, WireStatus, WireValue } from './wire.ts'

/** Where the messages of one number go. */
export interface Taker {
  readonly appSecret: string
  take (message: WireMessage, value: WireValue): Promise<void>
}

const takers = new Map<string, Taker>()

export function takeFor (phoneNumberId: string, taker: Taker, ending: AbortSignal): void {
  takers.set(phoneNumberId, taker)
  ending.addEventListener('abort', () => { if (takers.get(phoneNumberId) === taker) takers.delete(phoneNumberId) })
}

export const maxBodyBytes = 3 * 1024 * 1024

function isSigned ({ headers, body }: WebhookRequest, appSecret: string): boolean {
  const given = /^sha256=([0-9a-f]{64})$/i.exec(headers['x-hub-signature-256'] ?? '')?.[1]
  return given !== undefined && secretsEqual(given.toLowerCase(), createHmac('sha256', appSecret).update(body).digest('hex'))
}

/** Whoever enters the address in the App Dashboard proves that it is theirs. */
function verified ({ query }: WebhookRequest, verifyToken: string): WebhookAnswer {
  const challenge = query['hub.challenge'] ?? ''
  const isOurs = query['hub.mode'] === 'subscribe' && secretsEqual(query['hub.verify_token'] ?? '', verifyToken)
  if (!isOurs) return hookAnswer(403, 'the verify token is not the one that is configured')
  // It is given back as it came, so it must not be anything that a browser would show.
  if (!/^[\w.-]{1,200}$/.test(challenge)) return hookAnswer(400, 'hub.challenge is missing or has odd characters')
  return { status: 200, body: challenge, headers: { 'content-type': 'text/plain; charset=utf-8' } }
}

function notificationOf (body: Buffer): Notification | undefined {
  const value = parseJson(body)
  return value?.object === 'whatsapp_business_account' && Array.isArray(value.entry) ? value as unknown as Notification : undefined
}

const valuesOf = ({ entry }: Notification): WireValue[] => entry
  .flatMap(({ changes }) => Array.isArray(changes) ? changes : [])
  .filter(({ field, value }) => field === 'messages' && typeof value === 'object' && value !== null)
  .map(({ value }) => value!)

type Options = Pick<AccountContext, 'log' | 'activity'> & { readonly settings: WhatsappSettings }

export function createWebhook ({ settings, log, activity }: Options): (request: WebhookRequest) => Promise<WebhookAnswer> {
  const { appSecret, verifyToken } = settings
  const door = createHookDoor({ service: 'WhatsApp', log })
  const strangers = createRecent<true>(50)

  function takerOf ({ metadata }: WireValue): Taker | undefined {
    const id = String(metadata?.phone_number_id ?? '').slice(0, 40)
    const taker = takers.get(id)
    // Signed with the secret of one app says nothing about the numbers of another.
    if (taker && secretsEqual(taker.appSecret, appSecret)) return taker
    if (!strangers.get(id)) log.warn({ phoneNumberId: id }, 'messages to a number that no account here has are left out; name it in channels.whatsapp.accounts')
    strangers.set(id, true)
    return undefined
  }

  /** A message that was accepted may fail later, which is told here and nowhere else. */
  function note ({ id, status, recipient_id: to, errors }: WireStatus): void {
    if (status !== 'failed') return
    const [error] = errors ?? []
    log.warn({ messageId: id, to }, `WhatsApp did not deliver a message: ${error ? wordsOf(error).slice(0, 300) + adviceFor(error.code ?? -1) : 'it says not why'}`)
  }

  async function take (notification: Notification): Promise<void> {
    for (const value of valuesOf(notification)) {
      for (const status of Array.isArray(value.statuses) ? value.statuses : []) note(status)
      const messages = Array.isArray(value.messages) ? value.messages : []
      const taker = messages.length > 0 ? takerOf(value) : undefined
      for (const message of taker ? messages : []) {
        if (typeof message?.id === 'string' && typeof message.from === 'string') await taker!.take(message, value)
      }
    }
  }

  return async request => {
    if (request.method === 'GET') return verified(request, verifyToken)
    if (request.method !== 'POST') return { ...hookAnswer(405, 'GET or POST only'), headers: { allow: 'GET, POST' } }
    if (request.body.length > maxBodyBytes) return hookAnswer(413, 'too large')
    if (!isSigned(request, appSecret)) return hookAnswer(401, 'unauthorized')
    const notification = notificationOf(request.body)
    if (!notification) return hookAnswer(400, 'not a notification of WhatsApp')
    activity()
    return await door(async () => await take(notification))
  }
}
