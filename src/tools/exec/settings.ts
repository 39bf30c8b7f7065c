/** What the configuration says about the commands of an agent. */
import { agentEntries } from '../../config/agent-entries.ts'
import { expandPath } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import type { AllowRule } from './command-check.ts'
import type { ConversationWords, ExecHost } from './conversation-words.ts'
import type { PolicyWords } from './exec-policy.ts'
import type { Places } from './places.ts'

export interface ExecSettings {
  /** Every layer has its say; the strictest holds. */
  readonly layers: readonly PolicyWords[]
  readonly rules: readonly AllowRule[]
  readonly places: Places
  readonly host: ExecHost
  /** The node for host "node"; commands of this conversation run on no other. */
  readonly node?: string
  readonly backgroundMs: number
  /** 0: none. */
  readonly timeoutMs: number
  readonly notifyOnExit: boolean
}

const defaultTimeoutSec = 1800

export function execSettings (config: Config, agentId: string, workspace: string, homeDir: string): ExecSettings {
  const shared = config.tools.exec
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.tools?.exec ?? {}
  const merged = { ...shared, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) }
  const { allowedCommands, allowedPaths, host = 'auto', node, backgroundMs, notifyOnExit } = merged
  const places = (paths: readonly string[]): string[] => paths.map(path => expandPath(path, homeDir))
  return {
    layers: [{ mode: merged.mode, security: merged.security, ask: merged.ask, isListed: allowedCommands !== undefined }],
    rules: (allowedCommands ?? []).map(pattern => ({ pattern: pattern.includes('/') ? expandPath(pattern, homeDir) : pattern })),
    // An agent may have more denied places than all have, and never fewer.
    places: { workspace, allowed: allowedPaths && places(allowedPaths), denied: places([...shared.denyPaths, ...own.denyPaths ?? []]) },
    host,
    ...(node ? { node } : {}),
    backgroundMs,
    timeoutMs: (merged.timeoutSeconds ?? merged.timeoutSec ?? defaultTimeoutSec) * 1000,
    notifyOnExit
  }
}

/** Rules become stricter by what was chosen for a conversation; of places the nearest choice holds. */
export const inConversation = (settings: ExecSettings, { layers, ...place }: ConversationWords): ExecSettings =>
  ({ ...settings, layers: [...settings.layers, ...layers], ...place })
