import { isBrowserUi, type Role } from '../../protocol/client-info.ts'
import { coversScopes, type Scope } from '../../protocol/scopes.ts'
import type { SetupAccess, SetupProfile } from './setup-types.ts'

interface Profile {
  readonly roles: readonly Role[]
  readonly scopes: readonly Scope[]
  readonly access: SetupAccess
  /** Made for the control UI in a browser; the others are for apps and node hosts. */
  readonly browser?: true
}

const mobile: readonly Scope[] = ['operator.approvals', 'operator.questions', 'operator.read', 'operator.talk.secrets', 'operator.write']

/** What the device that uses a setup code gets: fixed when the code is made. */
export const setupProfiles: { readonly [name in SetupProfile]: Profile } = {
  limited: { roles: ['node', 'operator'], scopes: mobile, access: 'limited' },
  full: { roles: ['node', 'operator'], scopes: ['operator.admin', ...mobile], access: 'full' },
  node: { roles: ['node'], scopes: [], access: 'node' },
  'voice-node': { roles: ['node', 'operator'], scopes: ['operator.read', 'operator.talk'], access: 'limited' },
  'cloud-worker': { roles: ['node'], scopes: [], access: 'node' },
  owner: {
    roles: ['operator'],
    scopes: ['operator.admin', 'operator.approvals', 'operator.pairing', 'operator.questions', 'operator.read', 'operator.talk.secrets', 'operator.write'],
    access: 'full',
    browser: true
  }
}

export interface ProfileUse {
  role: Role
  scopes: readonly Scope[]
  client: { id: string, mode: string }
}

/** True when the client is one that the profile was made for, and asks for nothing beyond it. The owner's page asks for exactly its set. */
export function fitsProfile (profile: SetupProfile, { role, scopes, client }: ProfileUse): boolean {
  const { roles, scopes: given, browser = false } = setupProfiles[profile]
  if (!roles.includes(role) || isBrowserUi(client) !== browser) return false
  if (role !== 'operator') return true
  const asked = new Set(scopes)
  return coversScopes(given, asked) && (!browser || (asked.size === given.length && given.every(scope => asked.has(scope))))
}
