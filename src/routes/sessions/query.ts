/** What an address asks for, as the list of sessions understands it. */
import { GatewayError } from '../../protocol/errors.ts'
import type { ListQuery } from '../../sessions/listing.ts'

export type Query = { readonly [name: string]: unknown }

const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

const maxWordChars = 512

export function wordOf (query: Query, name: string): string | undefined {
  const value = query[name]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || value.length > maxWordChars) throw invalid(`${name} must be one text of at most ${maxWordChars} characters`)
  return value
}

export function numberOf (query: Query, name: string, minimum: number, maximum: number): number | undefined {
  const text = wordOf(query, name)
  if (text === undefined) return undefined
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (!(value >= minimum)) throw invalid(`${name} must be a whole number from ${minimum} on`)
  return Math.min(value, maximum)
}

function flagOf (query: Query, name: string): boolean | undefined {
  const text = wordOf(query, name)
  if (text !== undefined && text !== 'true' && text !== 'false') throw invalid(`${name} must be true or false`)
  return text === undefined ? undefined : text === 'true'
}

const numbers = ['limit', 'activeMinutes'] as const
const words = ['label', 'spawnedBy', 'agentId', 'search'] as const
const flags = ['activeOnly', 'includeDerivedTitles', 'includeLastMessage', 'includeGlobal', 'includeUnknown'] as const
const orders = ['updatedAt', 'lastInteractionAt', 'lastActivityAt', 'activity']

export function listQuery (query: Query): ListQuery {
  const sortBy = wordOf(query, 'sortBy')
  if (sortBy !== undefined && !orders.includes(sortBy)) throw invalid(`sortBy must be one of ${orders.join(', ')}`)
  const archived = wordOf(query, 'archived') === 'all' ? 'all' : flagOf(query, 'archived')
  const fields: { [name: string]: unknown } = {
    sortBy, archived, kinds: wordOf(query, 'kinds')?.split(','), offset: numberOf(query, 'offset', 0, Number.MAX_SAFE_INTEGER)
  }
  for (const name of numbers) fields[name] = numberOf(query, name, 1, Number.MAX_SAFE_INTEGER)
  for (const name of words) fields[name] = wordOf(query, name)
  for (const name of flags) fields[name] = flagOf(query, name)
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as ListQuery
}
