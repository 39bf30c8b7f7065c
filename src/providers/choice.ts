/** Which model answers whom: names, aliases, the policy, the agent's primary and its fallbacks. */
import { agentEntries } from '../config/agent-entries.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { ModelInfo, ModelRoute, RouteOverride } from './model.ts'
import { credentialOf, echoModel, type ProviderEntry } from './provider-entry.ts'

export interface Choice {
  readonly aliases: ReadonlyMap<string, string>
  find (name: string): ModelInfo | undefined
  route (agentId: string, override?: RouteOverride): ModelRoute
  /** May somebody pick it? An agent's own models are never in question. */
  allowed (model: ModelInfo, agentId?: string): boolean
  /** What the user named: agents' models, aliases, declared models. */
  named (): readonly ModelInfo[]
}

type Providers = ReadonlyMap<string, ProviderEntry>

/** Routes that were asked for; more agents and overrides than this are worked out again. */
const maxRoutes = 1024

export function createChoice (loaded: LoadedConfig, providers: Providers): Choice {
  const { config } = loaded
  const aliases = aliasesOf(config)
  const full = (name: string): string => aliases.get(name.trim().toLowerCase()) ?? name.trim()
  const chains = chainsOf(config)
  const chainOf = (agentId: string): readonly string[] => chains.get(agentId) ?? chains.get('')!
  const written = [...chains.values()].flat()
  const refs = new Set([...written, ...Object.keys(config.agents.defaults.models)].map(full))
  const find = (name: string): ModelInfo | undefined => findModel(providers, refs, full(name))
  const always = (name: string): ModelInfo => find(name) ?? unservedModel(full(name))
  const allowed = (model: ModelInfo, agentId?: string): boolean => {
    const allow = allowListOf(config, agentId)
    if (allow.length === 0) return true
    const ref = `${model.provider}/${model.id}`
    const own = agentId === undefined ? written : chainOf(agentId)
    return own.some(name => full(name) === ref) || allow.some(rule => matches(full(rule), ref))
  }
  const picked = (agentId: string, name: string): ModelRoute => {
    const model = always(name)
    return { model: allowed(model, agentId) ? model : unservedModel(`${model.provider}/${model.id}`), fallbacks: [] }
  }
  const standing = (agentId: string): ModelRoute => {
    const [primary, ...fallbacks] = chainOf(agentId)
    return { model: primary === undefined ? firstUsable(loaded, providers) : always(primary), fallbacks: fallbacks.map(always) }
  }
  const route = remembered<ModelRoute>((agentId, provider, model) =>
    model === '' ? standing(agentId) : picked(agentId, overrideName(model, provider, find)))
  return {
    aliases,
    find,
    allowed,
    route (agentId, { provider = '', model = '', fallbacks } = {}) {
      const own = route(agentId, provider, model)
      return fallbacks ? { model: own.model, fallbacks: fallbacks.map(name => picked(agentId, name).model) } : own
    },
    named: () => unique([...[...refs].map(find).filter(model => model !== undefined), ...declared(providers)])
  }
}

type Answer<T> = (agentId: string, provider: string, model: string) => T

/** Answers are the same as long as the configuration is. */
function remembered<T> (answer: Answer<T>): Answer<T> {
  const known = new Map<string, T>()
  return (agentId, provider, model) => {
    const key = `${agentId}\n${provider}\n${model}`
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= maxRoutes) known.clear()
    const made = answer(agentId, provider, model)
    known.set(key, made)
    return made
  }
}

/** What the configuration lists below its providers. */
export const declared = (providers: Providers): readonly ModelInfo[] =>
  [...providers.values()].flatMap(({ config, models }) => (config?.models ?? []).map(({ id }) => models.get(id)!))

export const unique = (models: readonly ModelInfo[]): readonly ModelInfo[] =>
  [...new Map(models.map(model => [`${model.provider}/${model.id}`, model])).values()]

const matches = (rule: string, ref: string): boolean => rule.endsWith('/*') ? ref.startsWith(rule.slice(0, -1)) : rule === ref

function allowListOf (config: Config, agentId: string | undefined): readonly string[] {
  const entry = agentId === undefined ? undefined : agentEntries(config).find(({ id }) => id === agentId)
  const own = (entry?.modelPolicy as { allow?: unknown } | undefined)?.allow
  return Array.isArray(own) ? own.filter(rule => typeof rule === 'string') : config.agents.defaults.modelPolicy.allow
}

function aliasesOf (config: Config): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>()
  for (const [ref, settings] of Object.entries(config.agents.defaults.models)) {
    const { alias } = (settings ?? {}) as { alias?: unknown }
    if (typeof alias === 'string' && alias.trim() !== '') aliases.set(alias.trim().toLowerCase(), ref)
  }
  return aliases
}

type ModelSetting = Config['agents']['defaults']['model']

const namesOf = (setting: ModelSetting): string[] => {
  if (setting === undefined) return []
  const { primary, fallbacks = [] } = typeof setting === 'string' ? { primary: setting } : setting
  return primary === undefined ? [] : [primary, ...fallbacks.filter(name => name !== primary)]
}

/** Primary and fallbacks by agent id; `''` are the defaults. An agent with a primary of its own falls back to what it names itself. */
function chainsOf (config: Config): ReadonlyMap<string, readonly string[]> {
  const defaults = namesOf(config.agents.defaults.model)
  const chains = new Map<string, readonly string[]>([['', defaults]])
  for (const { id, model } of agentEntries(config)) {
    const own = namesOf(model)
    const fallbacks = typeof model === 'object' ? model.fallbacks : undefined
    chains.set(id, own.length > 0 ? own : fallbacks && defaults[0] !== undefined ? [defaults[0], ...fallbacks] : defaults)
  }
  return chains
}

/** `provider/model`; the model may have slashes of its own. */
function splitRef (ref: string): [provider: string, id: string] | undefined {
  const at = ref.indexOf('/')
  return at > 0 && at < ref.length - 1 ? [ref.slice(0, at), ref.slice(at + 1)] : undefined
}

function findModel (providers: Providers, named: ReadonlySet<string>, ref: string): ModelInfo | undefined {
  const [provider = '', id = ''] = splitRef(ref) ?? []
  const entry = providers.get(provider) ?? providers.get(provider.toLowerCase())
  if (!entry) return onlyOne([...providers.values()].flatMap(({ models }) => models.get(ref) ?? []))
  return entry.models.get(id) ?? (entry.takesAny || named.has(ref) ? entry.row(id) : undefined)
}

/** A bare id names a model when only one provider has it. */
const onlyOne = (models: readonly ModelInfo[]): ModelInfo | undefined => models.length === 1 ? models[0] : undefined

function overrideName (model: string, provider: string, find: Choice['find']): string {
  if (provider === '') return model
  const name = `${provider}/${model}`
  // Some clients send the reference as the model and its provider beside it.
  return model.startsWith(`${provider}/`) && !find(name) ? model : name
}

/** Stands for a name that nobody serves, so that the step says so where the answer would be. */
function unservedModel (name: string): ModelInfo {
  const [provider, id] = splitRef(name) ?? ['', name]
  return { provider, id, name: id, api: '', reasoning: false, input: ['text'], contextWindow: 128_000, maxTokens: 8192 }
}

/** Without a primary: the first declared model that could answer, else the demonstration. */
function firstUsable (loaded: LoadedConfig, providers: Providers): ModelInfo {
  for (const entry of providers.values()) {
    const id = entry.config?.models[0]?.id
    if (id !== undefined && credentialOf(entry, loaded.env) !== 'missing') return entry.models.get(id) ?? echoModel
  }
  return echoModel
}
