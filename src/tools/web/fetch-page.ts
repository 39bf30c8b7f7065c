/** Fetches one page and makes of it what a model can read. */
import type { Config } from '../../config/schema.ts'
import type { OwnNetwork } from '../../lib/outbound/address-class.ts'
import type { Outbound, OutboundResponse } from '../../lib/outbound/outbound.ts'
import type { OutboundRules } from '../../lib/outbound/target.ts'
import type { AnswerCache } from './answer-cache.ts'
import { WebFailure } from './failure.ts'
import { decodeText, looksBinary } from './page/charset.ts'
import type { PageReader } from './page/page-reader.ts'
import { visible } from './visible-text.ts'
import { cutText, wrappingLength, wrapUntrusted } from '../guards/untrusted.ts'

export type FetchSettings = Config['tools']['web']['fetch']

export interface FetchRequest {
  readonly url: string
  readonly extractMode?: 'markdown' | 'text'
  readonly maxChars?: number
}

/** A page as it is kept for the next who asks. */
export interface KnownPage {
  readonly finalUrl: string
  readonly contentType: string
  readonly status: number
  readonly title: string
  readonly extractor: 'readability' | 'html' | 'json' | 'raw'
  readonly text: string
  /** The server had more than is read. */
  readonly isCut: boolean
  readonly fetchedAt: string
}

export interface FetchDesk {
  readonly outbound: Outbound
  readonly reader: PageReader
  readonly cache: AnswerCache<KnownPage>
  readonly now: () => number
}

const idleMs = 15_000
const maxTitle = 256
const defaultAgent = 'Mozilla/5.0 (compatible; openclaw-gateway)'
const accept = 'text/markdown, text/html;q=0.9, application/xhtml+xml;q=0.9, application/json;q=0.8, text/*;q=0.7, */*;q=0.1'
/** Whoever asks for fewer characters than the marks take still gets some text. */
const leastText = 100

const everyNetwork: readonly OwnNetwork[] = ['loopback', 'private', 'shared', 'benchmark', 'unique-local']

export function rulesOf ({ ssrfPolicy }: FetchSettings): OutboundRules {
  return {
    networks: ssrfPolicy.dangerouslyAllowPrivateNetwork
      ? everyNetwork
      : [...ssrfPolicy.allowRfc2544BenchmarkRange ? ['benchmark' as const] : [], ...ssrfPolicy.allowIpv6UniqueLocalRange ? ['unique-local' as const] : []],
    ownHosts: ssrfPolicy.allowedHostnames,
    blockedHosts: ssrfPolicy.blockedHostnames,
    setting: 'tools.web.fetch.ssrfPolicy.allowedHostnames'
  }
}

const ownHeaders = new Set(['accept', 'accept-language', 'user-agent'])

