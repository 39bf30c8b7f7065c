/** The web as agents see it: pages and searches, through the one guard. */
import type { LoadedConfig } from '../../config/load.ts'
import { createOutbound, type Outbound } from '../../lib/outbound/outbound.ts'
import { createAnswerCache } from './answer-cache.ts'
import type { FetchRequest, KnownPage } from './fetch-page.ts'
import { createPageReader } from './page/page-reader.ts'
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

export function createWeb ({ config, now, outbound = createOutbound() }: WebOptions): Web {
  const reader = createPageReader()
  const pages = createAnswerCache<KnownPage>(now)
  const searches = createAnswerCache<SearchAnswer>(now)
  return {
    outbound,
    async fetch (request, signal) {
      const { fetchPage } = await import('./fetch-page.ts')
      return await fetchPage({ outbound, reader, cache: pages, now }, request, config().config.tools.web, signal)
    },
    async search (request, signal) {
      const { search } = await import('./search/search.ts')
      return await search({ outbound, cache: searches, now, loaded: config() }, request, signal)
    },
    close: reader.close
  }
}
