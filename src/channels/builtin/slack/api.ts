/** Slack's Web API: one call, its result or what went wrong. */
import { createSender, type Sender } from '../../http/request.ts'
import { callService, outcomeOfStatus, ServiceRefusal, type Json, type ServiceAnswer } from '../../http/service.ts'
import { pause } from '../../waiting.ts'
import { appsPage, type SlackSettings } from './settings.ts'

export interface Api {
  call <Result = Json>(method: string, params: Json, options: CallOptions): Promise<Result>
  /** Brings bytes to a place that Slack has told. */
  upload (url: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>
  download (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export interface CallOptions {
  readonly signal: AbortSignal
  /** In place of the bot's. */
  readonly token?: string
}

/** Longer waits are the caller's. */
const patienceMs = 10_000
const mostTries = 3
const mostRedirects = 3
const mostHosts = 8

const unauthorizedErrors: ReadonlySet<string> = new Set([
  'invalid_auth', 'not_authed', 'account_inactive', 'token_revoked', 'token_expired', 'team_disabled', 'user_removed_from_team', 'not_allowed_token_type'
])
const laterErrors: ReadonlySet<string> = new Set(['ratelimited', 'rate_limited', 'service_unavailable', 'request_timeout', 'accesslimited'])
/** Some of it may have been done. */
const unknownErrors: ReadonlySet<string> = new Set(['internal_error', 'fatal_error'])

const advice: { readonly [code: string]: string } = {
  not_in_channel: 'invite the bot into the channel',
  missing_scope: `add the scope at ${appsPage}, under OAuth & Permissions, and install the app again`
}

export const unauthorized = ({ code }: ServiceRefusal): string =>
  `Slack does not take the token any more (${code}); install the app again at ${appsPage} and put its tokens into channels.slack`

function outcomeOf (code: string): ServiceRefusal['outcome'] {
  if (laterErrors.has(code) || unauthorizedErrors.has(code)) return 'later'
  return unknownErrors.has(code) ? 'unknown' : 'refused'
}

/** Lists and objects go as JSON within a form: not every method takes JSON as a whole. */
function formOf (params: Json): { type: string, bytes: Buffer } {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) form.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  return { type: 'application/x-www-form-urlencoded', bytes: Buffer.from(form.toString()) }
}

class SlackApi implements Api {
  readonly #settings: SlackSettings
  readonly #sender: Sender
  readonly #hosts = new Map<string, Sender>()
  readonly #secrets: readonly string[]

  constructor (settings: SlackSettings) {
    this.#settings = settings
    this.#sender = createSender(settings.apiRoot, undefined)
    this.#secrets = [settings.botToken, settings.source.kind === 'socket' ? settings.source.appToken : settings.source.signingSecret]
  }

  async call <Result>(method: string, params: Json, { signal, token = this.#settings.botToken }: CallOptions): Promise<Result> {
    const { timeoutMs } = this.#settings
    for (let tries = 1; ; tries++) {
      const answer = await callService(this.#sender, {
        method: 'POST', path: `/${method}`, headers: { authorization: `Bearer ${token}` }, body: formOf(params), timeoutMs, signal
      })
      if (answer.status === 200 && answer.json?.ok === true) return answer.json as Result
      const refusal = this.#refusal(method, answer)
      const waitMs = refusal.retryAfterMs ?? Infinity
      if (refusal.outcome !== 'later' || tries >= mostTries || waitMs > patienceMs || !await pause(waitMs, signal)) throw refusal
    }
  }

  async upload (url: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { pathname, search } = new URL(url)
    const { status } = await this.#at(url).request({
      path: pathname + search,
      method: 'POST',
      body: { type: 'application/octet-stream', bytes },
      maxBytes: 64 * 1024,
      timeoutMs: this.#settings.timeoutMs + 60_000 + bytes.length / 50,
      signal
    })
    // Nobody sees a file before it is completed, so that it can be brought again.
    if (status === 200) return
    const outcome = status >= 500 || status === 429 ? 'later' : 'refused'
    throw new ServiceRefusal(`Slack answered ${status} when a file was brought`, { outcome, status })
  }

  async download (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    let address = url
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const { pathname, search } = new URL(address)
      const { status, headers, bytes } = await this.#at(address).request({
        path: pathname + search,
        method: 'GET',
        headers: { authorization: `Bearer ${this.#settings.botToken}` },
        maxBytes,
        timeoutMs: this.#settings.timeoutMs + 60_000,
        signal
      })
      if (status >= 300 && status < 400 && headers.location !== undefined) {
        address = new URL(headers.location, address).href
        continue
      }
      if (status !== 200) throw new Error(`Slack answered ${status} when a file was fetched`)
      // Whoever may not read files is shown the page for people to log in.
      const isPage = /^text\/html/.test(headers['content-type'] ?? '') && !/\.html?$/.test(pathname)
      if (isPage) throw new Error(`the bot may not read files; add the scope files:read at ${appsPage}`)
      return bytes
    }
    throw new Error('Slack led in circles when a file was fetched')
  }

  close (): void {
    for (const sender of [this.#sender, ...this.#hosts.values()]) sender.close()
  }

  /** Files show the token to whoever keeps them, so that it must be Slack. */
  #at (url: string): Sender {
    const { origin, protocol, hostname } = new URL(url)
    const isSlack = protocol === 'https:' && /(?:^|\.)slack\.com$/.test(hostname)
    if (!isSlack && origin !== new URL(this.#settings.apiRoot).origin) throw new Error(`${hostname} keeps no files of Slack`)
    const sender = this.#hosts.get(origin) ?? createSender(origin, undefined)
    this.#hosts.set(origin, sender)
    const [oldest] = this.#hosts.keys()
    if (this.#hosts.size > mostHosts && oldest !== undefined) {
      this.#hosts.get(oldest)!.close()
      this.#hosts.delete(oldest)
    }
    return sender
  }

  #refusal (method: string, { status, json, retryAfterMs }: ServiceAnswer): ServiceRefusal {
    if (typeof json?.error !== 'string') {
      const { host } = new URL(this.#settings.apiRoot)
      return new ServiceRefusal(`${host} answered ${status} to ${method}, and nothing of Slack`, { outcome: outcomeOfStatus(status), status, retryAfterMs })
    }
    const code = this.#secrets.reduce((text, secret) => text.replaceAll(secret, '***'), json.error).slice(0, 100)
    const needed = typeof json.needed === 'string' ? ` (${json.needed.slice(0, 100)})` : ''
    const next = Object.hasOwn(advice, code) ? `; ${advice[code]}` : ''
    return new ServiceRefusal(`Slack answered ${code}${needed} to ${method}${next}`, {
      outcome: status === 429 ? 'later' : status >= 500 && !laterErrors.has(code) ? 'unknown' : outcomeOf(code),
      status,
      code,
      retryAfterMs,
      isUnauthorized: unauthorizedErrors.has(code)
    })
  }
}

export const createApi = (settings: SlackSettings): Api => new SlackApi(settings)
