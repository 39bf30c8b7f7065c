/** What programs cannot reach over HTTP, RPC or MCP unless `gateway.tools.allow` names it. */
import { normalName, type NamedTool } from '../names.ts'
import type { CapabilityClass } from '../tool.ts'
import { denied, passes, type Finding } from './scope.ts'

/**
 * Refused by name whatever stands behind it: a tool of a plugin or an MCP server that calls itself `shell` is no better than ours would
 * be. The lists of earlier and of current gateways of this kind together.
 */
export const closedNames: readonly string[] = [
  'exec', 'spawn', 'shell', 'fs_write', 'fs_delete', 'fs_move', 'apply_patch', 'sessions_spawn', 'sessions_send', 'cron', 'gateway', 'nodes',
  'whatsapp_login', 'terminal', 'portal', 'conversations_list', 'conversations_send', 'conversations_turn', 'automations', 'plugins', 'computer',
  'mobile_ui', 'openclaw', 'read', 'write', 'edit', 'ls', 'process', 'image', 'bash'
]

/** And by what it can touch, so that a tool that nobody has put on a list is closed all the same. */
export const closedClasses: ReadonlySet<CapabilityClass> = new Set<CapabilityClass>(['exec', 'file.read', 'file.write', 'automation', 'gateway', 'node'])

/** Only whoever holds the gateway, even where the configuration opens them. */
export const ownerNames: readonly string[] = [
  'automations', 'cron', 'gateway', 'plugins', 'sessions', 'screen', 'terminal', 'portal', 'conversations_list', 'conversations_send',
  'conversations_turn', 'nodes', 'computer', 'mobile_ui', 'openclaw'
]
const ownerClasses: ReadonlySet<CapabilityClass> = new Set<CapabilityClass>(['automation', 'gateway', 'node'])

const closed = new Set(closedNames)
const owners = new Set(ownerNames)

/** Each entry opens the one tool that it names: neither `*` nor a group opens anything. */
export function judgeReach ({ tool, names }: NamedTool, opened: readonly string[], isOwner: boolean): Finding {
  const isClosed = tool.reach === 'run' || closedClasses.has(tool.capability) || names.some(name => closed.has(name))
  if (!isClosed) return passes('programs may call it')
  if (!opened.some(entry => names.includes(normalName(entry)))) return denied('closed to programs, and gateway.tools.allow does not name it')
  return isOwner ? passes('gateway.tools.allow names it') : denied('gateway.tools.allow opens it to the owner of the gateway only')
}

export const isForOwner = ({ tool, names }: NamedTool): boolean =>
  tool.ownerOnly === true || ownerClasses.has(tool.capability) || names.some(name => owners.has(name))
