import { expandScopes, isScope } from '../protocol/scopes.ts'

/** What a connection may do, in the six words of the contract. */
export type Capability =
  'read_only' | 'write_capable' | 'admin_capable' | 'pairing_pending' | 'connected_no_operator_scope' | 'unknown'

export function capabilityOf (scopes: readonly string[]): Capability {
  const granted = expandScopes(scopes.filter(isScope))
  if (granted.has('operator.admin')) return 'admin_capable'
  if (granted.has('operator.write')) return 'write_capable'
  return granted.has('operator.read') ? 'read_only' : 'connected_no_operator_scope'
}

export const capabilityText = (capability: Capability): string => capability.replaceAll('_', '-')
