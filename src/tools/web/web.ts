/** The web as agents see it: pages and searches, through the one guard. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { createAnswerCache } from './answer-cache.ts'
import type { FetchRequest, KnownPage } from './fetch-page.ts'
import type { PageReader } from './page/page-reader.ts'
import type { SearchAnswer, SearchRequest } from './search/search.ts'

export interface WebOptions {
  readonly config: () => LoadedConfig
  readonly now: () => number
  readonly outbound?: Outbound
}

export interface Web {
  readonly outbound: Outbound
  /** Throws WebFailure or OutboundError, like `search`. */
  fetch (request: FetchRequest, signal: AbortSignal): Promise<object>
  search (request: SearchRequest, signal: AbortSignal): Promise<{ text: string, details: object }>
  close (): Promise<void>
}

/** Loaded with the first call to anywhere. */
function lateOutbound (): Outbound {
  let made: Outbound | undefined
  return {
    async request (request) {
      made ??= (await import('../../lib/outbound/outbound.ts')).createOutbound()
      return await made.request(request)
    }
  }
}

export function createWeb ({ config, now, outbound = lateOutbound() }: WebOptions): Web {
  let reader: PageReader | undefined
  const pages = createAnswerCache<KnownPage>(now)
  const searches = createAnswerCache<SearchAnswer>(now)
  return {
    outbound,
    async fetch (request, signal) {
      const [{ fetchPage }, { createPageReader }] = await Promise.all([import('./fetch-page.ts'), import('./page/page-reader.ts')])
      reader ??= createPageReader()
      return await fetchPage({ outbound, reader, cache: pages, now }, request, config().config.tools.web, signal)
    },
    async search (request, signal) {
      const { search } = await import('./search/search.ts')
      return await search({ outbound, cache: searches, now, loaded: config() }, request, signal)
    },
    async close () { await reader?.close() }
  }
}
