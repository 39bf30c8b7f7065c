import { published, rowOf, rowsOf, textOf, type SearchBackend, type SearchQuery } from './backend.ts'

const periods = { day: 'pd', week: 'pw', month: 'pm', year: 'py' } as const

/** A range has two ends there. */
function freshnessOf ({ freshness, dateAfter, dateBefore }: SearchQuery): string | undefined {
  if (dateAfter === undefined && dateBefore === undefined) return freshness && periods[freshness]
  return `${dateAfter ?? '1970-01-01'}to${dateBefore ?? '2999-12-31'}`
}

/** The snippets come with marks around the words that were searched for. */
const plain = (html: string): string => html.replace(/<\/?strong>/g, '')

/** Brave Search API, `GET /res/v1/web/search`. */
export const brave: SearchBackend = {
  id: 'brave',
  name: 'Brave Search',
  baseUrl: 'https://api.search.brave.com',
  needsKey: true,
  keyNames: ['BRAVE_API_KEY'],
  addressNames: [],
  ask (query, { baseUrl, apiKey }) {
    const params = new URLSearchParams({ q: query.query, count: String(query.count) })
    const freshness = freshnessOf(query)
    if (freshness !== undefined) params.set('freshness', freshness)
    if (query.country) params.set('country', query.country.toUpperCase())
    if (query.language) params.set('search_lang', query.language.toLowerCase())
    return { url: `${baseUrl}/res/v1/web/search?${params}`, headers: { 'x-subscription-token': apiKey } }
  },
  results: answer => rowsOf(rowOf(rowOf(answer).web).results).map(row => ({
    title: plain(textOf(row.title)),
    url: textOf(row.url),
    snippet: plain(textOf(row.description)),
    ...published(row.page_age),
    ...textOf(rowOf(row.profile).name) ? { siteName: textOf(rowOf(row.profile).name) } : {}
  }))
}
