import type { IncomingMessage } from 'node:http'
import WebSocket from 'ws'
import { wireLimits } from '../protocol/version.ts'
import { GatewayClientError } from './client-error.ts'

export interface TlsOptions {
  /** SHA-256 of the certificate, hex with or without colons. */
  fingerprint?: string
}

export interface CloseInfo {
  code: number
  reason: string
}

/** A gateway refuses an upgrade with a short JSON body; anything longer is not ours. */
const maxRefusalBytes = 16_384

const plainFingerprint = (text: string): string => text.replace(/[^0-9a-f]/gi, '').toLowerCase()

export function openSocket (url: string, timeoutMs: number, tls: TlsOptions = {}): WebSocket {
  return new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: wireLimits.maxPayload * 2,
    handshakeTimeout: timeoutMs,
    // A pinned certificate is its own proof; who signed it and the name in it do not matter then.
    ...(tls.fingerprint ? { rejectUnauthorized: false } : {})
  })
}

/** With a pinned fingerprint nothing may be sent before the certificate was compared. */
export function fingerprintProblem (response: IncomingMessage, tls: TlsOptions = {}): string | undefined {
  if (!tls.fingerprint) return undefined
  const socket = response.socket as IncomingMessage['socket'] & { getPeerCertificate?: () => { fingerprint256?: string } }
  const shown = plainFingerprint(socket.getPeerCertificate?.().fingerprint256 ?? '')
  return shown === plainFingerprint(tls.fingerprint) ? undefined : `gateway TLS fingerprint mismatch (the gateway shows ${shown || 'none'})`
}

async function bodyText (response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxRefusalBytes) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const objectOf = (value: unknown): { [key: string]: unknown } =>
  typeof value === 'object' && value !== null ? value as { [key: string]: unknown } : {}

function errorOfBody (text: string): { [key: string]: unknown } {
  try {
    return objectOf(objectOf(JSON.parse(text))['error'])
  } catch {
    return {}
  }
}

/** An upgrade that was answered over HTTP: a refusal of a gateway, or something that is no gateway. */
export async function upgradeRefused (url: string, response: IncomingMessage): Promise<GatewayClientError> {
  const status = response.statusCode ?? 0
  const error = errorOfBody(await bodyText(response).catch(() => ''))
  const retryAfter = Number(response.headers['retry-after'])
  const said = typeof error['message'] === 'string' ? error['message'] : undefined
  return new GatewayClientError({
    kind: 'transport',
    code: 'refused',
    message: said ? `${said} (HTTP ${status})` : `${url} answered HTTP ${status}: no gateway listens there, or a proxy in front of it refuses WebSocket`,
    reason: `HTTP ${status}`,
    httpStatus: status,
    details: objectOf(error['details']),
    retryable: status === 503 || status === 429,
    ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {})
  })
}
