/** The providers room: who can answer, who does, and what it cost. Nothing is loaded or connected before the first step. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadedConfig } from '../config/load.ts'
import type { Logger } from '../log/logger.ts'
import { builtinKinds } from './builtin/kinds.ts'
import { createCatalog, type Catalog } from './catalog.ts'
import { declared, unique } from './choice.ts'
import { createCooldowns } from './cooldowns.ts'
import { withCost } from './cost.ts'
import { createFailover } from './failover.ts'
import { ProviderError, type ModelInfo, type Models, type ProviderKind, type ProviderStatus } from './model.ts'
import { credentialOf } from './provider-entry.ts'
import { createTransports, type Transports } from './transports.ts'

export interface ModelsOptions {
  /** The configuration of this moment; a new object means that it changed. */
  readonly config: () => LoadedConfig
  readonly now: () => number
  readonly log: Logger
  /** Waits between attempts; returns early when the signal fires. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly random?: () => number
  /** Wire formats by `api`. */
  readonly kinds?: ReadonlyMap<string, ProviderKind>
}

const waitReally = async (ms: number, signal: AbortSignal): Promise<void> => { await delay(ms, undefined, { signal }).catch(() => {}) }

export function createModels (options: ModelsOptions): Models {
  const { config, now, log, sleep = waitReally, random = Math.random, kinds = builtinKinds() } = options
  const cooldowns = createCooldowns(now)
  const transports = createTransports(kinds)
  let catalog: Catalog | undefined

  const current = (): Catalog => {
    const loaded = config()
    if (catalog?.loaded === loaded) return catalog
    const before = catalog
    catalog = createCatalog(loaded)
    if (before) for (const provider of transports.replace(before, catalog)) cooldowns.forget(provider)
    return catalog
  }
  const failover = createFailover({
    cooldowns,
    now,
    sleep,
    random,
    log,
    problem: model => transports.problem(current(), model),
    ask: (model, request, tell) => transports.use(current(), model, transport => transport.step(model, request, tell)),
    renewed: async model => await transports.renewed(current(), model),
    patient: model => model.api !== 'echo',
    hasInlineKey: model => transports.hasInlineKey(model)
  })

  return {
    list: async view => listOf(current(), view ?? 'default'),
    find: name => current().find(name),
    allowed: (model, agentId) => current().allowed(model, agentId),
    route: (agentId, override) => current().route(agentId, override),
    async step (route, request, tell, onFallback) {
      const result = await failover(route, request, tell, onFallback)
      return { ...result, usage: withCost(result.usage, result.model.cost) }
    },
    embed: (name, ...wanted) => embed(current(), transports, name, wanted),
    status: () => statusOf(current(), cooldowns.status),
    aliases: () => current().aliases,
    close: async () => await transports.close()
  }
}

/** What of it and how, behind the name. */
type Wanted = Parameters<Models['embed']> extends [string, ...infer Rest] ? Rest : never

async function embed (catalog: Catalog, transports: Transports, name: string, wanted: Wanted): ReturnType<Models['embed']> {
  const model = catalog.find(name)
  const problem = model ? transports.problem(catalog, model) : new ProviderError('model_not_found', `Nobody serves the model "${name}".`)
  if (!model || problem) throw problem
  return await transports.use(catalog, model, async transport => {
    if (!transport.embed) throw new ProviderError('format', `${model.api} has no embeddings: name a model of another provider.`)
    return { ...await transport.embed(model.id, ...wanted), model }
  })
}

function listOf (catalog: Catalog, view: 'default' | 'configured' | 'provider-config' | 'all'): readonly ModelInfo[] {
  const { providers, loaded } = catalog
  if (view === 'all') return catalog.all()
  if (view === 'provider-config') return declared(providers)
  const builtin = catalog.all().filter(({ provider }) => {
    const entry = providers.get(provider)!
    return entry.config === undefined && credentialOf(entry, loaded.env) !== 'missing'
  })
  const usable = unique([...catalog.named(), ...builtin])
  return view === 'configured' ? usable : usable.filter(model => catalog.allowed(model))
}

function statusOf ({ providers, loaded }: Catalog, cooling: (provider: string) => Pick<ProviderStatus, 'cooldownUntilMs' | 'lastError'>): ProviderStatus[] {
  return [...providers.values()].map(entry => ({
    provider: entry.id,
    api: entry.api,
    baseUrl: entry.baseUrl,
    credential: credentialOf(entry, loaded.env),
    ...cooling(entry.id)
  }))
}
