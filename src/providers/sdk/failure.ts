/** What went wrong at a provider, in the words that decide about retry and fallback. */
import { ProviderError, type ProviderErrorKind } from '../model.ts'

/** The library's errors, by their fields: to load its classes for a comparison would cost more. */
interface LibraryError {
  readonly name?: string
  readonly message?: string
  readonly statusCode?: number
  readonly responseHeaders?: { readonly [name: string]: string }
  readonly responseBody?: string
  /** An error frame within a stream. */
  readonly type?: string
  readonly code?: string | number
  readonly data?: unknown
  readonly cause?: unknown
}

const maxDetailLength = 500

export function failureOf (error: unknown, partial: boolean, now: () => number): ProviderError {
  if (error instanceof ProviderError) return partial && !error.partial ? again(error) : error
  const known = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as LibraryError
  if (known.name === 'AbortError') return new ProviderError('aborted', 'the step was aborted', { partial, cause: error })
  if (known.cause instanceof ProviderError) return failureOf(known.cause, partial, now)
  const status = known.statusCode
  if (status === undefined && known.type === undefined && known.data === undefined) return unreadable(known, partial, error)
  const detail = detailOf(known)
  const retryAfterMs = retryAfter(known.responseHeaders ?? {}, known.responseBody, now)
  return new ProviderError(kindOf(status, `${known.type ?? ''} ${known.code ?? ''} ${detail} ${known.responseBody ?? ''}`), detail, {
    partial,
    cause: error,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
}

const again = ({ kind, message, status, retryAfterMs, cause }: ProviderError): ProviderError => new ProviderError(kind, message, {
  partial: true,
  cause,
  ...(status === undefined ? {} : { status }),
  ...(retryAfterMs === undefined ? {} : { retryAfterMs })
})

/** Neither a status nor an error frame: the library could not put the request into words, or could not read the answer. */
function unreadable (known: LibraryError, partial: boolean, cause: unknown): ProviderError {
  const ours = /UnsupportedFunctionality|InvalidArgument|InvalidPrompt/.test(known.name ?? '')
  return ours
    ? new ProviderError('format', cut(known.message ?? 'the request cannot be put into words of this provider'), { partial, cause })
    : new ProviderError('server_error', `the provider's answer cannot be read: ${cut(known.message ?? 'unknown error')}`, { partial, cause })
}

/** In this order: what is said counts for more than its number, since vendors share numbers between causes. */
const said: ReadonlyArray<readonly [RegExp, ProviderErrorKind]> = [
  [/context_length_exceeded|prompt is too long|maximum context length|request_too_large/i, 'context_overflow'],
  [/input token count.*exceeds|exceeds? the (maximum|context)/i, 'context_overflow'],
  [/insufficient_quota|credit balance|billing_error|billing (is )?(disabled|not enabled|hard limit)|payment required/i, 'billing'],
  [/invalid_api_key|API_KEY_INVALID|API key not valid|authentication_error|permission_error|PERMISSION_DENIED|UNAUTHENTICATED/i, 'auth'],
  [/model_not_found|model:? .*not found|does not exist or you do not have access/i, 'model_not_found'],
  [/overloaded/i, 'overloaded'],
  [/rate_limit|RESOURCE_EXHAUSTED/i, 'rate_limit'],
  [/content_policy|content_filter/i, 'refusal']
]

const byStatus: { readonly [status: number]: ProviderErrorKind } = {
  401: 'auth',
  402: 'billing',
  403: 'auth',
  404: 'model_not_found',
  408: 'timeout',
  413: 'context_overflow',
  429: 'rate_limit',
  503: 'overloaded',
  504: 'timeout',
  529: 'overloaded'
}

function kindOf (status: number | undefined, text: string): ProviderErrorKind {
  // A proxy's error page may say anything.
  const spoken = status === 500 || status === 502 ? undefined : said.find(([pattern]) => pattern.test(text))?.[1]
  if (spoken) return spoken
  if (status === undefined || status >= 500) return byStatus[status ?? 0] ?? 'server_error'
  return byStatus[status] ?? 'format'
}

function detailOf ({ message, statusCode, responseBody }: LibraryError): string {
  const text = message?.trim() || responseBody?.trim() || 'the provider gave no reason'
  return statusCode === undefined ? cut(text) : `${cut(text)} (HTTP ${statusCode})`
}

const cut = (text: string): string => text.length > maxDetailLength ? `${text.slice(0, maxDetailLength)}…` : text

/** Seconds, a date, OpenAI's milliseconds, or Google's `retryDelay` in the body. */
function retryAfter (headers: { readonly [name: string]: string }, body: string | undefined, now: () => number): number | undefined {
  const ms = Number.parseFloat(headers['retry-after-ms'] ?? '')
  if (ms >= 0) return ms
  const header = headers['retry-after']
  if (header !== undefined) {
    const seconds = Number(header)
    const until = Date.parse(header)
    if (seconds >= 0) return seconds * 1000
    if (!Number.isNaN(until)) return Math.max(0, until - now())
  }
  const delay = /"retryDelay"\s*:\s*"([\d.]+)s"/.exec(body ?? '')?.[1]
  return delay === undefined ? undefined : Number(delay) * 1000
}
