/** BlueBubbles calls us, with the secret in the address: it can send none elsewhere. */
import { secretsEqual } from '../../../auth/secret.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
import { createHookDoor, hookAnswer } from '../../http/hook-door.ts'
import { isJson, parseJson } from '../../http/service.ts'
import type { Api } from './api.ts'
import type { Intake } from './intake.ts'
import type { BluebubblesSettings } from './settings.ts'
import type { WireMessage } from './wire.ts'

export const webhookEvents = ['new-message', 'updated-message'] as const
export const maxBodyBytes = 2 * 1024 * 1024

const presented = ({ query, headers }: WebhookRequest): string =>
  query.password ?? query.guid ?? query.token ?? headers['x-password'] ?? /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''

function messageOf (body: Buffer): { readonly isOurs: boolean, readonly message?: WireMessage } | undefined {
  const event = parseJson(body)
  if (typeof event?.type !== 'string') return undefined
  const isMessage = webhookEvents.some(type => type === event.type) && isJson(event.data) && typeof event.data.guid === 'string'
  return { isOurs: true, ...(isMessage ? { message: event.data as unknown as WireMessage } : {}) }
}

export function createWebhook (secret: string, intake: Intake, { log, activity }: Pick<AccountContext, 'log' | 'activity'>): (request: WebhookRequest) => Promise<WebhookAnswer> {
  const door = createHookDoor({ service: 'BlueBubbles', log })
  return async request => {
    if (request.method !== 'POST') return { ...hookAnswer(405, 'POST only'), headers: { allow: 'POST' } }
    if (!secretsEqual(presented(request), secret)) return hookAnswer(401, 'unauthorized')
    if (request.body.length > maxBodyBytes) return hookAnswer(413, 'too large')
    const event = messageOf(request.body)
    if (!event) return hookAnswer(400, 'not an event of BlueBubbles')
    activity()
    const { message } = event
    return message ? await door(async () => await intake.take(message)) : hookAnswer(200)
  }
}

interface Entered { readonly id?: unknown, readonly url: string }

const isEntered = (hook: unknown): hook is Entered => isJson(hook) && typeof hook.url === 'string'

/** Enters our address there, unless it stands there already. One with an earlier secret would be refused at every message. */
export async function registerWebhook (api: Api, { webhookUrl, webhookSecret }: BluebubblesSettings, signal: AbortSignal): Promise<void> {
  if (webhookUrl === undefined) return
  const url = new URL(webhookUrl)
  const place = `${url.origin}${url.pathname}`
  url.searchParams.set('password', webhookSecret)
  const known = await api.call<unknown>('GET', 'webhook', { signal })
  const here = (Array.isArray(known) ? known.filter(isEntered) : []).filter(hook => hook.url.split('?')[0] === place)
  for (const { id, url: old } of here) {
    if (old !== url.href && Number.isSafeInteger(id)) await api.call('DELETE', `webhook/${String(id)}`, { signal })
  }
  if (here.some(hook => hook.url === url.href)) return
  await api.call('POST', 'webhook', { signal, json: { url: url.href, events: webhookEvents } })
}
