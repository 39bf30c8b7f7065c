/** The REST API of a BlueBubbles server: one call, its result or what went wrong. The password stands in every address. */
import type { Upload } from '../../http/multipart.ts'
import { createSender, NoAnswer } from '../../http/request.ts'
import { callService, isJson, outcomeOfStatus, ServiceRefusal, type Json, type ServiceAnswer } from '../../http/service.ts'
import type { BluebubblesSettings } from './settings.ts'
import type { ServerInfo } from './wire.ts'

export interface Api {
  /** The `data` of the answer. */
  call <Result = unknown>(method: 'GET' | 'POST' | 'DELETE', path: string, options: CallOptions): Promise<Result>
  download (attachmentGuid: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export interface CallOptions {
  readonly signal: AbortSignal
  readonly json?: Json
  readonly upload?: Upload
  readonly fields?: Json
  readonly query?: { readonly [name: string]: string }
}

const downloadMs = 120_000

/** What iMessage itself calls a failure. */
const imessageErrors: ReadonlyMap<number, string> = new Map([
  [22, 'the receiver has no iMessage'], [4, 'iMessage gave up after a while'], [25, 'iMessage could not reach the receiver']
])

function textOf (error: unknown): string {
  if (typeof error === 'string') return error
  return isJson(error) && typeof error.message === 'string' ? error.message : ''
}

function outcomeOf (status: number, words: string, failed: number | undefined): ServiceRefusal['outcome'] {
  // The server remembers what it is just sending, and this is a second try of it.
  if (status === 400 && /already queued/i.test(words)) return 'later'
  if (status === 429 || status === 401) return 'later'
  if (failed !== undefined && failed !== 0) return 'refused'
  // It handed the message to iMessage and saw nothing of it come back.
  if (status >= 500 && (words === '' || /time(?:d )?-?out|took too long|transaction|see attached message/i.test(words))) return 'unknown'
  return 'refused'
}

function refusalOf ({ status, json, retryAfterMs }: ServiceAnswer, host: string, safe: (text: string) => string): ServiceRefusal {
  if (!json || (json.status !== status && json.error === undefined)) {
    return new ServiceRefusal(`${host} answered ${status}, which is no answer of BlueBubbles`, { outcome: outcomeOfStatus(status), status, retryAfterMs })
  }
  const words = textOf(json.error) || String(json.message ?? '')
  const failed = isJson(json.data) && typeof json.data.error === 'number' ? json.data.error : undefined
  const isUnauthorized = status === 401
  const advice = isUnauthorized ? '; put the password of the server (Settings, API) into password' : ''
  const why = failed === undefined || failed === 0 ? '' : ` (${imessageErrors.get(failed) ?? `iMessage error ${failed}`})`
  const refusal = { outcome: outcomeOf(status, words, failed), status, retryAfterMs, isUnauthorized }
  return new ServiceRefusal(`BlueBubbles answered ${status}: ${safe(words)}${why}${advice}`, refusal)
}

export function createApi ({ serverUrl, password, timeoutMs }: BluebubblesSettings): Api {
  const sender = createSender(serverUrl, undefined)
  const { host } = new URL(serverUrl)
  const spellings = [password, encodeURIComponent(password), new URLSearchParams({ '': password }).toString().slice(1)]
  const safe = (text: string): string => spellings.reduce((masked, spelling) => masked.replaceAll(spelling, '***'), text).slice(0, 300)
  const pathOf = (path: string, query: { readonly [name: string]: string } = {}): string => `/api/v1/${path}?${new URLSearchParams({ ...query, password })}`

  return {
    async call <Result>(method: 'GET' | 'POST' | 'DELETE', path: string, { signal, query, ...sent }: CallOptions): Promise<Result> {
      const extraMs = sent.upload ? 60_000 + sent.upload.data.length / 50 : 0
      const answer = await callService(sender, { method, path: pathOf(path, query), timeoutMs: timeoutMs + extraMs, signal, ...sent })
      if (answer.status >= 200 && answer.status < 300 && answer.json) return answer.json.data as Result
      // An answer that nobody can read may stand for a message that was sent.
      if (answer.status === 200) throw new NoAnswer(`${host} sent no answer of BlueBubbles; check serverUrl`, true)
      throw refusalOf(answer, host, safe)
    },
    async download (guid, maxBytes, signal) {
      const path = pathOf(`attachment/${encodeURIComponent(guid)}/download`)
      const { status, bytes } = await sender.request({ method: 'GET', path, maxBytes, timeoutMs: timeoutMs + downloadMs, signal })
      if (status !== 200) throw new Error(`BlueBubbles answered ${status} when a file was fetched`)
      return bytes
    },
    close: () => sender.close()
  }
}

export const serverInfo = async (api: Api, signal: AbortSignal): Promise<ServerInfo> => await api.call<ServerInfo | undefined>('GET', 'server/info', { signal }) ?? {}
