/** One request to one target, over one connection of its own to an address that was checked. */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { LookupFunction } from 'node:net'
import { isIP } from 'node:net'
import { nodeHttp } from '../node-http.ts'
import { acceptedEncodings, readBody, type Body, type BodyLimits } from './body.ts'
import { OutboundError } from './outbound-error.ts'
import type { Target } from './target.ts'

export interface ExchangeOptions extends BodyLimits {
  readonly target: Target
  readonly method: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
  readonly idleMs: number
  readonly signal: AbortSignal
  readonly ca?: string
  /** Its answer is not read: what counts stands in the head. */
  readonly isRedirect: (status: number, headers: { readonly [name: string]: string }) => boolean
}

export interface Exchange extends Body {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
}

const maxHeaderBytes = 32 * 1024

/** Whatever is asked for, the answer is what was checked. */
function pinned (addresses: readonly string[]): LookupFunction {
  const all = addresses.map(address => ({ address, family: isIP(address) }))
  return (_hostname, { all: wantsAll }, callback) => {
    if (wantsAll) callback(null, all)
    else callback(null, all[0]!.address, all[0]!.family)
  }
}

function requestOf ({ target, method, headers, body, idleMs, ca }: ExchangeOptions): ClientRequest {
  const { url, hostname, addresses } = target
  const isSecure = url.protocol === 'https:'
  const options: RequestOptions & { servername?: string, ca?: string, autoSelectFamily?: boolean } = {
    hostname,
    port: url.port || (isSecure ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    method,
    headers: { ...headers, 'accept-encoding': acceptedEncodings, ...(body ? { 'content-length': String(body.length) } : {}) },
    // A connection of its own: none that was opened under other rules, none through a proxy that the environment names.
    agent: false,
    lookup: pinned(addresses),
    autoSelectFamily: true,
    timeout: idleMs,
    maxHeaderSize: maxHeaderBytes,
    setDefaultHeaders: true,
    ...(isSecure ? { servername: isIP(hostname) ? '' : hostname, ...(ca === undefined ? {} : { ca }) } : {})
  }
  return (isSecure ? process.getBuiltinModule('node:https') : nodeHttp()).request(options)
}

function plainHeaders (message: IncomingMessage): { [name: string]: string } {
  const plain: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(message.headers)) if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value
  return plain
}

const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code

function failure (error: unknown, hostname: string): OutboundError {
  if (error instanceof OutboundError) return error
  const code = codeOf(error) ?? ''
  if (code === 'HPE_HEADER_OVERFLOW') return new OutboundError('too-large', `${hostname} sends more than ${maxHeaderBytes} bytes of headers.`, error)
  if (code.startsWith('HPE_')) return new OutboundError('protocol', `${hostname} does not speak HTTP there.`, error)
  if (/^(?:Z_|ERR__?ZLIB|ERR_BROTLI|ERR__ERROR_|ERR_PADDING)/.test(code)) return new OutboundError('encoding', `${hostname} sends an answer that cannot be unpacked.`, error)
  const isTls = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)
  if (isTls) return new OutboundError('connect', `The certificate of ${hostname} cannot be trusted (${code}).`, error)
  return new OutboundError('connect', `${hostname} cannot be reached or broke off${code === '' ? '' : ` (${code})`}; try again later.`, error)
}

async function headOf (request: ClientRequest, { target, idleMs, body }: ExchangeOptions): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    request.on('timeout', () => request.destroy(new OutboundError('timeout', `${target.hostname} was silent for ${idleMs} ms; try again later.`)))
    request.on('response', resolve)
    request.on('error', reject)
    request.on('upgrade', (_message, socket) => {
      socket.destroy()
      reject(new OutboundError('protocol', `${target.hostname} wants to speak something else than HTTP.`))
    })
    request.end(body)
  })
}

export async function exchange (options: ExchangeOptions): Promise<Exchange> {
  const request = requestOf(options)
  const abort = (): void => { request.destroy(options.signal.reason as Error) }
  options.signal.addEventListener('abort', abort)
  try {
    options.signal.throwIfAborted()
    const message = await headOf(request, options)
    const status = message.statusCode ?? 0
    const headers = plainHeaders(message)
    if (options.isRedirect(status, headers)) return { status, headers, bytes: Buffer.alloc(0), truncated: false }
    return { status, headers, ...await readBody(message, options) }
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    throw failure(error, options.target.hostname)
  } finally {
    options.signal.removeEventListener('abort', abort)
    request.destroy()
  }
}
