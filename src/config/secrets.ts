/**
 * Credentials that the configuration names instead of containing: a variable, a file, or the answer of a program. What is configured
 * and cannot be had is an error, never an empty or a different credential. Nothing here says a secret aloud.
 */
import type { Environment } from './environment.ts'
import { isSecretRef, secretRefProblem, type SecretInput, type SecretRef } from './schema/types.ts'
import { isUnresolvedReference } from './substitute.ts'
import type { Config } from './schema.ts'

export type SecretProvider = Config['secrets']['providers'][string]

export interface ResolvedSecret {
  value?: string
  /** `none`: nothing is configured. */
  source: 'none' | 'text' | SecretRef['source']
  /** Why a configured credential is not available; then there is no value. */
  error?: string
}

/** Credentials by the reference that names them, as they were when they were first asked for: every door goes by the same ones. */
export type SecretValues = Map<string, ResolvedSecret>

export interface SecretContext {
  config: Pick<Config, 'secrets'>
  env: Environment
  /** Absent: each is fetched anew. */
  secretValues?: SecretValues | undefined
}

export interface SecretResolver {
  /** References that are asked for at the same time go to their provider together. */
  resolve (value: SecretInput | undefined): Promise<ResolvedSecret>
}

const maxIdsPerBatch = 512

/** Ids to values; a missing one has an error. Throws when the provider as a whole fails. */
export interface ProviderAnswer { values: Map<string, string>, errors: Map<string, string> }

/** `${NAME}` and `$NAME` on their own are written for `{source: "env", id: NAME}`. */
export function asReference (value: unknown): SecretRef | undefined {
  if (isSecretRef(value)) return value
  const name = typeof value === 'string' ? /^\$(?:\{([A-Z][A-Z0-9_]{0,127})\}|([A-Z][A-Z0-9_]{0,127}))$/.exec(value) : null
  return name ? { source: 'env', id: (name[1] ?? name[2]) as string } : undefined
}

export const secretKeyOf = ({ source, provider, id }: SecretRef): string => JSON.stringify([source, provider ?? '', id])

interface Batch { ids: Set<string>, answer: Promise<ProviderAnswer> }

export function createSecretResolver ({ config, env, secretValues }: SecretContext): SecretResolver {
  const batches = new Map<string, Batch>()

  const providerOf = (ref: SecretRef): { alias: string, provider: SecretProvider | undefined } => {
    const alias = ref.provider ?? config.secrets.defaults[ref.source]
    return { alias, provider: Object.hasOwn(config.secrets.providers, alias) ? config.secrets.providers[alias] : undefined }
  }

  /** Waits for the others of this moment, then asks once. */
  const ask = (alias: string, id: string, run: (ids: string[]) => Promise<ProviderAnswer>): Promise<ProviderAnswer> => {
    const open = batches.get(alias)
    if (open && (open.ids.has(id) || open.ids.size < maxIdsPerBatch)) {
      open.ids.add(id)
      return open.answer
    }
    const ids = new Set([id])
    const answer = new Promise<void>(resolve => setImmediate(resolve)).then(async () => {
      batches.delete(alias)
      return await run([...ids])
    })
    batches.set(alias, { ids, answer })
    return answer
  }

  const fromProvider = async (ref: SecretRef): Promise<ResolvedSecret> => {
    const { alias, provider } = providerOf(ref)
    const refuse = (why: string): ResolvedSecret => ({ source: ref.source, error: `secret provider "${alias}" (${ref.source}): ${why}` })
    const problem = secretRefProblem(ref)
    if (problem !== undefined) return refuse(`the reference needs ${problem}`)
    if (provider && provider.source !== ref.source) return refuse(`is of source "${provider.source ?? 'unset'}"`)
    if (ref.source === 'env') return fromEnvironment(ref, provider, env, refuse)
    if (!provider) return refuse('is not configured in secrets.providers')
    if (ref.source === 'store') return refuse('this gateway keeps no secrets in its store; use env, file or exec')
    try {
      const run = ref.source === 'file'
        ? async (ids: string[]) => await (await import('./secret-file.ts')).readFileProvider(provider, ids)
        : async (ids: string[]) => await (await import('./secret-exec.ts')).runExecProvider({ alias, provider, ids, env })
      const answer = await ask(alias, ref.id, run)
      const value = answer.values.get(ref.id)
      return value === undefined || value === '' ? refuse(answer.errors.get(ref.id) ?? `has no value for "${ref.id}"`) : { value, source: ref.source }
    } catch (error) {
      return refuse((error as Error).message)
    }
  }

  const known = async (ref: SecretRef): Promise<ResolvedSecret> => {
    const key = secretKeyOf(ref)
    const found = secretValues?.get(key)
    if (found) return found
    const resolved = await fromProvider(ref)
    if (resolved.value !== undefined) secretValues?.set(key, resolved)
    return resolved
  }

  return {
    async resolve (value) {
      if (value === undefined) return { source: 'none' }
      const ref = asReference(value)
      if (ref) return await known(ref)
      if (typeof value !== 'string') return { source: 'text', error: 'is neither text nor a SecretRef' }
      if (isUnresolvedReference(value)) return { source: 'text', error: 'names a variable that is not set' }
      return { value, source: 'text' }
    }
  }
}

function fromEnvironment (
  ref: SecretRef, provider: SecretProvider | undefined, env: Environment, refuse: (why: string) => ResolvedSecret
): ResolvedSecret {
  if (ref.provider !== undefined && ref.provider !== 'default' && !provider) return refuse('is not configured in secrets.providers')
  if (provider?.allowlist && !provider.allowlist.includes(ref.id)) return refuse(`may not read ${ref.id} (allowlist)`)
  const value = env[ref.id]
  return value === undefined || value === '' ? refuse(`${ref.id} is not set`) : { value, source: 'env' }
}

/** Resolves one value by itself. */
export const resolveSecret = (value: SecretInput | undefined, context: SecretContext): Promise<ResolvedSecret> =>
  createSecretResolver(context).resolve(value)
