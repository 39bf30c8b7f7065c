/** Fetches what parts name by URL: through the guard, all at the same time, within one deadline. */
import type { Outbound, OutboundResponse } from '../../lib/outbound/outbound.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import { refuse, type Part } from './parts.ts'
import type { DataPlaneSettings } from './policy.ts'

export interface Fetched {
  readonly bytes: Buffer
  /** Without parameters; empty when the server does not say. */
  readonly contentType: string
  /** Of the file, as the server calls it, else the end of the path; may be empty. */
  readonly name: string
  readonly path: string
}

const userAgent = 'openclaw-gateway'
const atOnce = 4

/** `host` or `host/path`: the host and what is below it, the path up to the end of one of its parts. */
export function matchesPattern (url: URL, pattern: string): boolean {
  const [host = '', ...path] = pattern.trim().toLowerCase().replace(/^https?:\/\//, '').replace(/\/+$/, '').split('/')
  const name = host.replace(/:\d+$/, '')
  const isHost = name !== '' && (url.hostname === name || url.hostname.endsWith(`.${name}`))
  const prefix = path.length === 0 ? '' : `/${path.join('/')}`
  const given = url.pathname.toLowerCase()
  return isHost && (given === prefix || given.startsWith(`${prefix}/`))
}

function checkUrl (text: string, index: number, { fetch }: DataPlaneSettings): URL {
  if (!fetch.enabled) throw refuse(index, 'URLs are not fetched (gateway.dataPlane.fetch.enabled); send the data')
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw refuse(index, 'unsupported url scheme')
  if (url.hostname === '') throw refuse(index, 'missing url host')
  if (fetch.urlAllowlist.length > 0 && !fetch.urlAllowlist.some(pattern => matchesPattern(url, pattern))) {
    throw refuse(index, 'url does not match any allowed pattern')
  }
  return url
}

/** Known words first: programs look for them. */
function reasonOf ({ problem, message }: OutboundError): string {
  if (problem === 'too-large') return 'content part too large'
  if (problem === 'address') return `private address: ${message}`
  return problem === 'dns' ? `resolve host: ${message}` : message
}

function dispositionName (value: string): string {
  const [, encoded] = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(value) ?? []
  if (encoded !== undefined) {
    try {
      return decodeURIComponent(encoded.trim())
    } catch {
      // The plain one may still be there.
    }
  }
  const [, quoted, bare = ''] = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(value) ?? []
  return (quoted?.replace(/\\(.)/g, '$1') ?? bare).trim()
}

function fetchedFrom ({ bytes, headers, url }: OutboundResponse): Fetched {
  const path = new URL(url).pathname
  let last = path.split('/').at(-1) ?? ''
  try {
    last = decodeURIComponent(last)
  } catch {
    // As it stands.
  }
  return {
    bytes,
    contentType: (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase(),
    name: dispositionName(headers['content-disposition'] ?? '') || last,
    path
  }
}

type WithUrl = Part & { readonly index: number, readonly source: { readonly url: string } }
const hasUrl = (part: Part): part is WithUrl => 'source' in part && 'url' in part.source

/** By the index of the part. The first that fails says why. */
export async function fetchParts (
  parts: readonly Part[], settings: DataPlaneSettings, outbound: Outbound, signal: AbortSignal
): Promise<ReadonlyMap<number, Fetched>> {
  const wanted = parts.filter(hasUrl).map(part => ({ index: part.index, url: checkUrl(part.source.url, part.index, settings) }))
  const fetched = new Map<number, Fetched>()
  if (wanted.length === 0) return fetched
  const { fetch: { timeoutMs, maxRedirects, urlAllowlist, ownHosts }, maxPartBytes, maxTotalPartBytes } = settings
  const endsAtMs = performance.now() + timeoutMs
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  let total = 0
  for (const part of parts) if ('source' in part && 'bytes' in part.source) total += part.source.bytes.length

  async function fetchOne ({ index, url }: typeof wanted[number]): Promise<void> {
    const answer = await outbound.request({
      url: url.href,
      headers: { 'user-agent': userAgent, accept: '*/*' },
      rules: { ownHosts, setting: 'gateway.dataPlane.fetch.ownHosts' },
      limits: {
        maxBytes: maxPartBytes,
        whenLarger: 'refuse',
        totalMs: Math.max(1, Math.floor(endsAtMs - performance.now())),
        idleMs: timeoutMs,
        maxRedirects: urlAllowlist.length > 0 ? 0 : maxRedirects
      },
      signal: both
    }).catch((error: unknown) => { throw error instanceof OutboundError ? refuse(index, reasonOf(error)) : error })
    if (answer.status < 200 || answer.status > 299) throw refuse(index, `unexpected status: ${answer.status}`)
    total += answer.bytes.length
    if (total > maxTotalPartBytes) throw refuse(index, `the parts together are larger than ${maxTotalPartBytes} bytes`)
    fetched.set(index, fetchedFrom(answer))
  }

  const waiting = wanted.values()
  const workers = Array.from({ length: Math.min(atOnce, wanted.length) }, async () => {
    for (const one of waiting) await fetchOne(one)
  })
  try {
    await Promise.all(workers)
  } finally {
    failed.abort()
    await Promise.allSettled(workers)
  }
  return fetched
}
