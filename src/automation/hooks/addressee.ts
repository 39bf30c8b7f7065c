/** Which agent and which conversation a call may reach. */
import { createHash } from 'node:crypto'
import { agentEntries, defaultAgentId } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { BadCall, type Call } from './calls.ts'

export interface Addressee {
  readonly agentId: string
  readonly sessionKey: string
}

export interface Naming {
  /** The key stands in the configuration as it is: no sender had a say in it. */
  readonly isOwn: boolean
  /** What names the request: the same one goes to the same conversation. */
  readonly requestId: string
}

function agentOf (config: LoadedConfig['config'], wanted: string | undefined): string {
  const { allowedAgentIds } = config.hooks
  const known = agentEntries(config).map(({ id }) => id)
  const id = wanted ?? defaultAgentId(config)
  const found = known.find(one => one.toLowerCase() === id.toLowerCase()) ?? (wanted === undefined ? id : undefined)
  if (found === undefined) throw new BadCall(`unknown agentId "${id.slice(0, 100)}"`)
  const isAllowed = allowedAgentIds === undefined || allowedAgentIds.some(allowed => allowed === '*' || allowed.toLowerCase() === found.toLowerCase())
  if (!isAllowed) throw new BadCall(`agentId "${found}" is not allowed: see hooks.allowedAgentIds`)
  return found
}

function checkNamed ({ hooks }: LoadedConfig['config'], sessionKey: string): void {
  if (!hooks.allowRequestSessionKey) {
    throw new BadCall('sessionKey is disabled for externally supplied hook payload values; set hooks.allowRequestSessionKey=true to enable')
  }
  const { allowedSessionKeyPrefixes } = hooks
  if (allowedSessionKeyPrefixes && !allowedSessionKeyPrefixes.some(prefix => sessionKey.startsWith(prefix))) {
    throw new BadCall(`sessionKey must begin with one of: ${allowedSessionKeyPrefixes.join(', ') || '(none is allowed)'}`)
  }
}

export function addresseeOf (config: LoadedConfig['config'], call: Call, { isOwn, requestId }: Naming): Addressee {
  const agentId = agentOf(config, call.agentId)
  if (call.sessionKey !== undefined) {
    if (!isOwn) checkNamed(config, call.sessionKey)
    return { agentId, sessionKey: call.sessionKey }
  }
  if (call.action === 'wake') return { agentId, sessionKey: 'main' }
  if (call.sessionMode === 'persistent') throw new BadCall('sessionKey is required when sessionMode is persistent')
  const { defaultSessionKey } = config.hooks
  if (defaultSessionKey !== undefined && call.sessionMode !== 'isolated') return { agentId, sessionKey: defaultSessionKey }
  const name = createHash('sha256').update(requestId).digest('hex').slice(0, 32)
  return { agentId, sessionKey: `agent:${agentId}:hook:${name}` }
}
