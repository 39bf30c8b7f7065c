/** Credentials that are fetched anew, all of them or none: what is in use must not become nothing because a vault is away. */
import { isObject } from '../lib/json-object.ts'
import { isCredentialName } from '../lib/redact.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { LoadedConfig } from './load.ts'
import { formatPath, type PathStep } from './path-syntax.ts'
import { childOf, type Node } from './schema/node.ts'
import { configTree, isSecretRef, type SecretRef } from './schema.ts'
import { isUnresolvedReference } from './substitute.ts'
import { asReference, createSecretResolver, secretKeyOf, type ResolvedSecret, type SecretValues } from './secrets.ts'

export interface PlacedRef {
  readonly path: string
  readonly ref: SecretRef
}

type Tell = (value: unknown, steps: readonly PathStep[], isCredential: boolean) => void

/** Every value that is no object or list, with its place, and whether a credential is expected there. */
function eachLeaf (root: unknown, tree: Node | undefined, tell: Tell): void {
  const visit = (value: unknown, steps: PathStep[], node: Node | undefined, isCredential: boolean): void => {
    const below = (step: PathStep, item: unknown): void => {
      const child = node && childOf(node, step)
      const isNamed = child === undefined && typeof step === 'string' && isCredentialName(step)
      visit(item, [...steps, step], child, isCredential || isNamed || (child?.kind === 'key' && child.secret === true))
    }
    if (isSecretRef(value)) tell(value, steps, isCredential)
    else if (Array.isArray(value)) value.forEach((item, index) => below(index, item))
    else if (isObject(value)) for (const [key, item] of Object.entries(value)) below(key, item)
    else tell(value, steps, isCredential)
  }
  visit(root, [], tree, tree === undefined)
}

/** Every reference of a value, with its place. `$HOME` is one only where a credential is expected. */
export function refsIn (root: unknown, tree?: Node): PlacedRef[] {
  const found: PlacedRef[] = []
  eachLeaf(root, tree, (value, steps, isCredential) => {
    const ref = typeof value !== 'string' || isCredential ? asReference(value) : undefined
    if (ref) found.push({ path: formatPath(steps), ref })
  })
  return found
}

/** The places of credentials that are written out. */
export function plainSecretsIn (parsed: unknown): string[] {
  const found: string[] = []
  eachLeaf(parsed, configTree, (value, steps, isCredential) => {
    if (isCredential && typeof value === 'string' && value !== '' && !asReference(value) && !isUnresolvedReference(value)) found.push(formatPath(steps))
  })
  return found
}

/** The places whose credentials are others now. */
export const rotatedIn = (source: unknown, before: SecretValues | undefined, after: SecretValues): string[] =>
  refsIn(source, configTree).filter(({ ref }) => haveSecretsChanged(ref, before, after)).map(({ path }) => path)

/** A credential that a value refers to has been used, and is another one now. */
export function haveSecretsChanged (value: unknown, before: SecretValues | undefined, after: SecretValues | undefined): boolean {
  if (!before || !after || before === after || before.size === 0) return false
  return refsIn(value).some(({ ref }) => {
    const used = before.get(secretKeyOf(ref))
    return used !== undefined && used.value !== after.get(secretKeyOf(ref))?.value
  })
}

export interface CheckedRef extends PlacedRef {
  /** Undefined where it was not asked for. */
  readonly resolved: ResolvedSecret | undefined
}

/** Asks for everything that the configuration refers to. References of one provider go to it together. */
export async function checkSecrets (
  loaded: Pick<LoadedConfig, 'source' | 'config' | 'env' | 'secretValues'>, isWanted: (ref: SecretRef) => boolean = () => true
): Promise<CheckedRef[]> {
  const resolver = createSecretResolver(loaded)
  const placed = refsIn(loaded.source, configTree)
  return await Promise.all(placed.map(async one => ({ ...one, resolved: isWanted(one.ref) ? await resolver.resolve(one.ref) : undefined })))
}

/** Throws when one that is in use cannot be had; one that nobody has used yet may be missing as before. */
export async function renewSecrets (next: LoadedConfig, inUse: SecretValues | undefined): Promise<SecretValues> {
  const secretValues: SecretValues = new Map()
  const checked = await checkSecrets({ ...next, secretValues })
  const lost = checked.filter(({ ref, resolved }) => resolved?.error !== undefined && inUse?.has(secretKeyOf(ref)))
  if (lost.length > 0) {
    const named = lost.slice(0, 5).map(({ path, resolved }) => `${path}: ${resolved?.error}`).join('; ')
    throw new GatewayError('SECRETS_UNAVAILABLE', { message: `credentials could not be fetched, those in use stay: ${named}`, details: { paths: lost.map(({ path }) => path).slice(0, 20) } })
  }
  return secretValues
}
