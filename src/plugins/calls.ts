/** What a plugin may do on behalf of whoever calls it: no more than the caller may, and no more than it has asked for. */
import { createCaller, type Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { expandScopes, isScope, scopes, type Scope } from '../protocol/scopes.ts'
import type { AnyScope } from '../rpc/define-method.ts'
import { outside } from './containment.ts'
import type { PluginCall, PluginCaller } from './declaration.ts'
import { PluginProblem } from './failure.ts'
import type { Plugin } from './plugin.ts'

/** A method of this gateway, called as somebody. */
export type CallAs = (caller: Caller, method: string, params: unknown, signal: AbortSignal) => Promise<unknown>

export type AskedScope = Scope | AnyScope

export const scopesIn = (asked: AskedScope): readonly Scope[] => typeof asked === 'string' ? [asked] : asked.anyOf

/** Nothing of a plugin is for everybody, and nothing for nodes: every method and every route has a scope of operators. */
export function checkedScope (asked: unknown, what: string, fallback: Scope): AskedScope {
  if (asked === undefined) return fallback
  if (isScope(asked)) return asked
  const { anyOf } = (typeof asked === 'object' && asked !== null ? asked : {}) as { anyOf?: unknown }
  if (Array.isArray(anyOf) && anyOf.length > 0 && anyOf.every(isScope)) return { anyOf: anyOf as [Scope, ...Scope[]] }
  throw new PluginProblem(`${what}: scope must be one of ${scopes.join(', ')}`)
}

/** An administrator who calls something that asks for reading lends it no more than that. */
export function narrowed (caller: Caller, asked: AskedScope): Caller {
  const reach = expandScopes(scopesIn(asked))
  return createCaller({ ...caller, scopes: scopes.filter(scope => caller.allows.has(scope) && reach.has(scope)) })
}

const shown = ({ principal, role, scopes, deviceId, user }: Caller): PluginCaller => Object.freeze({
  principal,
  role,
  scopes: Object.freeze([...scopes]),
  ...(deviceId === undefined ? {} : { deviceId }),
  ...(user === undefined ? {} : { user })
})

const plain = (value: unknown): unknown => value === undefined ? undefined : JSON.parse(JSON.stringify(value))

export function callFor (plugin: Plugin, caller: Caller, signal: AbortSignal, callAs: CallAs): PluginCall {
  return Object.freeze({
    caller: shown(caller),
    signal,
    async call (method: string, params: object = {}) {
      signal.throwIfAborted()
      if (plugin.brought.methods.has(method)) throw new GatewayError('PLUGIN_REFUSED', { message: `the plugin ${plugin.id} calls its own ${method}: use the function itself` })
      return plain(await outside(async () => await callAs(caller, String(method), plain(params), signal)))
    }
  })
}
