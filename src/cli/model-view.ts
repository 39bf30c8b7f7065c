/** Models as people see them, and what the commands about them have in common. */
import { escapeControl } from '../lib/text.ts'
import { duration, facts, table } from './table.ts'

export interface ModelRow {
  readonly id: string
  readonly provider: string
  readonly name: string
  readonly alias?: string
  readonly tags?: readonly string[]
  readonly input?: readonly string[]
  readonly contextWindow?: number
  readonly available?: boolean
  readonly unavailableReason?: string
  readonly unavailableUntil?: number
}

export interface ProviderRow {
  readonly provider: string
  readonly status: string
  readonly apiKey?: { readonly source: string }
  readonly cooldownUntil?: number
  readonly lastError?: string
}

export interface ProbeRow { readonly provider: string, readonly status: string, readonly latencyMs?: number, readonly error?: string }

export interface ModelsStatus {
  readonly defaultModel: string | null
  readonly fallbacks: readonly string[]
  readonly aliases: { readonly [alias: string]: string }
  readonly providers: readonly ProviderRow[]
  /** Providers of the chosen models that cannot be asked. */
  readonly missingProvidersInUse: readonly string[]
  readonly probes?: readonly ProbeRow[]
}

export const modelCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Models are known to the running gateway: start it (openclaw gateway run), then repeat this command.'
})

const refOf = ({ provider, id }: ModelRow): string => `${provider}/${id}`
const shown = (text: string | undefined, length = 80): string => text === undefined ? '-' : escapeControl(text, length)
const tokens = (count: number | undefined): string =>
  count === undefined ? '-' : count < 1_000_000 ? `${Math.round(count / 1_000)}k` : `${(count / 1_000_000).toFixed(1)}m`

export const modelLine = (row: ModelRow) => ({
  key: refOf(row),
  name: row.name,
  input: (row.input ?? ['text']).join('+'),
  contextWindow: row.contextWindow ?? null,
  available: row.available ?? null,
  ...(row.unavailableReason ? { unavailableReason: row.unavailableReason } : {}),
  tags: [...row.tags ?? [], ...(row.alias ? [`alias:${row.alias}`] : [])]
})

const reasons: { readonly [reason: string]: string } = { 'missing-auth': 'no key', 'auth-failed': 'key refused', cooldown: 'cooling down' }

export function modelListText (rows: readonly ModelRow[]): string {
  if (rows.length === 0) return 'No models. All that are known: openclaw models list --all.'
  return table(['Model', 'Input', 'Context', 'Usable', 'Tags'], rows.map(row => {
    const { key, input, tags } = modelLine(row)
    return [shown(key), input, tokens(row.contextWindow), row.available ? 'yes' : `no (${reasons[row.unavailableReason ?? ''] ?? '?'})`, tags.join(',') || '-']
  }))
}

export function modelsStatus (rows: readonly ModelRow[], providers: readonly ProviderRow[]): ModelsStatus {
  const chosen = rows.filter(({ tags }) => tags?.some(tag => tag === 'default' || tag.startsWith('fallback#')))
  const place = ({ tags }: ModelRow): number => Number(tags?.find(tag => tag.startsWith('fallback#'))?.slice('fallback#'.length) ?? 0)
  const first = rows.find(({ tags }) => tags?.includes('default'))
  return {
    defaultModel: first ? refOf(first) : null,
    fallbacks: chosen.filter(row => place(row) > 0).sort((a, b) => place(a) - place(b)).map(refOf),
    aliases: Object.fromEntries(rows.flatMap(row => row.alias ? [[row.alias, refOf(row)]] : [])),
    providers,
    missingProvidersInUse: [...new Set(chosen.filter(({ unavailableReason }) => unavailableReason === 'missing-auth').map(({ provider }) => provider))]
  }
}

function stateOf ({ status, cooldownUntil, lastError }: ProviderRow, now: number): string {
  if (status === 'missing') return 'no key'
  const error = lastError ? `: ${shown(lastError, 100)}` : ''
  if (cooldownUntil !== undefined && cooldownUntil > now) return `cools down for ${duration(cooldownUntil - now)}${error}`
  return lastError ? `last error${error}` : 'ok'
}

export function modelsStatusText (status: ModelsStatus, now: number): string {
  const { defaultModel, fallbacks, aliases, providers, missingProvidersInUse, probes = [] } = status
  const named = Object.entries(aliases).map(([alias, ref]) => `${shown(alias)} -> ${shown(ref)}`)
  const parts = [facts([
    ['Default', shown(defaultModel ?? undefined)],
    ['Fallbacks', fallbacks.map(ref => shown(ref)).join(', ') || '-'],
    ['Aliases', named.join('\n') || '-']
  ])]
  if (providers.length > 0) {
    parts.push(table(['Provider', 'Key', 'State'], providers.map(row => [shown(row.provider), row.apiKey?.source ?? '-', stateOf(row, now)])))
  }
  if (probes.length > 0) {
    parts.push(table(['Probe', 'Result', 'Took'], probes.map(({ provider, status: result, latencyMs, error }) => [
      shown(provider), error ? `${result}: ${shown(error, 160)}` : result, latencyMs === undefined ? '-' : duration(latencyMs)
    ])))
  }
  for (const provider of missingProvidersInUse) {
    parts.push(`No key for ${provider}: openclaw config set models.providers.${provider}.apiKey --ref-source env --ref-id NAME_OF_THE_VARIABLE`)
  }
  return parts.join('\n\n')
}
