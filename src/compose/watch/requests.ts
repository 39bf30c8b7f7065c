/** Requests over the socket: counted, and told to the audit log when they change something. */
import type { Act, ActKind, Actor, Fact, Told } from '../../audit/act.ts'
import type { Caller } from '../../auth/caller.ts'
import type { RequestObserver, RequestOutcome } from '../../rpc/dispatch.ts'
import { changesState } from '../../rpc/define-method.ts'
import type { GatewayMeters } from '../../telemetry/gateway-meters.ts'

/** Which parameters of a method the log may name: what something is called, never what it says. */
const tellable = [
  'requestId', 'deviceId', 'nodeId', 'setupId', 'role', 'name', 'id', 'key', 'sessionKey', 'agentId', 'tool', 'channel', 'accountId', 'path',
  'decision', 'scopes', 'profile', 'model', 'command', 'jobId', 'replacePaths'
] as const

const maxChars = 200

function factOf (value: unknown): Fact | undefined {
  if (typeof value === 'string') return value.slice(0, maxChars)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value as string[] : undefined
}

function factsOf (params: unknown): NonNullable<Act['about']> {
  const facts: { [name: string]: Fact } = {}
  if (typeof params !== 'object' || params === null) return facts
  for (const name of tellable) {
    const fact = factOf((params as { readonly [name: string]: unknown })[name])
    if (fact !== undefined) facts[name] = fact
  }
  return facts
}

const prefixes: ReadonlyArray<readonly [RegExp, ActKind]> = [
  [/^(device|node|devices|nodes)\.|^channels\.pairing\./, 'pairing'],
  [/^(config|secrets)\./, 'config'],
  [/^keys\./, 'key'],
  [/^(tools|mcp|exec|plugin)\./, 'tool'],
  [/^(chat|sessions?|agent$|send$|message\.)/, 'session']
]

const kindOf = (method: string): ActKind => prefixes.find(([form]) => form.test(method))?.[1] ?? 'admin'

export const actorOf = ({ principal, method, role, address, user }: Caller, client?: string): Actor =>
  ({ principal, method, role, address, ...(user ? { user } : {}), ...(client ? { client } : {}) })

/** The code that a program branches on. */
export function codeOf (error: RequestOutcome['error']): string | undefined {
  const specific = (error?.details as { code?: unknown } | undefined)?.code
  return error && (typeof specific === 'string' ? specific : error.code)
}

/** Nodes report all the time; what they do is done by somebody who asked them to. */
const isTold = ({ declared, error }: RequestOutcome, code: string | undefined): boolean =>
  declared ? declared.scope !== 'node' && (changesState(declared as never) || code === 'MISSING_SCOPE') : error === undefined

export function createRequestObserver ({ rpcRequests, rpcSeconds }: GatewayMeters, audit: Told, now: () => number): RequestObserver {
  return outcome => {
    const { method, declared, params, caller, connection, startedAtMs, error } = outcome
    const label = declared ? method : error ? 'unknown' : 'other'
    const code = codeOf(error)
    rpcRequests.add(1, label, code ?? 'ok')
    rpcSeconds.observe((now() - startedAtMs) / 1000, label)
    if (!isTold(outcome, code)) return
    audit.told({
      kind: kindOf(method),
      act: method,
      outcome: error ? (code === 'INTERNAL' ? 'failed' : 'refused') : 'ok',
      actor: actorOf(caller, connection?.client?.id),
      ...(code === undefined ? {} : { code }),
      about: factsOf(params),
      // Whoever is in may ask for what he may not have as often as he likes.
      ...(error ? { repeats: `${method} ${code} ${caller.principal}` } : {})
    })
  }
}
