/** `params` of a provider and of a model: what of them we read ourselves, and what goes into the request's body. */
import type { ModelInfo, ProviderSettings } from '../model.ts'

interface Fields { readonly [name: string]: unknown }

export interface Params {
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly maxTokens: number | undefined
  /** How long the provider keeps what it read: none, short, long. */
  readonly cacheRetention: unknown
  /** Laid over the body of the request. */
  readonly body: Fields
}

/** Names in snake case are the vendor's and go as they stand, where the vendor has such names. */
export function paramsOf (settings: ProviderSettings, model: ModelInfo, vendorHasSnakeCase: boolean): Params {
  const params: Fields = { ...settings.params, ...model.params }
  const numberIn = (name: string): number | undefined => typeof params[name] === 'number' ? params[name] : undefined
  const extra = params.extra_body ?? params.extraBody
  const snake = vendorHasSnakeCase ? Object.entries(params).filter(([name]) => /^[a-z][a-z0-9_]*$/.test(name) && !read.has(name)) : []
  return {
    temperature: numberIn('temperature'),
    topP: numberIn('topP'),
    maxTokens: numberIn('maxTokens'),
    cacheRetention: params.cacheRetention,
    body: { ...Object.fromEntries(snake), ...(typeof extra === 'object' && extra !== null ? extra as Fields : {}) }
  }
}

const read = new Set(['temperature', 'extra_body'])
