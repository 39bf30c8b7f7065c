/** What went wrong at an OpenAI-compatible server, as a kind that decides what happens next and a sentence that says what to do. */
import { ProviderError, type ProviderErrorKind, type ProviderSettings } from '../model.ts'

export interface RefusedAnswer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: string
}

const maxDetailCharacters = 600

/** What is said counts for more than the status, because servers share statuses between causes. */
const said: ReadonlyArray<readonly [RegExp, ProviderErrorKind]> = [
  [/context_length_exceeded|maximum context length|context (length|window|size)\b.*(exceed|larger|too)|exceeds? the (available |maximum )?context|prompt is too long|exceed_context_size/i, 'context_overflow'],
  [/insufficient_quota|insufficient (balance|credits?|funds)|credit balance|billing|payment required|not enough credits/i, 'billing'],
  [/invalid_api_key|incorrect api key|invalid api key|api.key.(not valid|invalid)|invalid authentication|no auth credentials|unauthorized/i, 'auth'],
  [/model_not_found|model[^.]{0,80}(not found|does not exist|not exist)|no such model|try pulling it first/i, 'model_not_found'],
  [/overloaded|at capacity|server (is )?busy|loading model/i, 'overloaded'],
  [/rate.?limit|too many requests/i, 'rate_limit'],
  [/content_policy|content_filter|content management policy/i, 'refusal']
]

const byStatus: { readonly [status: number]: ProviderErrorKind } = {
  401: 'auth',
  402: 'billing',
  403: 'auth',
  404: 'model_not_found',
  408: 'timeout',
  413: 'context_overflow',
  425: 'overloaded',
  429: 'rate_limit',
  503: 'overloaded',
  504: 'timeout',
  524: 'timeout',
  529: 'overloaded'
}

export function kindOf (status: number | undefined, text: string): ProviderErrorKind {
  // Pages of a proxy between us and the provider say anything.
  const spoken = status === 500 || status === 502 ? undefined : said.find(([pattern]) => pattern.test(text))?.[1]
  // A temporary limit of use is no empty account.
  if (spoken === 'billing' && status === 429 && !/insufficient|credit/i.test(text)) return 'rate_limit'
  if (spoken && !(status === 401 && spoken !== 'billing')) return spoken
  if (status === undefined || status >= 500) return byStatus[status ?? 0] ?? 'server_error'
  return byStatus[status] ?? 'format'
}

export interface Said {
  readonly message: string
  /** Everything that may name the cause: codes, types, the message. */
  readonly all: string
}

const textIn = (value: unknown): string => typeof value === 'string' || typeof value === 'number' ? String(value) : ''

type Fields = { readonly [name: string]: unknown }
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The shapes that servers put their errors in: OpenAI, vLLM, FastAPI, Ollama, Google's list, OpenRouter's wrapped one. */
export function readError (value: unknown): Said {
  if (Array.isArray(value)) return readError(value[0])
  if (!isFields(value)) return { message: textIn(value), all: textIn(value) }
  const inner = isFields(value.error) || Array.isArray(value.error) ? readError(value.error) : undefined
  const details = Array.isArray(value.detail)
    ? value.detail.filter(isFields).map(({ msg, loc }) => `${Array.isArray(loc) ? `${loc.join('.')}: ` : ''}${textIn(msg)}`).join('; ')
    : textIn(value.detail)
  const wrapped = isFields(value.metadata) ? textIn(value.metadata.raw) : ''
  const own = textIn(value.error) || textIn(value.message) || details || textIn(value.error_description) || textIn(value.title)
  const message = [inner?.message || own, wrapped].filter(Boolean).join(': ')
  const all = [inner?.all, textIn(value.code), textIn(value.type), textIn(value.status), message].filter(Boolean).join(' ')
  return { message, all }
}

function readBody (body: string): Said {
  const text = body.trim()
  try {
    return readError(JSON.parse(text))
  } catch {
    const title = /<title>([^<]{1,200})<\/title>/i.exec(text)?.[1]?.trim()
    const message = title ?? (/^\s*</.test(text) ? 'a page of HTML' : text)
    return { message, all: message }
  }
}

