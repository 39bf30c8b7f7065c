/** What a key is to be limited to, as somebody asked for it: understood whole, or refused with the word that is wrong. */
import { createCidrMatcher } from '../../lib/net-address.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { expandScopes, isScope, type Scope } from '../../protocol/scopes.ts'
import type { KeyRules } from './record.ts'
import type { KeyOrder } from './room.ts'

/** What most programs do: talk to agents and read what they said. */
const defaultScopes: readonly Scope[] = ['operator.write']
const httpMethods = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE) $/
const methodPattern = /^(?:[A-Za-z][A-Za-z0-9.]*\*?|\*)$/
const routePattern = /^(?:[A-Z]+ )?\/[!-~]*$/
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const agentPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/

const refuse = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

function each<T extends string> (what: string, list: readonly T[] | undefined, isRight: (one: T) => boolean): T[] | undefined {
  if (list === undefined) return undefined
  if (list.length === 0) throw refuse(`${what}: the list is empty; leave it out to limit nothing`)
  const wrong = list.find(one => !isRight(one))
  if (wrong !== undefined) throw refuse(`${what}: "${wrong.slice(0, 100)}" is not understood`)
  return [...new Set(list)]
}

function isAddress (text: string): boolean {
  try {
    createCidrMatcher([text])
    return true
  } catch {
    return false
  }
}

const isRoute = (pattern: string): boolean =>
  routePattern.test(pattern) && (pattern.startsWith('/') || httpMethods.test(`${pattern.split(' ')[0]} `))

function limitsOf (limits: KeyRules['limits'] = {}): KeyRules['limits'] {
  for (const [name, value] of Object.entries(limits)) {
    const isRight = name === 'spendPerDayUsd' ? value > 0 && Number.isFinite(value) : Number.isSafeInteger(value) && value > 0
    if (!isRight) throw refuse(`${name}: ${value} is not understood; it must be more than 0`)
  }
  return limits
}

export function nameOf (name: string): string {
  if (!namePattern.test(name)) throw refuse('name: letters, digits, ".", "_" and "-", at most 64, beginning with a letter or a digit')
  return name
}

export function rulesOf (order: KeyOrder): KeyRules {
  const scopes = each('scopes', order.scopes, isScope) ?? [...defaultScopes]
  const agents = each('agents', order.agents?.map(agent => agent.toLowerCase()), agent => agentPattern.test(agent))
  const methods = each('methods', order.methods, pattern => methodPattern.test(pattern))
  const routes = each('routes', order.routes, isRoute)
  const addresses = each('addresses', order.addresses, isAddress)
  const isAdmin = expandScopes(scopes).has('operator.admin')
  if (isAdmin && (order.ownSessionsOnly === true || agents)) {
    throw refuse('operator.admin is the whole gateway: such a key is limited neither to its own sessions nor to agents')
  }
  return {
    scopes,
    ownSessionsOnly: order.ownSessionsOnly ?? !isAdmin,
    ...(agents ? { agents } : {}),
    ...(methods ? { methods } : {}),
    ...(routes ? { routes } : {}),
    ...(addresses ? { addresses } : {}),
    limits: limitsOf(order.limits)
  }
}
