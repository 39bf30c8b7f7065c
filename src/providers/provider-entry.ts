/** One provider as the configuration and what is known of it make it, and the rows of its models. */
import type { Environment } from '../config/environment.ts'
import type { Config } from '../config/schema.ts'
import { knownProvider, optionalKeyNames } from './known-providers.ts'
import type { ModelCost, ModelInfo } from './model.ts'

export type ProviderConfig = Config['models']['providers'][string]

export interface ProviderEntry {
  readonly id: string
  readonly api: string
  readonly baseUrl: string
  /** What the user wrote; undefined for a provider that is only known. */
  readonly config: ProviderConfig | undefined
  /** Variables that may hold its key. */
  readonly keyNames: readonly string[]
  /** It serves nobody without a key. */
  readonly needsKey: boolean
  /** Rows by model id, in the order of the configuration, then what is known. */
  readonly models: ReadonlyMap<string, ModelInfo>
  /** Any other model id is handed to it, too: nobody said which ones it has. */
  readonly takesAny: boolean
  /** A row of a model that nobody declared. */
  row (id: string): ModelInfo
}

export const echoModel: ModelInfo = {
  provider: 'echo',
  id: 'echo',
  name: 'Echo (demonstration)',
  api: 'echo',
  reasoning: false,
  input: ['text', 'image'],
  contextWindow: 200_000,
  maxTokens: 100_000,
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
}

export const echoProvider: ProviderEntry = {
  id: 'echo',
  api: 'echo',
  baseUrl: '',
  config: undefined,
  keyNames: [],
  needsKey: false,
  models: new Map([[echoModel.id, echoModel]]),
  takesAny: false,
  row: () => echoModel
}

export function providerEntry (id: string, config: ProviderConfig | undefined, params: ParamsByRef): ProviderEntry {
  const known = knownProvider(id)
  const baseUrl = (config?.baseUrl ?? known?.baseUrl ?? '').replace(/\/+$/, '')
  const given = config?.api ?? known?.api ?? 'openai-completions'
  const ownAddress = config?.baseUrl !== undefined && config.baseUrl.replace(/\/+$/, '') !== known?.baseUrl
  const declared = config?.models ?? []
  const base: ProviderEntry = {
    id,
    // Ollama speaks both; its own format adds nothing that a step needs.
    api: given === 'ollama' ? 'openai-completions' : given,
    baseUrl: given === 'ollama' && !/\/v1$/.test(baseUrl) ? `${baseUrl}/v1` : baseUrl,
    config,
    keyNames: [...known?.keyNames ?? [], ...optionalKeyNames[id] ?? []],
    needsKey: !ownAddress && (known?.keyNames.length ?? 0) > 0,
    models: new Map(),
    takesAny: declared.length === 0 || known !== undefined,
    row (id) { return modelRow(this, id, params) }
  }
  const models = new Map<string, ModelInfo>()
  for (const model of declared) models.set(model.id, declaredModel(base, model, params))
  for (const model of known?.models ?? []) if (!models.has(model.id)) models.set(model.id, modelRow(base, model.id, params))
  return { ...base, models }
}

type DeclaredModel = ProviderConfig['models'][number]
export type ParamsByRef = ReadonlyMap<string, { readonly [name: string]: unknown }>

/** `agents.defaults.models.<ref>.params`. */
export function paramsByRef (config: Config): ParamsByRef {
  const found = new Map<string, { readonly [name: string]: unknown }>()
  for (const [ref, settings] of Object.entries(config.agents.defaults.models)) {
    const { params } = (settings ?? {}) as { params?: unknown }
    if (typeof params === 'object' && params !== null) found.set(ref, params as { [name: string]: unknown })
  }
  return found
}

/** Families whose models read images, for ids that nobody described. */
const seeing = /gpt-(4o|4\.1|[5-9])|\bo[134]\b|claude|gemini|gemma-?3|llava|pixtral|internvl|minicpm-v|mllama|vision|[-_]vl\b|\dvl\b/i

/** A row of a model that nobody declared: what is known of it, else what most models can do. */
function modelRow (entry: Omit<ProviderEntry, 'row'>, id: string, params: ParamsByRef): ModelInfo {
  const known = knownProvider(entry.id)?.models.find(model => model.id === id)
  const [input = 0, output = 0, cacheRead = 0, cacheWrite = 0] = known?.prices ?? []
  const own = params.get(`${entry.id}/${id}`)
  return {
    provider: entry.id,
    id,
    name: known?.name ?? id,
    api: entry.api,
    reasoning: known?.reasoning ?? false,
    input: known || seeing.test(id) ? ['text', 'image'] : ['text'],
    contextWindow: known?.contextWindow ?? 128_000,
    maxTokens: known?.maxTokens ?? entry.config?.maxTokens ?? 8192,
    ...(known ? { capped: true } : {}),
    ...(known ? { cost: { input, output, cacheRead, cacheWrite } } : {}),
    ...(own ? { params: own } : {})
  }
}

function declaredModel (entry: ProviderEntry, model: DeclaredModel, params: ParamsByRef): ModelInfo {
  const row = modelRow(entry, model.id, params)
  const { api } = model as { api?: unknown }
  const cost: ModelCost | undefined = model.cost && { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, ...row.cost, ...model.cost }
  return {
    ...row,
    name: model.name ?? row.name,
    api: typeof api === 'string' && api !== 'ollama' ? api : row.api,
    reasoning: model.reasoning ?? row.reasoning,
    input: model.input ?? row.input,
    contextWindow: model.contextWindow ?? row.contextWindow,
    maxTokens: model.maxTokens ?? entry.config?.maxTokens ?? row.maxTokens,
    ...(model.maxTokens === undefined ? {} : { capped: true }),
    ...(cost ? { cost } : {}),
    ...(model.compat ? { compat: model.compat } : {})
  }
}

/** Whether a key is at hand, as far as can be said without asking a file or a program. */
export function credentialOf (entry: ProviderEntry, env: Environment): 'none' | 'configured' | 'missing' {
  const given = entry.config?.apiKey
  if (given !== undefined) {
    const name = typeof given === 'string' ? /^\$\{?([A-Z][A-Z0-9_]*)\}?$/.exec(given)?.[1] : given.source === 'env' ? given.id : undefined
    return name !== undefined && !env[name] ? 'missing' : 'configured'
  }
  if (entry.keyNames.some(name => env[name])) return 'configured'
  if (/^(authorization-bearer|header)$/.test(String(entry.config?.request?.auth?.mode))) return 'configured'
  const ownHeaders = { ...entry.config?.headers, ...entry.config?.request?.headers }
  if (Object.keys(ownHeaders).some(name => /^(authorization|x-api-key|api-key|x-goog-api-key)$/i.test(name))) return 'configured'
  return entry.needsKey ? 'missing' : 'none'
}