/** An entry that no request can carry costs itself only. */
function headersOf ({ headers, userAgent = defaultAgent }: FetchSettings): { [name: string]: string } {
  const usable = Object.entries(headers).filter(([name, value]) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !ownHeaders.has(name.toLowerCase()) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
  return { ...Object.fromEntries(usable), accept, 'accept-language': 'en-US,en;q=0.9', 'user-agent': userAgent }
}

function refuseType (type: string, url: string): WebFailure {
  if (type === 'application/pdf') return new WebFailure(`${url} is a PDF, which web_fetch cannot read. Look for an HTML version of it.`)
  if (type.startsWith('image/')) return new WebFailure(`${url} is a picture. The tool "image" looks at pictures.`)
  return new WebFailure(`${url} is ${type === '' ? 'binary data' : type}, which web_fetch cannot read. Ask for a page or a text.`)
}

type Kind = 'html' | 'json' | 'text'

function kindOf (type: string, bytes: Uint8Array, url: string): Kind {
  const isUnknown = type === '' || type === 'application/octet-stream' || type === 'binary/octet-stream'
  const isText = isUnknown || /^text\/|[/+](?:json|xml|yaml|x-yaml|toml)$|^application\/(?:x-)?(?:javascript|ecmascript|ndjson|x-ndjson|graphql|sql|rtf)$/.test(type)
  if (!isText && type !== 'application/xhtml+xml') throw refuseType(type, url)
  if (!/utf-?16/i.test(type) && looksBinary(bytes)) throw refuseType(isUnknown || isText ? '' : type, url)
  if (/[/+]json$/.test(type)) return 'json'
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1')
  return isUnknown && /^\s*<(?:!doctype html|html|head|body)\b/i.test(start) ? 'html' : 'text'
}

function pretty (text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

type Content = Pick<KnownPage, 'title' | 'text' | 'extractor'>

async function contentOf (answer: OutboundResponse, request: FetchRequest, settings: FetchSettings, reader: PageReader): Promise<Content> {
  const contentType = answer.headers['content-type'] ?? ''
  const type = contentType.split(';')[0]!.trim().toLowerCase()
  const kind = kindOf(type, answer.bytes, answer.url)
  const decoded = decodeText(answer.bytes, contentType)
  const text = kind === 'html' ? decoded : visible(decoded)
  if (kind === 'json') return { title: '', text: pretty(text), extractor: 'json' }
  if (kind === 'text') return { title: '', text, extractor: 'raw' }
  try {
    const page = await reader.read({ html: text, url: answer.url, mode: request.extractMode ?? 'markdown', mainOnly: settings.readability })
    return { ...page, extractor: settings.readability ? 'readability' : 'html' }
  } catch (error) {
    throw new WebFailure(`${answer.url} cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}

async function load (desk: FetchDesk, request: FetchRequest, settings: FetchSettings, signal: AbortSignal): Promise<KnownPage> {
  const answer = await desk.outbound.request({
    url: request.url,
    headers: headersOf(settings),
    rules: rulesOf(settings),
    limits: {
      maxBytes: settings.maxResponseBytes,
      whenLarger: 'truncate',
      totalMs: settings.timeoutSeconds * 1000,
      idleMs: Math.min(idleMs, settings.timeoutSeconds * 1000),
      maxRedirects: settings.maxRedirects
    },
    signal
  })
  return {
    ...await contentOf(answer, request, settings, desk.reader),
    finalUrl: answer.url,
    contentType: (answer.headers['content-type'] ?? '').split(';')[0]!.trim().slice(0, 256),
    status: answer.status,
    isCut: answer.truncated,
    fetchedAt: new Date(desk.now()).toISOString()
  }
}

function warningOf ({ status, isCut }: KnownPage, { maxResponseBytes }: FetchSettings): string | undefined {
  if (status >= 400) return `The server answered ${status}: this is its error page and not what was asked for.`
  return isCut ? `The page is larger than ${maxResponseBytes} bytes; what comes after that is missing.` : undefined
}

/** As the tool answers: what strangers wrote stands between marks, and all of it within the limit. */
function present (request: FetchRequest, page: KnownPage, settings: FetchSettings, maxChars: number): object {
  const source = { source: `Web page ${cutText(page.finalUrl, 500)}` }
  const room = Math.max(Math.min(leastText, maxChars), maxChars - wrappingLength(source))
  const text = wrapUntrusted(cutText(page.text, room), source)
  const warning = warningOf(page, settings)
  return {
    url: request.url,
    finalUrl: page.finalUrl,
    ...page.contentType ? { contentType: page.contentType } : {},
    status: page.status,
    ...page.title ? { title: wrapUntrusted(cutText(page.title, maxTitle), { source: 'Title of the page', withNotice: false }) } : {},
    extractMode: request.extractMode ?? 'markdown',
    extractor: page.extractor,
    externalContent: { untrusted: true, source: 'web_fetch', wrapped: true },
    truncated: page.isCut || page.text.length > room,
    length: text.length,
    rawLength: page.text.length,
    fetchedAt: page.fetchedAt,
    ...warning === undefined ? {} : { warning },
    text
  }
}

export async function fetchPage (desk: FetchDesk, request: FetchRequest, web: Config['tools']['web'], signal: AbortSignal): Promise<object> {
  const { fetch: settings } = web
  if (!settings.enabled) throw new WebFailure('web_fetch is switched off (tools.web.fetch.enabled).')
  const startedMs = desk.now()
  signal.throwIfAborted()
  const key = JSON.stringify([request.url, request.extractMode, settings])
  const known = desk.cache.get(key)
  const page = known ?? await load(desk, request, settings, signal)
  const ttlMs = settings.cacheTtlMinutes * 60_000
  if (!known && page.status < 400) desk.cache.put(key, page, { ttlMs, chars: page.text.length })
  const cap = settings.maxCharsCap ?? web.maxChars
  const maxChars = Math.min(cap, request.maxChars ?? settings.maxChars ?? web.maxChars)
  return { ...present(request, page, settings, maxChars), ...known ? { cached: true } : {}, tookMs: desk.now() - startedMs }
}
