/** One search: which service, the request, and results that a model may read. */
import type { LoadedConfig } from '../../../config/load.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import type { Outbound, OutboundResponse } from '../../../lib/outbound/outbound.ts'
import type { AnswerCache } from '../answer-cache.ts'
import { WebFailure } from '../failure.ts'
import { visible } from '../visible-text.ts'
import { cutText, wrapUntrusted } from '../../guards/untrusted.ts'
import { chooseBackend, type ChosenBackend } from './access.ts'
import type { SearchBackend, SearchQuery, SearchResult } from './backend.ts'

export type SearchRequest = Omit<SearchQuery, 'count'> & { readonly count?: number }

export interface SearchAnswer {
  readonly provider: string
  readonly results: readonly SearchResult[]
}

/** All results as one text for a model, and each by itself for programs. */
export interface SearchPresentation {
  readonly text: string
  readonly details: object
}

export interface SearchDesk {
  readonly outbound: Outbound
  readonly cache: AnswerCache<SearchAnswer>
  readonly now: () => number
  readonly loaded: LoadedConfig
}

const mostResults = 20
const maxBytes = 2_000_000
const maxTitle = 256
const maxSnippet = 2000
const longestUrl = 2048

function failureOf ({ id, name, needsKey, advice }: SearchBackend, { status, headers }: OutboundResponse): WebFailure {
  const own = advice?.(status)
  if (own !== undefined) return new WebFailure(`${name} answered ${status}. ${own}`)
  if (needsKey && (status === 401 || status === 403)) return new WebFailure(`${name} does not take the key. Check tools.web.search.apiKey of "${id}".`)
  if (status === 429) {
    const wait = /^\d{1,6}$/.test(headers['retry-after'] ?? '') ? ` in ${headers['retry-after']} seconds` : ' later'
    return new WebFailure(`${name} has had enough searches for now; try again${wait}.`)
  }
  return new WebFailure(`${name} answered ${status}; try again later or with another query.`)
}

const isUsable = ({ url }: SearchResult): boolean => url.length <= longestUrl && isHttpAddress(url)

function parse (bytes: Buffer, { name }: SearchBackend): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw new WebFailure(`${name} answered something that is no JSON; check tools.web.search.baseUrl.`, { cause: error })
  }
}

async function ask (chosen: ChosenBackend, query: SearchQuery, desk: SearchDesk, signal: AbortSignal): Promise<SearchAnswer> {
  const { backend, access, isOwnAddress } = chosen
  const { url, headers = {}, body } = backend.ask(query, access)
  const totalMs = desk.loaded.config.tools.web.search.timeoutSeconds * 1000
  const answer = await desk.outbound.request({
    url,
    headers: { accept: 'application/json', ...body ? { 'content-type': 'application/json' } : {}, ...headers },
    ...body ? { method: 'POST', body: JSON.stringify(body) } : {},
    rules: isOwnAddress ? { ownHosts: [new URL(access.baseUrl).hostname] } : {},
    limits: { maxBytes, whenLarger: 'refuse', totalMs, idleMs: totalMs },
    signal
  })
  if (answer.status !== 200) throw failureOf(backend, answer)
  return { provider: backend.id, results: backend.results(parse(answer.bytes, backend)).filter(isUsable).slice(0, query.count) }
}

const clean = (text: string, maxChars: number): string => cutText(visible(text).replace(/\s+/g, ' ').trim(), maxChars)

const lines = ({ title, url, snippet, published }: SearchResult, index: number): string =>
  [`${index + 1}. ${title}`, url, ...published ? [published] : [], snippet].join('\n   ')

function present (request: SearchRequest, { provider, results }: SearchAnswer, maxChars: number): SearchPresentation {
  const cleaned = results.map(result => ({ ...result, title: clean(result.title, maxTitle), snippet: clean(result.snippet, maxSnippet) }))
  const whole = cleaned.length === 0 ? 'No results.' : cleaned.map(lines).join('\n\n')
  const wrap = (text: string): string => wrapUntrusted(text, { source: 'Web search', withNotice: false })
  return {
    text: wrapUntrusted(cutText(whole, maxChars), { source: `Web search (${provider})` }),
    details: {
      query: request.query,
      provider,
      count: results.length,
      externalContent: { untrusted: true, source: 'web_search', provider, wrapped: true },
      results: cleaned.map(({ title, snippet, siteName, ...rest }) =>
        ({ title: wrap(title), ...rest, snippet: wrap(snippet), ...siteName ? { siteName: clean(siteName, maxTitle) } : {} }))
    }
  }
}

export async function search (desk: SearchDesk, request: SearchRequest, signal: AbortSignal): Promise<SearchPresentation> {
  const { web } = desk.loaded.config.tools
  const { search: settings } = web
  if (!settings.enabled) throw new WebFailure('web_search is switched off (tools.web.search.enabled).')
  const startedMs = desk.now()
  signal.throwIfAborted()
  const chosen = await chooseBackend(desk.loaded)
  const query = { ...request, count: Math.min(mostResults, request.count ?? settings.maxResults) }
  const key = JSON.stringify([chosen.backend.id, chosen.access.baseUrl, query])
  const known = desk.cache.get(key)
  const answer = known ?? await ask(chosen, query, desk, signal)
  if (!known) desk.cache.put(key, answer, { ttlMs: settings.cacheTtlMinutes * 60_000, chars: JSON.stringify(answer).length })
  const { text, details } = present(request, answer, settings.maxChars ?? web.maxChars)
  return { text, details: { ...details, ...known ? { cached: true } : {}, tookMs: desk.now() - startedMs } }
}
