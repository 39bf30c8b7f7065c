/** The Bot API: one call, its result or what went wrong. */
import { ApiRefusal, type ApiRefusalFacts } from '../../http/api-refusal.ts'
import { createSender, NoAnswer } from '../../http/request.ts'
import { multipart, type Upload } from '../../http/multipart.ts'
import { parseJson } from '../../http/service.ts'
import type { TelegramSettings } from './settings.ts'

export interface Api {
  call <Result>(method: string, params: Params, options: CallOptions): Promise<Result>
  /** The bytes behind a path that `getFile` has told. */
  download (path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export interface Params { readonly [name: string]: unknown }

export interface CallOptions {
  readonly signal: AbortSignal
  /** Beyond what every call may take. */
  readonly extraMs?: number
  readonly upload?: Upload
}

/** What was answered in place of a result. */
export class Refusal extends ApiRefusal {
  /** The group has become a supergroup and has another id now. */
  readonly migratedTo: string | undefined

  constructor (method: string, { migratedTo, ...facts }: ApiRefusalFacts & { readonly migratedTo: string | undefined }) {
    super(`Telegram answered ${facts.status} to ${method}: ${facts.description}`, facts)
    this.migratedTo = migratedTo
  }

  /** Malformed tokens are not found; methods are not found in more words. */
  override get isUnauthorized (): boolean {
    return super.isUnauthorized || (this.isOfService && this.status === 404 && this.description === 'Not Found')
  }
}

interface Envelope {
  readonly ok?: unknown
  readonly result?: unknown
  readonly error_code?: unknown
  readonly description?: unknown
  readonly parameters?: { readonly retry_after?: unknown, readonly migrate_to_chat_id?: unknown }
}

const maxAnswerBytes = 16 * 1024 * 1024
const maxRetryAfterS = 24 * 3600

function envelopeOf (bytes: Buffer): Envelope | undefined {
  const value = parseJson(bytes)
  return typeof value?.ok === 'boolean' ? value : undefined
}

export function createApi (settings: TelegramSettings): Api {
  const { token, apiRoot, proxy, timeoutMs } = settings
  const sender = createSender(apiRoot, proxy)
  const { host } = new URL(apiRoot)

  /** Whoever answers may repeat the address, and with it the token. */
  const safe = (text: string): string => text.replaceAll(token, '***').replaceAll(encodeURIComponent(token), '***').slice(0, 300)

  function refusal (method: string, status: number, envelope: Envelope | undefined): Refusal {
    const { error_code: code, description, parameters = {} } = envelope ?? {}
    const { retry_after: after, migrate_to_chat_id: migratedTo } = parameters
    return new Refusal(method, {
      status: typeof code === 'number' ? code : status,
      description: typeof description === 'string' ? safe(description) : `${host} sent no answer of the Bot API`,
      retryAfterMs: typeof after === 'number' && after >= 0 ? Math.min(after, maxRetryAfterS) * 1000 : undefined,
      migratedTo: typeof migratedTo === 'number' ? String(migratedTo) : undefined,
      isOfService: envelope !== undefined
    })
  }

  return {
    async call <Result>(method: string, params: Params, { signal, extraMs = 0, upload }: CallOptions): Promise<Result> {
      const body = upload
        ? multipart(params, upload)
        : { type: 'application/json', bytes: Buffer.from(JSON.stringify(params)) }
      const { status, bytes } = await sender.request({
        path: `/bot${token}/${method}`, method: 'POST', body, maxBytes: maxAnswerBytes, timeoutMs: timeoutMs + extraMs, signal
      })
      const envelope = envelopeOf(bytes)
      if (status === 200 && envelope?.ok === true) return envelope.result as Result
      // An answer that nobody can read may stand for a message that was sent.
      if (status === 200 && !envelope) throw new NoAnswer(`${host} sent no answer of the Bot API to ${method}; check apiRoot`, true)
      throw refusal(method, status, envelope)
    },
    async download (path, maxBytes, signal) {
      const segments = path.split('/')
      if (path.startsWith('/')) {
        throw new Error('the Bot API server keeps files in a directory of its own (--local); start it without that, so that they can be fetched')
      }
      if (segments.some(segment => segment === '' || segment === '.' || segment === '..')) throw new Error('Telegram told a path of a file that is none')
      const { status, bytes } = await sender.request({
        path: `/file/bot${token}/${segments.map(encodeURIComponent).join('/')}`, method: 'GET', maxBytes, timeoutMs: timeoutMs + 60_000, signal
      })
      if (status !== 200) throw new Error(`Telegram answered ${status} when a file was fetched`)
      return bytes
    },
    close: () => sender.close()
  }
}
