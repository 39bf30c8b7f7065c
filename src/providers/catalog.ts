/** Which providers and models there are, read off one configuration. Built again when that changes, looked up in every step. */
import type { LoadedConfig } from '../config/load.ts'
import { createChoice, type Choice } from './choice.ts'
import { knownProviderIds } from './known-providers.ts'
import type { ModelInfo } from './model.ts'
import { echoProvider, paramsByRef, providerEntry, type ProviderEntry } from './provider-entry.ts'

export interface Catalog extends Choice {
  readonly loaded: LoadedConfig
  readonly providers: ReadonlyMap<string, ProviderEntry>
  all (): readonly ModelInfo[]
}

export function createCatalog (loaded: LoadedConfig): Catalog {
  const { config } = loaded
  const { mode, providers: configured } = config.models
  const params = paramsByRef(config)
  const entries = new Map<string, ProviderEntry>()
  for (const [id, provider] of Object.entries(configured)) entries.set(id, providerEntry(id, provider, params))
  if (mode !== 'replace') {
    for (const id of knownProviderIds) if (!entries.has(id)) entries.set(id, providerEntry(id, undefined, params))
  }
  if (!entries.has('echo')) entries.set('echo', echoProvider)
  return {
    loaded,
    providers: entries,
    all: () => [...entries.values()].flatMap(entry => [...entry.models.values()]),
    ...createChoice(loaded, entries)
  }
}
