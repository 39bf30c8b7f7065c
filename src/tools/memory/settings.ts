/** What the configuration says about the memory of one agent. */
import { agentEntry } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Chunking } from './index/chunks.ts'
import type { RankingRules } from './index/ranking.ts'
import type { Tokenizer } from './index/words.ts'

export interface MemorySettings {
  readonly isEnabled: boolean
  /** `provider/model` of the vectors. Absent: words alone. */
  readonly model?: string
  /** Why there are no vectors although a provider is named. */
  readonly problem?: string
  readonly tokenizer: Tokenizer
  readonly chunking: Chunking
  readonly citations: 'auto' | 'on' | 'off'
  readonly maxResults: number
  readonly minScore: number
  readonly candidateMultiplier: number
  readonly ranking: Omit<RankingRules, 'maxResults' | 'minScore' | 'nowMs'>
  /** Vectors that are kept of text that is in no file. */
  readonly spareVectors: number
}

type Section = { readonly [key: string]: unknown }

const isSection = (value: unknown): value is Section => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What one agent says wins, key by key. */
function over<S> (shared: S, own: unknown): S {
  if (!isSection(shared) || !isSection(own)) return own === undefined ? shared : own as S
  return { ...shared, ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name, over(shared[name], value)])) }
}

/** Models that people mean when they name the provider alone. */
const usualModels: { readonly [provider: string]: string } = {
  openai: 'text-embedding-3-small', google: 'gemini-embedding-001', mistral: 'mistral-embed', ollama: 'nomic-embed-text'
}

/** Names that older files have for them. */
const otherNames: { readonly [provider: string]: string } = { gemini: 'google' }

const hasKey = ({ config, env }: LoadedConfig): boolean => Boolean(env['OPENAI_API_KEY']) || config.models.providers['openai']?.apiKey !== undefined

function modelOf (given: { provider?: string | undefined, model?: string | undefined }, loaded: LoadedConfig): Pick<MemorySettings, 'model' | 'problem'> {
  const named = given.provider?.trim() ?? 'none'
  const provider = named === 'auto' ? (hasKey(loaded) ? 'openai' : 'none') : Object.hasOwn(otherNames, named) ? otherNames[named]! : named
  if (provider === '' || provider === 'none') return {}
  const model = given.model?.trim() || (Object.hasOwn(usualModels, provider) ? usualModels[provider] : undefined)
  if (!model) return { problem: `memory.search.provider is "${provider}" and no model is named: set memory.search.model` }
  return { model: model.startsWith(`${provider}/`) ? model : `${provider}/${model}` }
}

export function memorySettings (loaded: LoadedConfig, agentId: string): MemorySettings {
  const { memory } = loaded.config
  const search = over(memory.search, agentEntry(loaded.config, agentId)?.memory?.search)
  const { query: { hybrid, maxResults, minScore }, chunking, cache } = search
  const { mmr, temporalDecay, vectorWeight, textWeight, candidateMultiplier } = hybrid
  return {
    isEnabled: search.enabled,
    ...hybrid.enabled ? modelOf(search, loaded) : {},
    tokenizer: search.store.fts.tokenizer,
    chunking: { tokens: chunking.tokens, overlap: chunking.overlap },
    citations: memory.citations,
    maxResults,
    minScore,
    candidateMultiplier,
    ranking: {
      vectorWeight,
      textWeight,
      ...mmr.enabled ? { diversity: mmr.lambda } : {},
      ...temporalDecay.enabled ? { halfLifeDays: temporalDecay.halfLifeDays } : {}
    },
    spareVectors: cache.enabled ? cache.maxEntries : 0
  }
}
