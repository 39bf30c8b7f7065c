/** API keys as the gateway lists them, and as people read them. */
import { escapeControl } from '../lib/text.ts'
import { ago, duration, facts, table } from './table.ts'

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly hint: string
  readonly status: 'active' | 'expired' | 'revoked'
  readonly scopes: readonly string[]
  readonly ownSessionsOnly: boolean
  readonly agents?: readonly string[]
  readonly methods?: readonly string[]
  readonly routes?: readonly string[]
  readonly addresses?: readonly string[]
  readonly limits: {
    readonly requestsPerMinute?: number
    readonly concurrentRuns?: number
    readonly tokensPerDay?: number
    readonly spendPerDayUsd?: number
  }
  readonly createdAtMs: number
  readonly createdBy: string
  readonly expiresAtMs?: number
  readonly rotatedAtMs?: number
  readonly revokedAtMs?: number
  readonly previousUntilMs?: number
  readonly lastUsedAtMs?: number
  readonly today: { readonly tokens: number, readonly costUsd: number, readonly runs: number, readonly runsUnderWay: number }
}

export interface IssuedKey {
  readonly key: ApiKey
  readonly secret: string
}

export const keyCourse = (doing: string) => ({ doing, administrative: true } as const)

const cell = (text: string, maxCharacters = 64): string => escapeControl(text, maxCharacters)
const words = (list: readonly string[]): string => cell(list.join(', '), 400)
const scopeWords = (scopes: readonly string[]): string => words(scopes.map(scope => scope.replace(/^operator\./, '')))
const dollars = (amount: number): string => `$${Number(amount.toFixed(4))}`
const left = (atMs: number, nowMs: number): string => atMs > nowMs ? `in ${duration(atMs - nowMs)}` : ago(atMs, nowMs)

function limitWords ({ requestsPerMinute, concurrentRuns, tokensPerDay, spendPerDayUsd }: ApiKey['limits']): string | undefined {
  const limits = [
    requestsPerMinute === undefined ? [] : `${requestsPerMinute} requests a minute`,
    concurrentRuns === undefined ? [] : `${concurrentRuns} runs at a time`,
    tokensPerDay === undefined ? [] : `${tokensPerDay} tokens a day`,
    spendPerDayUsd === undefined ? [] : `${dollars(spendPerDayUsd)} a day`
  ].flat()
  return limits.length > 0 ? limits.join(', ') : undefined
}

export function keyListText (keys: readonly ApiKey[], nowMs: number): string {
  if (keys.length === 0) return 'There is no API key. Create one: openclaw keys create <name>'
  return table(['Name', 'Key', 'Status', 'Scopes', 'Sessions', 'Today', 'Used', 'Expires'], keys.map(key => [
    cell(key.name),
    cell(key.hint),
    key.status,
    scopeWords(key.scopes),
    key.ownSessionsOnly ? 'own' : 'all',
    `${key.today.tokens} tokens, ${dollars(key.today.costUsd)}`,
    ago(key.lastUsedAtMs, nowMs),
    key.expiresAtMs === undefined ? 'never' : left(key.expiresAtMs, nowMs)
  ]))
}

export const keyText = (key: ApiKey, nowMs: number): string => facts([
  ['Name', cell(key.name)],
  ['Id', cell(key.id)],
  ['Key', cell(key.hint)],
  ['Status', key.status],
  ['Scopes', scopeWords(key.scopes)],
  ['Sessions', key.ownSessionsOnly ? 'its own' : 'all'],
  ['Agents', key.agents && words(key.agents)],
  ['Methods', key.methods && words(key.methods)],
  ['Routes', key.routes && words(key.routes)],
  ['Addresses', key.addresses && words(key.addresses)],
  ['Limits', limitWords(key.limits)],
  ['Today', `${key.today.runs} runs (${key.today.runsUnderWay} under way), ${key.today.tokens} tokens, ${dollars(key.today.costUsd)}`],
  ['Created', `${ago(key.createdAtMs, nowMs)} by ${cell(key.createdBy)}`],
  ['Used', key.lastUsedAtMs === undefined ? 'never' : ago(key.lastUsedAtMs, nowMs)],
  ['Rotated', key.rotatedAtMs === undefined ? undefined : ago(key.rotatedAtMs, nowMs)],
  ['Old secret', key.previousUntilMs === undefined ? undefined : `good for ${duration(key.previousUntilMs - nowMs)} more`],
  ['Expires', key.expiresAtMs === undefined ? undefined : left(key.expiresAtMs, nowMs)],
  ['Revoked', key.revokedAtMs === undefined ? undefined : ago(key.revokedAtMs, nowMs)]
])

/** The key stands alone in a line, so that it can be copied and cut out by a script. */
export const issuedText = ({ key, secret }: IssuedKey, what: string, nowMs: number): string => [
  `${what} API key "${cell(key.name)}". It is shown this once and kept nowhere; here only its hash stays:`,
  '',
  secret,
  '',
  keyText(key, nowMs)
].join('\n')
