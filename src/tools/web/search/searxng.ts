import { published, rowOf, rowsOf, textOf, type SearchBackend } from './backend.ts'

/** SearXNG, `GET /search?format=json`: an instance of one's own. */
export const searxng: SearchBackend = {
  id: 'searxng',
  name: 'SearXNG',
  needsKey: false,
  keyNames: [],
  addressNames: ['SEARXNG_BASE_URL'],
  ask ({ query, freshness, language }, { baseUrl }) {
    const params = new URLSearchParams({ q: query, format: 'json' })
    if (freshness) params.set('time_range', freshness)
    if (language) params.set('language', language)
    return { url: `${baseUrl}/search?${params}` }
  },
  results: answer => rowsOf(rowOf(answer).results).map(row => ({
    title: textOf(row.title), url: textOf(row.url), snippet: textOf(row.content), ...published(row.publishedDate)
  })),
  advice: status => status === 403 ? 'Enable the json format in its settings.yml (search.formats).' : undefined
}
