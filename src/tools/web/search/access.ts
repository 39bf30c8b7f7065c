/** Which search service, with which key and where: as the configuration and the environment say. */
import type { LoadedConfig } from '../../../config/load.ts'
import type { SecretInput } from '../../../config/schema.ts'
import { createSecretResolver } from '../../../config/secrets.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import { WebFailure } from '../failure.ts'
import { rowOf, textOf, type SearchAccess, type SearchBackend } from './backend.ts'
import { brave } from './brave.ts'
import { searxng } from './searxng.ts'
import { tavily } from './tavily.ts'

/** In the order in which they are taken when nobody chose one. */
export const searchBackends: readonly SearchBackend[] = [brave, tavily, searxng]

export interface ChosenBackend {
  readonly backend: SearchBackend
  readonly access: SearchAccess
  /** Whoever runs the gateway chose the address, which may be in their own network. */
  readonly isOwnAddress: boolean
}

interface Settings {
  readonly apiKey?: SecretInput
  readonly baseUrl?: string
}

/** `tools.web.search`, and where the existing gateway keeps the settings of one service. */
function settingsOf ({ id, keyNames, addressNames }: SearchBackend, { config, env }: LoadedConfig, isChosen: boolean): Settings {
  const own = rowOf(rowOf(config.plugins.entries[id]?.config).webSearch) as { readonly apiKey?: SecretInput, readonly baseUrl?: unknown }
  const { apiKey, baseUrl } = isChosen ? config.tools.web.search : {}
  const inEnvironment = (names: readonly string[]): string | undefined => names.map(name => env[name]).find(Boolean)
  const key = apiKey ?? own.apiKey ?? inEnvironment(keyNames)
  const address = baseUrl ?? (textOf(own.baseUrl) || inEnvironment(addressNames))
  return { ...key === undefined ? {} : { apiKey: key }, ...address === undefined ? {} : { baseUrl: address } }
}

const isReady = ({ needsKey }: SearchBackend, { apiKey, baseUrl }: Settings): boolean => (needsKey ? apiKey : baseUrl) !== undefined

const needsOf = ({ id, needsKey, keyNames, addressNames }: SearchBackend): string => needsKey
  ? `tools.web.search.provider "${id}" with tools.web.search.apiKey (or ${keyNames[0]} in the environment)`
  : `tools.web.search.provider "${id}" with tools.web.search.baseUrl (or ${addressNames[0]} in the environment)`

function choose (loaded: LoadedConfig): { backend: SearchBackend, settings: Settings } {
  const { provider, apiKey } = loaded.config.tools.web.search
  // A key without a name has always been one of Brave.
  const wanted = provider ?? (apiKey === undefined ? undefined : brave.id)
  const backend = searchBackends.find(candidate => wanted === undefined
    ? isReady(candidate, settingsOf(candidate, loaded, false))
    : candidate.id === wanted.trim().toLowerCase())
  if (backend) return { backend, settings: settingsOf(backend, loaded, wanted !== undefined) }
  if (wanted !== undefined) {
    throw new WebFailure(`There is no search service "${wanted}". tools.web.search.provider takes ${searchBackends.map(({ id }) => id).join(', ')}.`)
  }
  throw new WebFailure(`No search service is configured. Set ${searchBackends.map(needsOf).join('; or ')}.`)
}

async function keyOf (backend: SearchBackend, { apiKey }: Settings, loaded: LoadedConfig): Promise<string> {
  if (!backend.needsKey) return ''
  const { value, error } = await createSecretResolver(loaded).resolve(apiKey)
  if (value !== undefined && /^[\x21-\x7e]+$/.test(value.trim())) return value.trim()
  const why = error === undefined ? '' : ` (${error})`
  throw new WebFailure(`${backend.name} has no key${why}. Set ${needsOf(backend)}.`)
}

export async function chooseBackend (loaded: LoadedConfig): Promise<ChosenBackend> {
  const { backend, settings } = choose(loaded)
  const baseUrl = (settings.baseUrl ?? backend.baseUrl)?.trim().replace(/\/+$/, '')
  if (!baseUrl || !isHttpAddress(baseUrl)) {
    throw new WebFailure(`${backend.name} has no address that is an http or https URL. Set ${needsOf(backend)}.`)
  }
  return { backend, access: { baseUrl, apiKey: await keyOf(backend, settings, loaded) }, isOwnAddress: settings.baseUrl !== undefined }
}
