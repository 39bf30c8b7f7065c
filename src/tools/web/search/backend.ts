/** The seam behind which a search service stands. */
export interface SearchQuery {
  readonly query: string
  readonly count: number
  readonly freshness?: 'day' | 'week' | 'month' | 'year'
  /** Two letters. */
  readonly country?: string
  /** Two letters. */
  readonly language?: string
  /** YYYY-MM-DD */
  readonly dateAfter?: string
  readonly dateBefore?: string
}

export interface SearchResult {
  readonly title: string
  readonly url: string
  readonly snippet: string
  readonly published?: string
  readonly siteName?: string
}

export interface SearchAccess {
  /** Without a final slash. */
  readonly baseUrl: string
  readonly apiKey: string
}

/** A body makes it a POST. */
export interface SearchCall {
  readonly url: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: object
}

export interface SearchBackend {
  readonly id: string
  readonly name: string
  /** Where it is when nobody says; undefined for a service that everybody runs for themselves. */
  readonly baseUrl?: string
  readonly needsKey: boolean
  /** Variables that may hold its key, or its address. */
  readonly keyNames: readonly string[]
  readonly addressNames: readonly string[]
  /** The HTTP request for a query. */
  ask (query: SearchQuery, access: SearchAccess): SearchCall
  /** What its answer says. Anything may be missing in it. */
  results (answer: unknown): readonly SearchResult[]
  /** What to do about an answer with this status; undefined for what is the same everywhere. */
  advice? (status: number): string | undefined
}

type Row = { readonly [field: string]: unknown }

export const rowOf = (value: unknown): Row => typeof value === 'object' && value !== null ? value as Row : {}
export const rowsOf = (value: unknown): Row[] => Array.isArray(value) ? value.map(rowOf) : []
export const textOf = (value: unknown): string => typeof value === 'string' ? value : ''

/** A date as the service gives it, when it is one that machines read. */
export function published (value: unknown): { published?: string } {
  const text = textOf(value)
  return /^\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? { published: text } : {}
}
