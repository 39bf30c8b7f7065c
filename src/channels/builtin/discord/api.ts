/** Discord's REST API: one call, its result or what went wrong, never more often than allowed. */
import { steadyNow } from '../../../lib/clock.ts'
import { packageVersion } from '../../../lib/package-version.ts'
import { ApiRefusal, type ApiRefusalFacts } from '../../http/api-refusal.ts'
import { multipart, type Upload } from '../../http/multipart.ts'
import { createSender, NoAnswer, type Answer, type Sender } from '../../http/request.ts'
import { jsonIn, parseJson } from '../../http/service.ts'
import { pause } from '../../waiting.ts'
import { RateLimits, routeOf, waitOf } from './limits.ts'
import type { DiscordSettings } from './settings.ts'

export interface Api {
  call <Result>(method: Method, path: string, options: CallOptions): Promise<Result>
  /** The bytes of an attachment. */
  download (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface CallOptions {
  readonly signal: AbortSignal
  readonly body?: { readonly [name: string]: unknown }
  readonly upload?: Upload
  readonly extraMs?: number
}

/** What was answered in place of a result. */
export class Refusal extends ApiRefusal {
  /** Discord's own number of what is wrong; 0 without one. */
  readonly code: number

  constructor (what: string, { code, ...facts }: ApiRefusalFacts & { readonly code: number }) {
    super(`Discord answered ${facts.status} to ${what}: ${facts.description}`, facts)
    this.code = code
  }
}

const maxAnswerBytes = 16 * 1024 * 1024
/** Longer waits are the caller's. */
const patienceMs = 10_000
const mostTries = 3
const cdnHosts: ReadonlySet<string> = new Set(['cdn.discordapp.com', 'media.discordapp.net'])

interface Envelope {
  readonly code?: unknown
  readonly message?: unknown
  readonly retry_after?: unknown
  readonly global?: unknown
  readonly errors?: unknown
}

/** Ids in what errors name make no difference to people. */
const nameOf = (method: Method, path: string): string => `${method} ${path.split('?')[0]!.replace(/\d{15,20}/g, ':id')}`

class DiscordApi implements Api {
  readonly #settings: DiscordSettings
  readonly #limits = new RateLimits()
  readonly #sender: Sender
  readonly #files = new Map<string, Sender>()
  readonly #headers: { readonly [name: string]: string }

  constructor (settings: DiscordSettings) {
    this.#settings = settings
    this.#sender = createSender(settings.apiRoot, undefined)
    // Whoever does not name itself in this way is turned away before the API.
    this.#headers = { authorization: `Bot ${settings.token}`, 'user-agent': `DiscordBot (openclaw-gateway, ${packageVersion()})` }
  }

  async call <Result>(method: Method, path: string, options: CallOptions): Promise<Result> {
    const route = routeOf(method, path)
    for (let tries = 1; ; tries++) {
      await this.#turn(route, nameOf(method, path), options.signal)
      const answer = await this.#request(method, path, options)
      this.#limits.note(route, answer.headers, steadyNow())
      if (answer.status >= 200 && answer.status < 300) return this.#result<Result>(answer)
      const refusal = this.#refusal(nameOf(method, path), answer)
      if (refusal.status !== 429) throw refusal
      const waitMs = refusal.retryAfterMs ?? 1000
      this.#limits.refused(route, waitMs, this.#isGlobal(answer), steadyNow())
      if (tries >= mostTries || waitMs > patienceMs) throw refusal
    }
  }

  async download (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const { origin, protocol, hostname, pathname, search } = new URL(url)
    const own = new URL(this.#settings.apiRoot)
    // The address stands in what somebody else says; only Discord's own is fetched, and the token is not shown there.
    if (origin !== own.origin && !(protocol === 'https:' && cdnHosts.has(hostname))) throw new Error(`${hostname} keeps no files of Discord`)
    const sender = this.#files.get(origin) ?? createSender(origin, undefined)
    this.#files.set(origin, sender)
    const { status, bytes } = await sender.request({
      path: `${pathname}${search}`, method: 'GET', maxBytes, timeoutMs: this.#settings.timeoutMs + 60_000, signal
    })
    if (status !== 200) throw new Error(`Discord answered ${status} when a file was fetched`)
    return bytes
  }

  close (): void {
    for (const sender of [this.#sender, ...this.#files.values()]) sender.close()
  }

  /** Waits until the route may be called, unless that takes too long. */
  async #turn (route: string, what: string, signal: AbortSignal): Promise<void> {
    for (let waitMs = this.#limits.take(route, steadyNow()); waitMs > 0; waitMs = this.#limits.take(route, steadyNow())) {
      if (waitMs > patienceMs) {
        throw new Refusal(what, { status: 429, code: 0, description: 'asked to wait', retryAfterMs: waitMs, isOfService: true })
      }
      if (!await pause(waitMs, signal)) throw new NoAnswer('the request was called off', false)
    }
  }

  async #request (method: Method, path: string, { signal, body, upload, extraMs = 0 }: CallOptions): Promise<Answer> {
    const form = upload
      ? multipart({ payload_json: body }, upload)
      : body && { type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) }
    return await this.#sender.request({
      path,
      method,
      headers: this.#headers,
      ...(form ? { body: form } : {}),
      maxBytes: maxAnswerBytes,
      timeoutMs: this.#settings.timeoutMs + extraMs,
      signal
    })
  }

  #result <Result>({ status, bytes }: Answer): Result {
    if (status === 204 || bytes.length === 0) return undefined as Result
    const result = jsonIn(bytes)
    // An answer that nobody can read may stand for a message that was sent.
    if (result === undefined) throw new NoAnswer('the answer is none of Discord; check apiRoot', true)
    return result as Result
  }

  #isGlobal ({ headers, bytes }: Answer): boolean {
    return headers['x-ratelimit-global'] !== undefined || headers['x-ratelimit-scope'] === 'global' || parseJson(bytes)?.global === true
  }

  #refusal (what: string, { status, headers, bytes }: Answer): Refusal {
    const { code, message, retry_after: after, errors }: Envelope = parseJson(bytes) ?? {}
    const detail = errors === undefined ? '' : ` ${JSON.stringify(errors)}`
    const said = typeof message === 'string' ? `${message}${detail}` : `${new URL(this.#settings.apiRoot).host} sent no answer of Discord`
    return new Refusal(what, {
      status,
      code: typeof code === 'number' ? code : 0,
      description: said.replaceAll(this.#settings.token, '***').slice(0, 300),
      retryAfterMs: waitOf(after) ?? waitOf(headers['retry-after']),
      isOfService: typeof message === 'string'
    })
  }
}

export const createApi = (settings: DiscordSettings): Api => new DiscordApi(settings)
