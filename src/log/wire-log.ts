/** What goes over the sockets, for the person who reads the log (ops 6.3). Nothing is built that is not written. */
import { escapeControl } from '../lib/text.ts'
import type { Logger } from './logger.ts'
import { repeatKey } from './repeats.ts'

export type WireLogStyle = 'auto' | 'compact' | 'full'

export interface WireLogOptions {
  logger: Logger
  /** In verbose mode: `full` writes every frame, `auto` and `compact` one line for a request with its response. */
  style?: WireLogStyle
  verbose: boolean
  now: () => number
}

export interface WireRequest { readonly method: string, readonly id: string, readonly conn: string }
export interface WireError { readonly code: string, readonly message: string, readonly details?: unknown }
export interface WireResponse extends WireRequest {
  readonly error?: WireError
  /** Either how long it took or when it began. */
  readonly durationMs?: number
  readonly startedAtMs?: number
}

export interface WireLog {
  request (request: WireRequest): void
  response (response: WireResponse): void
  event (event: { readonly event: string, readonly conn: string }): void
  /** A frame that is none. */
  parseError (failure: { readonly conn: string, readonly reason: string }): void
}

/** From here on a response is worth a line in any mode. */
const slowMs = 50

/** The method of these was not checked, so anybody can send any name: it may not make their lines differ. */
const uncheckedMethod = new Set(['INVALID_FRAME', 'INVALID_HANDSHAKE', 'INVALID_REQUEST', 'UNKNOWN_METHOD'])

export function createWireLog ({ logger, style = 'auto', verbose, now }: WireLogOptions): WireLog {
  const everyFrame = verbose && style === 'full'
  const unnoted = (): void => {}
  const frame = (text: string): void => { if (logger.isLevelEnabled('debug')) logger.debug({ [repeatKey]: null }, text) }
  const note = (text: string, key: string): void => logger.info({ [repeatKey]: verbose ? null : key }, text)

  return {
    request: everyFrame ? ({ method, id, conn }) => frame(`← req ${name(method)} ${ids(conn, id)}`) : unnoted,
    event: everyFrame ? ({ event, conn }) => frame(`→ event ${name(event)} conn=${shortId(conn)}`) : unnoted,
    response (response) {
      const { error } = response
      const durationMs = response.durationMs ?? now() - (response.startedAtMs ?? now())
      if (!error && durationMs < slowMs && !verbose) return
      const text = responseText(everyFrame ? '→' : '⇄', response, durationMs)
      if (error) note(text, failureKey(response.method, error))
      else if (durationMs >= slowMs) note(text, `slow ${response.method}`)
      else frame(text)
    },
    parseError ({ conn, reason }) {
      note(`← parse error ${escapeControl(reason, 200)} conn=${shortId(conn)}`, 'parse error')
    }
  }
}

function responseText (arrow: string, { method, id, conn, error }: WireResponse, durationMs: number): string {
  const failure = error ? ` errorCode=${errorCode(error)} errorMessage=${escapeControl(error.message, 200)}` : ''
  return `${arrow} res ${error ? '✗' : '✓'} ${name(method)} ${Math.round(durationMs)}ms${failure} ${ids(conn, id)}`
}

/** The specific code where there is one. */
function errorCode ({ code, details }: WireError): string {
  const specific = (details as { code?: unknown } | undefined)?.code
  return typeof specific === 'string' ? specific : code
}

function failureKey (method: string, error: WireError): string {
  const code = errorCode(error)
  return uncheckedMethod.has(code) ? `failed ${code}` : `failed ${code} ${method}`
}

const name = (text: string): string => escapeControl(text, 80)
const ids = (conn: string, id: string): string => `conn=${shortId(conn)} id=${shortId(id)}`

/** c6809fcd…da89 for a UUID, 5:7dce0bdb-6…7460 for other long ids. */
function shortId (id: string): string {
  const text = escapeControl(id, 128)
  if (text.length <= 20) return text
  return `${text.slice(0, /^[0-9a-f]{8}-/i.test(text) ? 8 : 12)}…${text.slice(-4)}`
}
