/** The client-server API: one call, its result or what went wrong. */
import { createOutbound } from '../../../lib/outbound/outbound.ts'
import { createSender, NoAnswer, type RequestOptions } from '../../http/request.ts'
import { boundedRetryMs, callService, outcomeOfStatus, ServiceRefusal, type Json, type ServiceAnswer } from '../../http/service.ts'
import type { MatrixSettings } from './settings.ts'

export interface Api {
  /** Below `/_matrix/client/v3/`. */
  call (method: 'GET' | 'POST' | 'PUT', path: string, options: CallOptions): Promise<Json>
  /** The address of a file that was handed over. */
  upload (data: Uint8Array, mimeType: string, name: string, signal: AbortSignal): Promise<string>
  /** The bytes behind an `mxc://` address. */
  download (uri: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export interface CallOptions {
  readonly signal: AbortSignal
  readonly json?: Json
  /** Beyond what every call may take. */
  readonly extraMs?: number
}

const unauthorizedCodes = new Set(['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN', 'M_USER_DEACTIVATED'])
const advice: { readonly [code: string]: string } = {
  M_UNKNOWN_TOKEN: '; log in as the bot again and put the new token into accessToken',
  M_MISSING_TOKEN: '; put the token of the bot into accessToken',
  M_FORBIDDEN: '; invite the bot into the room, and let it write there',
  M_TOO_LARGE: '; the homeserver takes no files or messages of that size'
}
const unknownWays = new Set(['M_UNRECOGNIZED', 'M_NOT_FOUND'])
const downloadMs = 90_000

function refusalOf ({ status, json, retryAfterMs }: ServiceAnswer, host: string, safe: (text: string) => string): ServiceRefusal {
  const code = typeof json?.errcode === 'string' ? json.errcode : undefined
  if (code === undefined) return new ServiceRefusal(`${host} answered ${status}, which is no answer of Matrix`, { outcome: outcomeOfStatus(status), status, retryAfterMs })
  const isUnauthorized = unauthorizedCodes.has(code)
  // With another token it would arrive.
  const isLater = isUnauthorized || code === 'M_LIMIT_EXCEEDED' || status === 429 || status >= 500
  const told = typeof json?.retry_after_ms === 'number' ? boundedRetryMs(json.retry_after_ms) : undefined
  const words = safe(`${code}: ${typeof json?.error === 'string' ? json.error : ''}`)
  return new ServiceRefusal(`Matrix answered ${status} ${words}${advice[code] ?? ''}`, {
    outcome: isLater ? 'later' : 'refused', status, code, retryAfterMs: told ?? retryAfterMs, isUnauthorized
  })
}

export function createApi ({ homeserver, accessToken, timeoutMs }: MatrixSettings): Api {
  const sender = createSender(homeserver, undefined)
  const { host } = new URL(homeserver)
  const headers = { authorization: `Bearer ${accessToken}` }
  const safe = (text: string): string => text.replaceAll(accessToken, '***').slice(0, 300)

  async function ask (method: RequestOptions['method'], path: string, { signal, json, extraMs = 0, body }: CallOptions & { readonly body?: RequestOptions['body'] }): Promise<Json> {
    const answer = await callService(sender, {
      method, path, headers, timeoutMs: timeoutMs + extraMs, signal, ...(json ? { json } : {}), ...(body ? { body } : {})
    })
    if (answer.status === 200 && answer.json) return answer.json
    if (answer.status === 200) throw new NoAnswer(`${host} sent no answer of Matrix; check homeserver`, true)
    throw refusalOf(answer, host, safe)
  }

  /** Undefined where the server does not know this way, or the file by it. */
  async function fetchFrom (path: string, withToken: boolean, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { status, headers: { location }, bytes } = await sender.request({
      method: 'GET', path, ...(withToken ? { headers } : {}), maxBytes, timeoutMs: timeoutMs + downloadMs, signal
    })
    if (status === 200) return bytes
    if (status === 404 || status === 405) return undefined
    if ((status !== 307 && status !== 308) || location === undefined) throw new Error(`Matrix answered ${status} when a file was fetched`)
    // Files may lie elsewhere, where our token is nobody's business.
    const limits = { maxBytes, whenLarger: 'refuse', totalMs: downloadMs, idleMs: timeoutMs } as const
    return (await createOutbound().request({ url: new URL(location, homeserver).href, limits, signal })).bytes
  }

  return {
    call: async (method, path, options) => await ask(method, `/_matrix/client/v3/${path}`, options),
    async upload (data, mimeType, name, signal) {
      const body = { type: /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType : 'application/octet-stream', bytes: data }
      const { content_uri: uri } = await ask('POST', `/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`, {
        signal, body, extraMs: 60_000 + data.length / 50
      })
      if (typeof uri !== 'string') throw new Error('Matrix took the file and told no address of it')
      return uri
    },
    async download (uri, maxBytes, signal) {
      const [, server, id] = /^mxc:\/\/([\w.:[\]-]{1,200})\/([\w-]{1,200})$/.exec(uri) ?? []
      if (server === undefined || id === undefined) throw new Error('the message told an address of a file that is none')
      const place = `${encodeURIComponent(server)}/${id}`
      // Servers before 1.11 know only the second one, and those after it keep new files from it.
      const bytes = await fetchFrom(`/_matrix/client/v1/media/download/${place}`, true, maxBytes, signal) ??
        await fetchFrom(`/_matrix/media/v3/download/${place}`, false, maxBytes, signal)
      if (!bytes) throw new Error('Matrix has no such file')
      return bytes
    },
    close: () => sender.close()
  }
}

/** Nothing is there. */
export const isAbsent = (error: unknown): boolean => error instanceof ServiceRefusal && unknownWays.has(error.code)
