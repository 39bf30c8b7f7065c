/** The value types that several sections share. */
import { Type, oneOf } from '../../protocol/type.ts'
import { key, type KeyNode } from './node.ts'

export const flag = Type.Boolean()
export const text = Type.String()
export const word = Type.String({ minLength: 1 })
export const texts = Type.Array(Type.String())
export const integer = (minimum: number, maximum?: number) => Type.Integer(maximum === undefined ? { minimum } : { minimum, maximum })
export const number = (minimum: number, maximum?: number) => Type.Number(maximum === undefined ? { minimum } : { minimum, maximum })
// A longer wait than this makes a timer fire at once.
const longestTimerMs = 2 ** 31 - 1
export const milliseconds = (minimum: number) => integer(minimum, longestTimerMs)
export const seconds = (minimum: number) => number(minimum, Math.floor(longestTimerMs / 1000))
/** For timers; ages that are only compared may be longer. */
export const timerMinutes = (minimum: number) => integer(minimum, Math.floor(longestTimerMs / 60_000))
export const durationText = Type.String({ pattern: '^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d|w)?$', title: 'a duration such as "30m" or "24h"' })
export const texted = Type.Record(Type.String(), Type.String())
/** An object whose keys are somebody else's. */
export const open = Type.Record(Type.String(), Type.Unknown())
export const opens = Type.Array(open)

export const secretSources = ['env', 'file', 'exec', 'store'] as const

export interface SecretRef {
  source: typeof secretSources[number]
  /** An alias of `secrets.providers`; absent: the default one of the source. */
  provider?: string
  id: string
}

export type SecretInput = string | SecretRef

const ids: { [source in SecretRef['source']]: { pattern: RegExp, expected: string } } = {
  env: { pattern: /^[A-Z][A-Z0-9_]{0,127}$/, expected: 'the name of an environment variable in capitals' },
  store: { pattern: /^[A-Z][A-Z0-9_]{0,127}$/, expected: 'a name in capitals' },
  file: { pattern: /^(value|\/(?:[^~]|~[01])*)$/, expected: 'a JSON pointer such as "/gateway/token", or "value"' },
  exec: {
    pattern: /^(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}$/,
    expected: 'letters, digits and ._:/#- (at most 256, no . or .. segments)'
  }
}

export const isSecretRef = (value: unknown): value is SecretRef =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(ids, (value as SecretRef).source) &&
  typeof (value as SecretRef).id === 'string'

/** What a SecretRef must look like; undefined when this one does. */
export function secretRefProblem (value: unknown): string | undefined {
  if (!isSecretRef(value)) return undefined
  if (value.provider !== undefined && !/^[a-z][a-z0-9_-]{0,63}$/.test(value.provider)) return 'a provider alias in lower case'
  return ids[value.source].pattern.test(value.id) ? undefined : `an id that is ${ids[value.source].expected}`
}

export const secretInput = Type.Unsafe<SecretInput>({
  title: 'a string or a SecretRef {source, provider, id}',
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['source', 'id'],
      properties: { source: { enum: [...secretSources] }, provider: { type: 'string' }, id: { type: 'string', minLength: 1 } },
      additionalProperties: false
    }
  ]
} as never)

export const secret = (help: string, more: { critical?: true, reload?: 'live' | 'restart' | `room:${string}` } = {}): KeyNode<SecretInput | undefined> =>
  key(secretInput, { help, secret: true, check: secretRefProblem, ...more }) as KeyNode<SecretInput | undefined>

export { Type, oneOf }
