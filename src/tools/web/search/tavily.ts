import { published, rowOf, rowsOf, textOf, type SearchBackend } from './backend.ts'

/** Dates of news come as in HTTP headers. */
function dateOf (value: unknown): { published?: string } {
  const text = textOf(value)
  if (!/ GMT$/.test(text) || Number.isNaN(Date.parse(text))) return published(text)
  return { published: new Date(text).toISOString() }
}

/** Tavily, `POST /search`. */
export const tavily: SearchBackend = {
  id: 'tavily',
  name: 'Tavily',
  baseUrl: 'https://api.tavily.com',
  needsKey: true,
  keyNames: ['TAVILY_API_KEY'],
  addressNames: ['TAVILY_BASE_URL'],
  ask: ({ query, count, freshness, dateAfter, dateBefore }, { baseUrl, apiKey }) => ({
    url: `${baseUrl}/search`,
    headers: { authorization: `Bearer ${apiKey}` },
    body: {
      query,
      max_results: count,
      ...freshness ? { time_range: freshness } : {},
      ...dateAfter ? { start_date: dateAfter } : {},
      ...dateBefore ? { end_date: dateBefore } : {}
    }
  }),
  results: answer => rowsOf(rowOf(answer).results).map(row => ({
    title: textOf(row.title), url: textOf(row.url), snippet: textOf(row.content), ...dateOf(row.published_date)
  }))
}
