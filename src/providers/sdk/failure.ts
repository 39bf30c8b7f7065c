/** What a library throws, as a kind that decides what happens next and a sentence that says what to do. */
import { ProviderError, type ProviderSettings } from '../model.ts'
import { failureOf, readError, refusalOf } from '../openai/failure.ts'

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

export interface Circumstances {
  readonly settings: ProviderSettings
  /** Something of the answer was already told. */
  readonly partial: boolean
  readonly nowMs: number
}

export function stepFailure (error: unknown, circumstances: Circumstances): ProviderError {
  if (error instanceof ProviderError) return circumstances.partial && !error.partial ? withFacts(error, { partial: true }) : error
  const known = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as LibraryError
  if (known.cause instanceof ProviderError) return stepFailure(known.cause, circumstances)
  const refused = known.statusCode !== undefined && known.responseBody !== undefined
  if (refused) return refusal(known, circumstances)
  if (known.type !== undefined || known.data !== undefined || known.statusCode !== undefined) return frameFailure(known, circumstances)
  return unreadable(known, error, circumstances)
}

function withFacts (error: ProviderError, more: { readonly partial?: boolean, readonly retryAfterMs?: number | undefined }): ProviderError {
  const retryAfterMs = more.retryAfterMs ?? error.retryAfterMs
  return new ProviderError(error.kind, error.message, {
    partial: more.partial ?? error.partial,
    cause: error.cause,
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
}

/** An HTTP status; or an error frame before anything else, which the library gives the status that it stands for. */
function refusal ({ statusCode, responseHeaders = {}, responseBody = '' }: LibraryError, { settings, partial, nowMs }: Circumstances): ProviderError {
  const body = withKnownWords(responseBody)
  const failure = refusalOf(settings, { status: statusCode!, headers: responseHeaders, body }, nowMs)
  return withFacts(failure, { partial, retryAfterMs: retryDelay(responseBody) })
}

function frameFailure ({ message, type, code, statusCode, data }: LibraryError, { settings, partial }: Circumstances): ProviderError {
  const frame = readError(data)
  const all = `${type ?? ''} ${code ?? ''} ${frame.all} ${message ?? ''}`
  const said = { message: message || frame.message, all }
  return failureOf(settings, { said, partial, ...(statusCode === undefined ? {} : { status: statusCode }) })
}

/** No status, no frame: the library could not put the request into words, or could not read the answer. */
function unreadable ({ name, message = 'no reason given' }: LibraryError, cause: unknown, { settings, partial }: Circumstances): ProviderError {
  const reason = message.slice(0, 500)
  return /Unsupported|InvalidArgument|InvalidPrompt/.test(name ?? '')
    ? new ProviderError('format', `This request cannot be put to ${settings.id}: ${reason}`, { partial, cause })
    : new ProviderError('server_error', `The answer of ${settings.id} cannot be read: ${reason}`, { partial, cause })
}

/** Words of Anthropic and Google beside the code that OpenAI has for the same thing. */
const synonyms: ReadonlyArray<readonly [RegExp, string]> = [
  [/API_KEY_INVALID|API key not valid/, 'invalid_api_key'],
  [/input token count.*exceeds|request_too_large/, 'context_length_exceeded'],
  [/RESOURCE_EXHAUSTED/, 'rate_limit']
]

function withKnownWords (body: string): string {
  const word = synonyms.find(([pattern]) => pattern.test(body))?.[1]
  if (word === undefined) return body
  try {
    const document = JSON.parse(body)
    return JSON.stringify({ ...document, code: word })
  } catch {
    return body
  }
}

/** Google says in the body when to come again. */
function retryDelay (body: string): number | undefined {
  const seconds = /"retryDelay"\s*:\s*"([\d.]+)s"/.exec(body)?.[1]
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000)
}