/** Sentences for the person who reads the error. */
function advice (kind: ProviderErrorKind, { id }: ProviderSettings, status: number | undefined): string {
  const texts: { readonly [kind in ProviderErrorKind]?: string } = {
    auth: `Check the key of "${id}": models.providers.${id}.apiKey.`,
    billing: `Check credit and billing of the account at "${id}".`,
    rate_limit: 'Try again later, or give the agent fallbacks (agents.defaults.model.fallbacks).',
    overloaded: 'Try again later, or give the agent fallbacks (agents.defaults.model.fallbacks).',
    model_not_found: `Check the id of the model, and models.providers.${id}.baseUrl (most end in /v1).`,
    context_overflow: 'Shorten the conversation (openclaw sessions compact, or sessions.compact), or begin anew with /new.',
    timeout: `If the server is only slow, raise models.providers.${id}.timeoutSeconds.`,
    server_error: 'The provider failed; try again later.',
    format: status === 405 || status === 400 ? `Check models.providers.${id}.baseUrl and api, and the compat settings of the model.` : ''
  }
  return texts[kind] ?? ''
}

/** The server may quote the credential that it did not like. */
export function withoutSecrets (text: string, { apiKey, headers }: ProviderSettings): string {
  const secrets = [apiKey, ...Object.values(headers)].filter((secret): secret is string => secret !== undefined && secret.length >= 8)
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
}

const cut = (text: string): string => text.length > maxDetailCharacters ? `${text.slice(0, maxDetailCharacters)}…` : text

export interface FailureFacts {
  readonly said: Said
  readonly status?: number
  readonly retryAfterMs?: number
  readonly partial?: boolean
}

export function failureOf (settings: ProviderSettings, facts: FailureFacts): ProviderError {
  const { said: { message, all }, status, retryAfterMs, partial } = facts
  const kind = kindOf(status, all)
  const reason = cut(withoutSecrets(message.replace(/\s+/g, ' ').trim(), settings)) || 'no reason given'
  const name = `${settings.id}${status === undefined ? '' : ` answered ${status}`}: ${reason}`
  const next = advice(kind, settings, status)
  return new ProviderError(kind, `${name}${/[.!?…]$/.test(name) ? '' : '.'}${next ? ` ${next}` : ''}`, {
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(partial === undefined ? {} : { partial })
  })
}

export const refusalOf = (settings: ProviderSettings, { status, headers, body }: RefusedAnswer, nowMs: number): ProviderError =>
  failureOf(settings, { said: readBody(body), status, retryAfterMs: retryAfterOf(headers, nowMs) })

/** Milliseconds of OpenAI, seconds, or a date. */
export function retryAfterOf (headers: RefusedAnswer['headers'], nowMs: number): number | undefined {
  const milliseconds = headers['retry-after-ms'] === undefined ? NaN : Number(headers['retry-after-ms'])
  if (milliseconds >= 0) return milliseconds
  const given = headers['retry-after']
  if (typeof given !== 'string' || given.trim() === '') return undefined
  const seconds = Number(given)
  if (!Number.isNaN(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined
  const date = Date.parse(given)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}

/** No answer at all. */
export function unreachable (settings: ProviderSettings, url: URL, error: NodeJS.ErrnoException): ProviderError {
  const code = error.code ?? ''
  const { id } = settings
  const hints: ReadonlyArray<readonly [RegExp, string]> = [
    [/ECONNREFUSED/, 'Nothing listens there: start the server, or correct'],
    [/ENOTFOUND|EAI_AGAIN/, 'The name is not known: check the network, or correct'],
    [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/, `Its certificate is not trusted: set models.providers.${id}.request.tls.ca, or correct`]
  ]
  const hint = hints.find(([pattern]) => pattern.test(code))?.[1] ?? 'Check the network, and'
  const text = `${id} cannot be reached at ${url.host} (${code || error.message}). ${hint} models.providers.${id}.baseUrl.`
  return new ProviderError('network', withoutSecrets(text, settings), { cause: error })
}
