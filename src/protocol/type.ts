/**
 * TypeBox's types with a runtime of our own: TypeBox's module graph costs about 20 MB and 70 ms at start, and all that we
 * need from it at run time is plain JSON Schema. test/protocol/type.test.ts holds every builder here against the real TypeBox.
 */
import type * as T from 'typebox'

export type { Static, TSchema, TObject } from 'typebox'

type Json = Record<string, unknown>
const optionalMark: unique symbol = Symbol('optional')

const isOptional = (schema: unknown): boolean => (schema as { [optionalMark]?: boolean })[optionalMark] === true

const builders = {
  Object (properties: Record<string, Json>, options: Json = {}): Json {
    const required = Object.keys(properties).filter(key => !isOptional(properties[key]))
    return { type: 'object', ...(required.length > 0 ? { required } : {}), properties, ...options }
  },
  Optional (schema: Json): Json {
    return Object.defineProperty({ ...schema }, optionalMark, { value: true, enumerable: false })
  },
  Array: (items: Json, options: Json = {}): Json => ({ type: 'array', items, ...options }),
  Union: (anyOf: Json[], options: Json = {}): Json => ({ anyOf, ...options }),
  Literal: (value: string | number | boolean, options: Json = {}): Json => ({ type: typeof value, const: value, ...options }),
  String: (options: Json = {}): Json => ({ type: 'string', ...options }),
  Integer: (options: Json = {}): Json => ({ type: 'integer', ...options }),
  Number: (options: Json = {}): Json => ({ type: 'number', ...options }),
  Boolean: (options: Json = {}): Json => ({ type: 'boolean', ...options }),
  Null: (options: Json = {}): Json => ({ type: 'null', ...options }),
  Unknown: (options: Json = {}): Json => ({ ...options }),
  Record: (_key: Json, value: Json, options: Json = {}): Json => ({ type: 'object', patternProperties: { '^.*$': value }, ...options }),
  Unsafe: (schema: Json): Json => ({ ...schema })
}

export const Type = builders as unknown as Pick<typeof T.Type,
  'Object' | 'Optional' | 'Array' | 'Union' | 'Literal' | 'String' | 'Integer' | 'Number' | 'Boolean' | 'Null' | 'Unknown' | 'Record' | 'Unsafe'>

/** A closed set of strings as a JSON Schema enum. */
export const oneOf = <const V extends readonly string[]>(values: V, options: Json = {}): T.TUnsafe<V[number]> =>
  Type.Unsafe<V[number]>({ enum: [...values], ...options } as never) as T.TUnsafe<V[number]>
