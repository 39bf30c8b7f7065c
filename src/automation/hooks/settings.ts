import type { LoadedConfig } from '../../config/load.ts'
import type { SecretInput } from '../../config/schema/types.ts'

export type SignatureScheme = 'github' | 'stripe' | 'slack'

/** One rule of `hooks.mappings`, as far as it is used. */
export interface Mapping {
  readonly id: string
  readonly match?: { readonly path?: string, readonly source?: string }
  readonly action: 'wake' | 'agent'
  readonly messageTemplate?: string
  readonly textTemplate?: string
  readonly name?: string
  readonly agentId?: string
  readonly sessionKey?: string
  readonly wakeMode?: string
  readonly model?: string
  readonly thinking?: string
  readonly timeoutSeconds?: number
  readonly deliver?: boolean
  readonly channel?: string
  readonly to?: string
  readonly accountId?: string
  readonly forEach?: string
  readonly transform?: { readonly module: string, readonly export?: string }
  readonly signature?: { readonly scheme: SignatureScheme, readonly secret: SecretInput }
  readonly allowUnsafeExternalContent: boolean
}

export type HookSettings = LoadedConfig['config']['hooks']

const withoutSlashes = (path: string): string => path.replace(/^\/+|\/+$/g, '')

/** The rules in the order in which they are tried. */
export const mappingsOf = ({ mappings }: HookSettings): Mapping[] => mappings.map((given, index) => {
  const { match, ...rest } = given as unknown as Omit<Mapping, 'id' | 'action'> & Partial<Mapping>
  return {
    ...rest,
    id: rest.id ?? `mapping-${index + 1}`,
    action: rest.action ?? 'agent',
    allowUnsafeExternalContent: rest.allowUnsafeExternalContent === true,
    ...(match ? { match: { ...match, ...(match.path === undefined ? {} : { path: withoutSlashes(match.path) }) } } : {})
  }
})

export const ofPath = (mappings: readonly Mapping[], path: string): Mapping[] =>
  mappings.filter(({ match }) => match?.path === undefined || match.path === path)
