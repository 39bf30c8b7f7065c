import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Static, TObject } from '../protocol/type.ts'
import { ToolRefusal } from './invocation.ts'
import type { Foreseen, Tool, ToolContext, ToolResult } from './tool.ts'

type Args = { readonly [name: string]: unknown }

/** A tool as its file declares it. What the model is told and what is checked before `run` both follow from `params`. */
export interface ToolDeclaration<P extends TObject> extends Omit<Tool, 'parameters' | 'run' | 'check' | 'foresee'> {
  readonly params: P
  /** Throws ToolRefusal for what the schema cannot say, or does not say well. Sees the arguments before the schema does. */
  verify? (args: Args): void
  foresee? (args: Static<P>, context: ToolContext): Promise<Foreseen>
  run (args: Static<P>, context: ToolContext): Promise<ToolResult>
}

const placeOf = (error: ErrorObject): string => error.instancePath.slice(1).replaceAll('/', '.') || 'the arguments'

function describe (error: ErrorObject): string {
  const { keyword, params, message = 'is invalid' } = error
  const place = placeOf(error)
  const inside = error.instancePath ? `${place}.` : ''
  if (keyword === 'required') return `${inside}${String(params.missingProperty)} is required`
  if (keyword === 'additionalProperties') return `${inside}${String(params.additionalProperty)} is not an argument of this tool`
  if (keyword === 'enum') return `${place} must be one of ${(params.allowedValues as unknown[]).map(value => JSON.stringify(value)).join(', ')}`
  return `${place} ${message}`
}

/** Some models write null for what they leave out. */
function withoutNulls (args: Args, required: readonly string[] = []): Args {
  const missing = Object.keys(args).filter(name => args[name] === null && !required.includes(name))
  return missing.length === 0 ? args : Object.fromEntries(Object.entries(args).filter(([name]) => !missing.includes(name)))
}

/** Compiled at the first call: a gateway that starts compiles nothing. */
function createCheck (tool: string, schema: TObject, verify?: (args: Args) => void): (args: Args) => Args {
  let validate: ValidateFunction | undefined
  return given => {
    const args = withoutNulls(given, schema.required as string[] | undefined)
    verify?.(args)
    // The schemas are our own, and a test holds them to the standard.
    validate ??= new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false }).compile(schema)
    if (validate(args)) return args
    const problems = [...new Set((validate.errors ?? []).map(describe))].slice(0, 5).join('; ')
    throw new ToolRefusal(`${tool}: ${problems}. Correct the arguments and call it again.`)
  }
}

/**
 * Declares a tool. Without a capability class it does not compile, and arguments that do not fit never reach it: they are
 * refused with the place and what was expected there.
 */
export function defineTool<const P extends TObject> (declaration: ToolDeclaration<P>): Tool {
  const { params, run, verify, foresee, ...rest } = declaration
  const schema = { additionalProperties: false, ...params }
  const check = createCheck(declaration.name, schema, verify)
  return {
    ...rest,
    parameters: schema as Tool['parameters'],
    check,
    ...(foresee ? { foresee: async (args, context) => await foresee.call(declaration, check(args) as Static<P>, context) } : {}),
    run: async (args, context) => run.call(declaration, check(args) as Static<P>, context)
  }
}
