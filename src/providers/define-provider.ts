/** Declaring a wire format: which `api` of the configuration it serves, and how its transport is made when a step first needs it. */
import type { ProviderKind, ProviderSettings, Transport } from './model.ts'

export interface ProviderDeclaration {
  readonly api: string
  /** Imports what it needs; nothing of it is loaded before. */
  readonly load: (settings: ProviderSettings) => Promise<Transport>
}

/** Each kind has its own `api`; two for one would be decided by chance. */
export function defineProviders (declarations: readonly ProviderDeclaration[]): ReadonlyMap<string, ProviderKind> {
  const kinds = new Map<string, ProviderKind>()
  for (const { api, load } of declarations) {
    if (kinds.has(api)) throw new Error(`two provider kinds for ${api}`)
    kinds.set(api, { api, load })
  }
  return kinds
}
