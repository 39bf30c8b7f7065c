/** A plan that puts references in the place of credentials: read strictly, judged as a whole before anything is changed. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import json5 from 'json5'
import { isObject } from '../lib/json-object.ts'
import { formatPath, isReservedKey, parsePath, reservedKeysIn, type PathStep } from './path-syntax.ts'
import { isOfType, isCredentialPlace, isPlaceType } from './secret-places.ts'
import { isSecretRef, secretRefProblem, type SecretRef } from './schema/types.ts'

export interface PlanTarget {
  readonly type: string
  readonly path: string
  readonly pathSegments: readonly string[]
  readonly ref: SecretRef
}

export interface SecretPlan {
  readonly version: 1
  readonly protocolVersion: 1
  readonly generatedAt?: string
  readonly generatedBy?: string
  readonly targets: readonly PlanTarget[]
  readonly providerUpserts?: { readonly [alias: string]: { readonly [key: string]: unknown } }
  readonly providerDeletes?: readonly string[]
  readonly options: {
    readonly scrubEnv: boolean
    readonly scrubAuthProfilesForProviderTargets: boolean
    readonly scrubLegacyAuthJson: false
  }
}

/** What is wrong with a plan. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
}

export const maxPlanBytes = 16 * 1024 * 1024
const maxTargets = 10_000
const alias = /^[a-z][a-z0-9_-]{0,63}$/

type Json = { readonly [key: string]: unknown }
const fail = (message: string): never => { throw new PlanError(message) }

export async function readPlan (file: string): Promise<SecretPlan> {
  // A pipe would make us wait, and a link could be exchanged.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(({ code }: NodeJS.ErrnoException) =>
    fail(`the plan ${file} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`))
  try {
    const stat = await handle!.stat()
    if (!stat.isFile()) fail(`the plan ${file} is no regular file`)
    if (stat.size > maxPlanBytes) fail(`the plan ${file} is larger than ${maxPlanBytes} bytes`)
    return parsePlan(await handle!.readFile('utf8'))
  } finally {
    await handle!.close()
  }
}

export function parsePlan (text: string): SecretPlan {
  let value: unknown
  try {
    value = json5.parse(text)
  } catch {
    // The parser's message would quote the text.
    fail('the plan is not JSON')
  }
  return checkPlan(value)
}

export function checkPlan (value: unknown): SecretPlan {
  if (!isObject(value)) return fail('the plan must be an object')
  if (reservedKeysIn(value, 1).length > 0) fail('the plan uses a reserved name (__proto__, prototype, constructor)')
  const { version, protocolVersion, targets, providerUpserts, providerDeletes, options = {} } = value
  if (version !== 1 || protocolVersion !== 1) fail('the plan must have version 1 and protocolVersion 1')
  if (!Array.isArray(targets) || targets.length > maxTargets) return fail(`the plan needs targets, a list of at most ${maxTargets}`)
  if (!isObject(options)) return fail('options of the plan must be an object')
  const deletes = providerDeletes === undefined ? [] : isAliases(providerDeletes) ? providerDeletes : fail('providerDeletes must be a list of aliases')
  return {
    version: 1,
    protocolVersion: 1,
    targets: targets.map(targetOf),
    providerUpserts: upsertsOf(providerUpserts),
    providerDeletes: deletes as readonly string[],
    options: {
      scrubEnv: options['scrubEnv'] !== false,
      scrubAuthProfilesForProviderTargets: options['scrubAuthProfilesForProviderTargets'] !== false,
      scrubLegacyAuthJson: false
    }
  }
}

const isAliases = (value: unknown): value is string[] => Array.isArray(value) && value.every(name => typeof name === 'string' && alias.test(name))

function upsertsOf (value: unknown): { [alias: string]: Json } {
  if (value === undefined) return {}
  if (!isObject(value) || !isAliases(Object.keys(value))) return fail('providerUpserts must be an object of providers by alias (lower case, digits, - and _)')
  const wrong = Object.entries(value).find(([, provider]) => !isObject(provider))
  if (wrong) fail(`providerUpserts.${wrong[0]} must be an object like those of secrets.providers`)
  return value as { [alias: string]: Json }
}

const isSteps = (value: unknown): value is string[] => Array.isArray(value) && value.length > 0 && value.every(step => typeof step === 'string' && step !== '')

function stepsOf (path: string, segments: unknown): PathStep[] {
  if (segments === undefined) {
    try {
      return parsePath(path)
    } catch (error) {
      return fail((error as Error).message)
    }
  }
  const isSame = isSteps(segments) && (segments.join('.') === path || formatPath(segments) === path)
  return isSame && !segments.some(isReservedKey) ? segments : fail(`pathSegments must be the same place as path: ${path}`)
}

function targetOf (target: unknown, index: number): PlanTarget {
  if (!isObject(target)) return fail(`target ${index + 1} of the plan must be an object`)
  const { type, path, pathSegments, providerId, accountId, ref } = target
  if (typeof type !== 'string' || type === '') return fail(`target ${index + 1} of the plan needs a type`)
  if (typeof path !== 'string' || path === '') return fail(`target ${index + 1} of the plan needs a path`)
  if (type.startsWith('auth-profiles.')) {
    return fail(`${type}: this gateway keeps no profiles of accounts; the key of a provider stands at models.providers.<id>.apiKey`)
  }
  const steps = stepsOf(path, pathSegments)
  if (!isPlaceType(type)) fail(`Unknown plan target type: ${type}`)
  if (!isOfType(type, steps) || !isCredentialPlace(steps)) fail(`Invalid plan target path for ${type}: ${path}`)
  for (const [name, id] of [['providerId', providerId], ['accountId', accountId]] as const) {
    if (id !== undefined && !steps.includes(id as string)) fail(`${name} of the plan is not the one in its path: ${path}`)
  }
  return { type, path: formatPath(steps), pathSegments: steps.map(String), ref: refOf(ref, path) }
}

export function refOf (ref: unknown, path: string): SecretRef {
  if (!isSecretRef(ref)) return fail(`${path} needs a ref {source, provider, id}`)
  const problem = secretRefProblem(ref)
  if (problem !== undefined) fail(`${path}: the ref needs ${problem}`)
  if (ref.source === 'store') fail(`${path}: this gateway keeps no secrets in its store; use env, file or exec`)
  const { source, provider, id } = ref
  return { source, ...(provider === undefined ? {} : { provider }), id }
}

/** The plan would have a program run that tells credentials. */
export const runsPrograms = ({ targets, providerUpserts = {} }: SecretPlan): boolean =>
  targets.some(({ ref }) => ref.source === 'exec') || Object.values(providerUpserts).some(({ source }) => source === 'exec')
