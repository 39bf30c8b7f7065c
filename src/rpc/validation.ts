import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { TSchema } from '../protocol/type.ts'

/** Says in one line what is wrong: `at /client/id: must be string; must have required property 'version'`. */
export function describeProblems (errors: readonly ErrorObject[] | null | undefined): string {
  const lines = (errors ?? []).map(error => {
    if (error.keyword === 'additionalProperties') {
      return `at ${error.instancePath || 'root'}: unexpected property '${String(error.params.additionalProperty)}'`
    }
    const text = error.message ?? 'is invalid'
    return error.instancePath ? `at ${error.instancePath}: ${text}` : text
  })
  return [...new Set(lines)].slice(0, 5).join('; ') || 'is invalid'
}

export interface Validator {
  /** Undefined when the value is fine, else what is wrong with it. */
  (value: unknown): string | undefined
}

export interface Validators {
  /** Compiled on first use: starting the gateway compiles nothing. */
  of (schema: TSchema): Validator
  /** The same schema, but with unknown fields of the outermost object allowed. */
  openOf (schema: TSchema): Validator
}

export function createValidators (): Validators {
  let ajv: Ajv | undefined
  const closed = new WeakMap<object, Validator>()
  const open = new WeakMap<object, Validator>()

  function compile (schema: object): Validator {
    // The schemas are our own and tests hold them to the standard; doing so here would cost the first client half of its wait.
    ajv ??= new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false })
    const validate: ValidateFunction = ajv.compile(schema)
    return value => validate(value) ? undefined : describeProblems(validate.errors)
  }

  function cached (cache: WeakMap<object, Validator>, schema: TSchema, shape: () => object): Validator {
    let validator = cache.get(schema)
    if (!validator) cache.set(schema, validator = compile(shape()))
    return validator
  }

  return {
    of: schema => cached(closed, schema, () => schema),
    openOf: schema => cached(open, schema, () => {
      const { additionalProperties, ...rest } = schema as { additionalProperties?: boolean }
      return rest
    })
  }
}
