/** What a transport is told: the provider with its credentials resolved. Address and secrets come from the configuration alone. */
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { SecretInput } from '../config/schema.ts'
import { isLoopbackHostname, isPrivateAddress } from '../lib/net-address.ts'
import { ProviderError, type ProviderSettings } from './model.ts'
import { credentialOf, type ProviderEntry } from './provider-entry.ts'

export interface ResolvedSettings extends ProviderSettings {
  /** The key stands in the configuration as text: whoever corrects it changes the configuration. */
  readonly inlineKey: boolean
}

/** Without a byte for so long the provider counts as hanging: a big local model may read its prompt for minutes. */
const cloudIdleMs = 120_000
const privateIdleMs = 300_000

type Resolve = (value: SecretInput, what: string) => Promise<string>

export async function resolveSettings (entry: ProviderEntry, api: string, loaded: LoadedConfig): Promise<ResolvedSettings> {
  const address = addressProblem(entry)
  if (address) throw new ProviderError('format', address)
  const resolve = await createResolve(entry, loaded)
  const headers: { [name: string]: string } = {}
  for (const [name, value] of Object.entries({ ...entry.config?.headers, ...entry.config?.request?.headers })) {
    headers[name.toLowerCase()] = await resolve(value, `headers.${name}`)
  }
  const auth = await requestAuth(entry, resolve)
  if (auth?.header) headers[auth.header.name.toLowerCase()] = auth.header.value
  const apiKey = auth ? auth.token : await keyOf(entry, loaded.env, resolve)
  const { apiKey: _key, headers: _headers, models: _models, params, baseUrl: _baseUrl, api: _api, ...options } = entry.config ?? {}
  return {
    id: entry.id,
    api,
    baseUrl: entry.baseUrl,
    ...(apiKey === undefined ? {} : { apiKey }),
    headers,
    ...timeouts(entry),
    ...(entry.config?.maxTokens === undefined ? {} : { maxTokens: entry.config.maxTokens }),
    params: params ?? {},
    options: await withTlsSecrets(options, resolve),
    inlineKey: typeof entry.config?.apiKey === 'string' && !/^\$/.test(entry.config.apiKey)
  }
}

function addressProblem ({ id, api, baseUrl, config }: ProviderEntry): string | undefined {
  if (api === 'echo') return undefined
  const where = `models.providers.${id}.baseUrl`
  if (baseUrl === '') return `The provider "${id}" has no address: set ${where}.`
  const url = URL.parse(baseUrl)
  if (!url || !/^https?:$/.test(url.protocol)) return `${where} is no http or https address: "${baseUrl}".`
  if (url.username || url.password) return `${where} must not contain a user or password: set models.providers.${id}.apiKey or request.auth.`
  const metadata = /^(169\.254\.|\[fe[89ab])/i.test(url.hostname) || /^metadata\./i.test(url.hostname)
  return metadata && config?.request?.allowPrivateNetwork !== true
    ? `${where} is a link-local or metadata address, which no model provider has: set request.allowPrivateNetwork if yours does.`
    : undefined
}

async function createResolve (entry: ProviderEntry, loaded: LoadedConfig): Promise<Resolve> {
  const { createSecretResolver } = await import('../config/secrets.ts')
  const resolver = createSecretResolver(loaded)
  return async (value, what) => {
    const resolved = await resolver.resolve(value)
    if (resolved.value !== undefined) return resolved.value
    throw new ProviderError('auth', `models.providers.${entry.id}.${what} has no value: ${resolved.error ?? 'it is empty'}.`)
  }
}

async function keyOf (entry: ProviderEntry, env: Environment, resolve: Resolve): Promise<string | undefined> {
  if (entry.config?.apiKey !== undefined) return await resolve(entry.config.apiKey, 'apiKey')
  const name = entry.keyNames.find(candidate => env[candidate])
  if (name !== undefined) return env[name]
  if (credentialOf(entry, env) === 'missing') throw missingKey(entry)
  return undefined
}

export const missingKey = ({ id, keyNames }: ProviderEntry): ProviderError => new ProviderError('auth',
  `The provider "${id}" has no key: set ${keyNames[0] ? `${keyNames[0]} in the environment of the gateway, or ` : ''}models.providers.${id}.apiKey.`)

interface RequestAuth { readonly token?: string, readonly header?: { readonly name: string, readonly value: string } }

/** `request.auth` takes the place of the key. */
async function requestAuth (entry: ProviderEntry, resolve: Resolve): Promise<RequestAuth | undefined> {
  const { mode, token, headerName, value, prefix } = (entry.config?.request?.auth ?? {}) as
    { mode?: string, token?: SecretInput, headerName?: string, value?: SecretInput, prefix?: string }
  if (mode === 'authorization-bearer' && token !== undefined) {
    return { header: { name: 'authorization', value: `Bearer ${await resolve(token, 'request.auth.token')}` } }
  }
  if (mode !== 'header' || headerName === undefined || value === undefined) return undefined
  return { header: { name: headerName, value: `${prefix ?? ''}${await resolve(value, 'request.auth.value')}` } }
}

type Options = ProviderSettings['options']

async function withTlsSecrets (options: Options, resolve: Resolve): Promise<Options> {
  const request = options.request as { tls?: { readonly [name: string]: unknown } } | undefined
  if (!request?.tls) return options
  const tls: { [name: string]: unknown } = { ...request.tls }
  for (const name of ['ca', 'cert', 'key', 'passphrase']) {
    if (tls[name] !== undefined) tls[name] = await resolve(tls[name] as SecretInput, `request.tls.${name}`)
  }
  return { ...options, request: { ...request, tls } }
}

function timeouts (entry: ProviderEntry): { timeoutMs: number, idleTimeoutMs: number } {
  const configuredMs = (entry.config?.timeoutSeconds ?? 0) * 1000
  const { idleTimeoutSeconds } = (entry.config ?? {}) as { idleTimeoutSeconds?: unknown }
  const idleTimeoutMs = typeof idleTimeoutSeconds === 'number' && idleTimeoutSeconds > 0
    ? idleTimeoutSeconds * 1000
    : configuredMs || (isPrivateHost(entry.baseUrl) ? privateIdleMs : cloudIdleMs)
  return { timeoutMs: configuredMs, idleTimeoutMs }
}

/** Addresses and names that never leave the own network. */
function isPrivateHost (baseUrl: string): boolean {
  const host = URL.parse(baseUrl)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return isLoopbackHostname(host) || isPrivateAddress(host) || !/[.:]/.test(host) || /\.(local|lan|internal|home\.arpa|localhost)$/i.test(host)
}
