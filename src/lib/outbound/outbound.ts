/** The one way to call an address that a user, a model or a stranger's page chose. */
import { exchange, type Exchange } from './exchange.ts'
import { OutboundError } from './outbound-error.ts'
import { parseTarget, resolveTarget, type OutboundRules, type Resolve } from './target.ts'

export interface OutboundRequest {
  readonly url: string
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string | Uint8Array
  readonly rules?: OutboundRules
  readonly limits: OutboundLimits
  readonly signal?: AbortSignal
}

export interface OutboundLimits {
  readonly maxBytes: number
  readonly whenLarger: 'refuse' | 'truncate'
  /** For everything: look-ups, redirects and the answer. */
  readonly totalMs: number
  /** Without a byte. */
  readonly idleMs: number
  /** Default 3. */
  readonly maxRedirects?: number
}

export interface OutboundResponse extends Exchange {
  /** Where the answer came from at last. */
  readonly url: string
  readonly redirects: number
}

export interface Outbound {
  /** Resolves with whatever status the server answers. Throws OutboundError. */
  request (request: OutboundRequest): Promise<OutboundResponse>
}

export interface OutboundOptions {
  /** Default: as this machine resolves names. */
  readonly resolve?: Resolve
  /** Certificates to trust in place of those that come with Node, as PEM. */
  readonly ca?: string
}

const defaultRedirects = 3
const redirectStatuses = new Set([301, 302, 303, 307, 308])
/** What may be said to a host that somebody else chose. */
const harmlessHeaders = new Set(['accept', 'accept-language', 'user-agent', 'cache-control', 'range', 'content-type'])
/** These belong to the connection, and saying them oneself is how requests are smuggled. */
const framing = new Set([
  'host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', 'te', 'trailer', 'keep-alive', 'accept-encoding',
  'proxy-authorization', 'proxy-connection'
])

interface Hop {
  readonly url: URL
  readonly method: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
}

async function systemResolve (hostname: string): Promise<string[]> {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}

/** The value stays unsaid: it may be a credential. */
function refuseUnsendable (headers: Hop['headers']): void {
  const bad = Object.entries(headers).find(([name, value]) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
  if (bad) throw new OutboundError('protocol', `The header "${bad[0].slice(0, 40)}" cannot be sent: it contains characters that no request can carry.`)
}

function without (headers: Hop['headers'], isKept: (name: string) => boolean): { [name: string]: string } {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  return Object.fromEntries(lower.filter(([name]) => isKept(name)))
}

const isRedirect = (status: number, headers: Hop['headers']): boolean => redirectStatuses.has(status) && headers.location !== undefined

/** Where a redirect leads, and with what: nothing that was meant for one host goes to another. */
function nextHop (hop: Hop, { status, headers }: Exchange): Hop {
  const resolved = URL.parse(headers.location!, hop.url.href)
  if (!resolved) throw new OutboundError('redirect', `${hop.url.host} redirects to something that is not a URL.`)
  const url = parseTarget(resolved.href)
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new OutboundError('redirect', `${hop.url.host} redirects from https to http (${url.host}); ask for the http address yourself if that is meant.`)
  }
  if (url.hash === '') url.hash = hop.url.hash
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status < 303 && hop.method === 'POST'
  const next = becomesGet
    ? { url, method: 'GET', headers: without(hop.headers, name => !name.startsWith('content-')), body: undefined }
    : { ...hop, url }
  if (url.origin === hop.url.origin) return next
  if (next.method !== 'GET' && next.method !== 'HEAD') {
    throw new OutboundError('redirect', `${hop.url.host} redirects a ${next.method} to ${url.host}, which would hand over what was meant for it alone.`)
  }
  return { ...next, headers: without(next.headers, name => harmlessHeaders.has(name)), body: undefined }
}

/** Ends with the first of: the caller's signal, the time, the work. */
function deadline (totalMs: number, outer: AbortSignal | undefined): { signal: AbortSignal, end: () => void } {
  const controller = new AbortController()
  const stop = (): void => controller.abort(new OutboundError('aborted', 'The request was aborted.', outer?.reason))
  const timer = setTimeout(() => {
    controller.abort(new OutboundError('timeout', `There was no complete answer within ${totalMs} ms; try again later, or ask for something smaller.`))
  }, totalMs)
  if (outer?.aborted) stop()
  outer?.addEventListener('abort', stop, { once: true })
  return {
    signal: controller.signal,
    end () {
      clearTimeout(timer)
      outer?.removeEventListener('abort', stop)
    }
  }
}

/** A look-up cannot be taken back; its answer is no longer waited for. */
async function orAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

export function createOutbound ({ resolve = systemResolve, ca }: OutboundOptions = {}): Outbound {
  async function follow (first: Hop, { rules = {}, limits }: OutboundRequest, signal: AbortSignal): Promise<OutboundResponse> {
    const maxRedirects = limits.maxRedirects ?? defaultRedirects
    let hop = first
    for (let redirects = 0; ; redirects++) {
      const target = await orAborted(resolveTarget(hop.url, rules, resolve), signal)
      const answer = await exchange({ ...hop, ...limits, target, signal, isRedirect, ...(ca === undefined ? {} : { ca }) })
      if (!isRedirect(answer.status, answer.headers)) return { ...answer, url: hop.url.href, redirects }
      if (redirects >= maxRedirects) throw new OutboundError('redirect', `More than ${maxRedirects} redirects, the last from ${hop.url.host}.`)
      hop = nextHop(hop, answer)
    }
  }

  return {
    async request (request) {
      const first = {
        url: parseTarget(request.url),
        method: request.method ?? 'GET',
        headers: without(request.headers ?? {}, name => !framing.has(name)),
        body: typeof request.body === 'string' ? Buffer.from(request.body) : request.body
      }
      refuseUnsendable(first.headers)
      const { signal, end } = deadline(request.limits.totalMs, request.signal)
      try {
        return await follow(first, request, signal)
      } finally {
        end()
      }
    }
  }
}
