/** Methods of plugins, as dispatch serves them: the same checks in the same order, and none that hides one of ours. */
import { Ajv, type ValidateFunction } from 'ajv'
import { GatewayError } from '../protocol/errors.ts'
import { Type, type TSchema } from '../protocol/type.ts'
import { wireLimits } from '../protocol/version.ts'
import { RawJson, type Method } from '../rpc/define-method.ts'
import { describeProblems } from '../rpc/validation.ts'
import { callFor, checkedScope, narrowed, type AskedScope, type CallAs } from './calls.ts'
import type { ForeignMethodCall, PluginMethod, Respond } from './declaration.ts'
import { PluginProblem, reasonOf } from './failure.ts'
import type { Plugin } from './plugin.ts'

export interface MethodPorts {
  readonly callAs: CallAs
  /** Names of the methods that come with the gateway. */
  readonly coreMethods: () => Iterable<string>
}

const limitMs = 120_000
const namePattern = /^[A-Za-z][\w-]*(\.[\w-]+)+$/
const maxNameLength = 128

/** Namespaces of the contract, whether this gateway has methods in them or not. */
const reservedNamespaces = ['config', 'exec', 'wizard', 'update', 'operator', 'gateway', 'plugin', 'plugins', 'connect', 'internal']

export function checkName (name: string, coreMethods: Iterable<string>): void {
  if (!namePattern.test(name) || name.length > maxNameLength) {
    throw new PluginProblem(`the method name "${name.slice(0, 60)}" must look like <plugin>.<what it does>`)
  }
  const space = name.slice(0, name.indexOf('.')).toLowerCase()
  const taken = new Set([...coreMethods].map(method => method.split('.', 1)[0]!.toLowerCase()))
  if (taken.has(space) || reservedNamespaces.includes(space)) {
    throw new PluginProblem(`the method ${name}: everything in "${space}." belongs to the gateway`)
  }
}

function compiled (schema: TSchema | undefined, name: string): ValidateFunction | undefined {
  if (schema === undefined) return undefined
  try {
    // One of its own for each method: names inside the schemas of plugins meet nobody else's.
    return new Ajv({ strict: false, validateFormats: false, logger: false }).compile(schema)
  } catch (error) {
    throw new PluginProblem(`the params of ${name} are no JSON Schema: ${reasonOf(error)}`)
  }
}

function asJson (value: unknown): RawJson {
  const text = JSON.stringify(value) ?? '{}'
  if (text.length > wireLimits.maxPayload) throw new PluginProblem(`its answer is longer than ${wireLimits.maxPayload} characters`)
  return new RawJson(text)
}

const openParams = Type.Object({}, { additionalProperties: true })

export function pluginMethod (name: string, declaration: PluginMethod, plugin: Plugin, ports: MethodPorts): Method<unknown> {
  const { callAs, coreMethods } = ports
  checkName(name, coreMethods())
  if (typeof declaration?.handle !== 'function') throw new PluginProblem(`the method ${name} has no function to handle it`)
  const scope: AskedScope = checkedScope(declaration.scope, `the method ${name}`, 'operator.admin')
  const validate = compiled(declaration.params, name)
  return {
    scope,
    params: openParams,
    result: Type.Unknown(),
    ...(declaration.changes === undefined ? {} : { changes: declaration.changes }),
    ...(declaration.advertise === false ? { advertise: false } : {}),
    async handle (params, { caller, signal }) {
      if (validate && !validate(params)) {
        throw new GatewayError('INVALID_PARAMS', { message: `invalid ${name} params: ${describeProblems(validate.errors)}`, details: { method: name } })
      }
      const asker = narrowed(caller, scope)
      return await plugin.guard(name, { limitMs, signal }, async ending =>
        asJson(await declaration.handle(params as never, callFor(plugin, asker, ending, callAs))))
    }
  }
}

/** A method that answers by calling `respond`, or by what it returns. */
export function foreignMethod (handler: (call: ForeignMethodCall) => unknown, scope: AskedScope | undefined): PluginMethod {
  return {
    ...(scope === undefined ? {} : { scope }),
    async handle (params, call) {
      const answered = Promise.withResolvers<unknown>()
      let hasAnswered = false
      const respond: Respond = (ok, payload, error) => {
        hasAnswered = true
        if (ok) answered.resolve(payload)
        else answered.reject(refusalOf(error))
      }
      const returned = await handler({ ...call, params: params as { [name: string]: unknown }, respond })
      return returned === undefined || hasAnswered ? await answered.promise : returned
    }
  }
}

function refusalOf (error: Parameters<Respond>[2]): GatewayError {
  const { code, message } = error ?? {}
  return new GatewayError('PLUGIN_REFUSED', {
    ...(typeof message === 'string' ? { message: message.slice(0, 1000) } : {}),
    ...(typeof code === 'string' ? { details: { pluginCode: code.slice(0, 100) } } : {})
  })
}
