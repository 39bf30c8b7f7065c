/** The transports in use, one for each provider and wire format: made at the first step, closed when its provider was configured anew. */
import { isDeepStrictEqual } from 'node:util'
import { haveSecretsChanged } from '../config/secret-values.ts'
import type { SecretValues } from '../config/secrets.ts'
import type { Catalog } from './catalog.ts'
import { ProviderError, type ModelInfo, type ProviderKind, type Transport } from './model.ts'
import { credentialOf, type ProviderEntry } from './provider-entry.ts'
import { missingKey, resolveSettings, type ResolvedSettings } from './settings.ts'

export interface Transports {
  /** Why a model cannot be asked. */
  problem (catalog: Catalog, model: ModelInfo): ProviderError | undefined
  use<T> (catalog: Catalog, model: ModelInfo, act: (transport: Transport) => Promise<T>): Promise<T>
  /** Reads the credential again; true when it is another one now. */
  renewed (catalog: Catalog, model: ModelInfo): Promise<boolean>
  hasInlineKey (model: ModelInfo): boolean
  /** Lets go of providers that the new configuration says something else about, and names them. */
  replace (before: Catalog, after: Catalog): string[]
  close (): Promise<void>
}

interface Slot {
  readonly provider: string
  readonly opening: Promise<Transport>
  transport?: Transport
  settings?: ResolvedSettings
  active: number
  retired: boolean
}

interface Slots {
  /** The one of the model; made when there is none. */
  open (catalog: Catalog, model: ModelInfo): Slot
  peek (model: ModelInfo): Slot | undefined
  /** Closes those of a provider, each after its last step. */
  drop (provider: string): Promise<void>
  retire (slot: Slot): Promise<void>
  providers (): string[]
}

type Load = (catalog: Catalog, model: ModelInfo) => Promise<{ transport: Transport, settings: ResolvedSettings }>

function createSlots (load: Load): Slots {
  const slots = new Map<string, Slot>()
  const keyOf = ({ provider, api }: ModelInfo): string => `${provider}\n${api}`
  const make = (key: string, catalog: Catalog, model: ModelInfo): Slot => {
    const opening = load(catalog, model).then(({ transport, settings }) => {
      slot.settings = settings
      slot.transport = transport
      return transport
    })
    const slot: Slot = { provider: model.provider, opening, active: 0, retired: false }
    slots.set(key, slot)
    opening.catch(() => { if (slots.get(key) === slot) slots.delete(key) })
    return slot
  }
  const retire: Slots['retire'] = async slot => {
    slot.retired = true
    if (slot.active > 0) return
    const transport = await slot.opening.catch(() => undefined)
    await transport?.close?.()
  }
  return {
    open: (catalog, model) => slots.get(keyOf(model)) ?? make(keyOf(model), catalog, model),
    peek: model => slots.get(keyOf(model)),
    async drop (provider) {
      const dropped = [...slots].filter(([, slot]) => slot.provider === provider)
      for (const [key] of dropped) slots.delete(key)
      await Promise.all(dropped.map(([, slot]) => retire(slot)))
    },
    retire,
    providers: () => [...new Set([...slots.values()].map(({ provider }) => provider))]
  }
}

export function createTransports (kinds: ReadonlyMap<string, ProviderKind>): Transports {
  const slots = createSlots(async (catalog, model) => {
    const entry = catalog.providers.get(model.provider)
    const kind = kinds.get(model.api)
    if (!entry || !kind) throw unserved(catalog, kinds, model)
    const settings = await resolveSettings(entry, model.api, catalog.loaded)
    return { settings, transport: await kind.load(settings) }
  })
  return {
    problem: (catalog, model) => problemOf(catalog, kinds, model),
    async use (catalog, model, act) {
      const slot = slots.open(catalog, model)
      slot.active += 1
      try {
        return await act(slot.transport ?? await slot.opening)
      } finally {
        slot.active -= 1
        if (slot.retired) void slots.retire(slot)
      }
    },
    async renewed (catalog, model) {
      const settings = slots.peek(model)?.settings
      const entry = catalog.providers.get(model.provider)
      if (!settings || settings.inlineKey || !entry) return false
      const secretValues: SecretValues = new Map()
      const again = await resolveSettings(entry, model.api, { ...catalog.loaded, secretValues }).catch(() => undefined)
      if (!again || (again.apiKey === settings.apiKey && isDeepStrictEqual(again.headers, settings.headers))) return false
      for (const [key, value] of secretValues) catalog.loaded.secretValues?.set(key, value)
      void slots.drop(model.provider)
      return true
    },
    hasInlineKey: model => slots.peek(model)?.settings?.inlineKey ?? false,
    replace (before, after) {
      const changed = [...before.providers.keys()].filter(id => !isDeepStrictEqual(factsOf(before, id), factsOf(after, id)) ||
        haveSecretsChanged(before.providers.get(id)?.config, before.loaded.secretValues, after.loaded.secretValues))
      for (const id of changed) void slots.drop(id)
      return changed
    },
    close: async () => { await Promise.all(slots.providers().map(provider => slots.drop(provider))) }
  }
}

/** All that a transport is made of. */
function factsOf ({ providers, loaded }: Catalog, id: string): unknown {
  const entry = providers.get(id)
  return entry && [entry.config, entry.api, entry.baseUrl, loaded.config.secrets, entry.keyNames.map(name => loaded.env[name])]
}

function problemOf (catalog: Catalog, kinds: ReadonlyMap<string, ProviderKind>, model: ModelInfo): ProviderError | undefined {
  const entry = catalog.providers.get(model.provider)
  if (!entry || !kinds.has(model.api)) return unserved(catalog, kinds, model)
  return entry.needsKey && credentialOf(entry, catalog.loaded.env) === 'missing' ? missingKey(entry) : undefined
}

const listed = (names: Iterable<string>): string => [...names].slice(0, 12).join(', ')

function unserved (catalog: Catalog, kinds: ReadonlyMap<string, ProviderKind>, model: ModelInfo): ProviderError {
  const entry: ProviderEntry | undefined = catalog.providers.get(model.provider)
  const ref = model.provider === '' ? model.id : `${model.provider}/${model.id}`
  const text = model.provider === ''
    ? `Nobody serves the model "${ref}": name it as provider/model, or see openclaw models list.`
    : !entry
        ? `Nobody serves "${ref}": there is no provider "${model.provider}"; set models.providers.${model.provider}.baseUrl, or see openclaw models list.`
        : model.api !== ''
          ? `models.providers.${model.provider}.api is "${model.api}", which this gateway does not speak: use one of ${listed(kinds.keys())}.`
          : catalog.find(ref)
            ? `The model "${ref}" may not be picked: agents.defaults.modelPolicy.allow does not name it.`
            : `The provider "${model.provider}" has no model "${model.id}": it declares ${listed(entry.models.keys())}.`
  return new ProviderError('model_not_found', text)
}
