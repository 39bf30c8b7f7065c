/** Every command by its full name. A command is loaded when it is called, or when somebody asks for the list. */
import type { AnyCommand } from '../define-command.ts'
import type { CommandIndex, GroupDeclaration } from '../select-command.ts'

type Loader = () => Promise<{ default: unknown }>

const loaders: { readonly [name: string]: Loader } = {
  status: () => import('./status.ts'),
  health: () => import('./health.ts'),
  logs: () => import('./logs.ts'),
  setup: () => import('./setup.ts'),
  qr: () => import('./qr.ts'),
  dashboard: () => import('./dashboard.ts'),
  doctor: () => import('./doctor.ts'),
  backup: () => import('./backup.ts'),
  restore: () => import('./restore.ts'),
  import: () => import('./import.ts'),
  'gateway run': () => import('./gateway-run.ts'),
  'gateway status': () => import('./gateway-status.ts'),
  'gateway probe': () => import('./gateway-probe.ts'),
  'gateway health': () => import('./gateway-health.ts'),
  'gateway call': () => import('./gateway-call.ts'),
  'gateway discover': () => import('./gateway-discover.ts'),
  'gateway auth-token': () => import('./gateway-auth-token.ts'),
  'devices list': () => import('./devices-list.ts'),
  'devices approve': () => import('./devices-approve.ts'),
  'devices reject': () => import('./devices-reject.ts'),
  'devices rename': () => import('./devices-rename.ts'),
  'devices remove': () => import('./devices-remove.ts'),
  'devices rotate': () => import('./devices-rotate.ts'),
  'devices revoke': () => import('./devices-revoke.ts'),
  'devices clear': () => import('./devices-clear.ts'),
  'devices join-code': () => import('./devices-join-code.ts'),
  'keys list': () => import('./keys-list.ts'),
  'keys create': () => import('./keys-create.ts'),
  'keys show': () => import('./keys-show.ts'),
  'keys rotate': () => import('./keys-rotate.ts'),
  'keys revoke': () => import('./keys-revoke.ts'),
  agent: () => import('./agent.ts'),
  'agents list': () => import('./agents-list.ts'),
  'agents add': () => import('./agents-add.ts'),
  'agents delete': () => import('./agents-delete.ts'),
  'agents set-identity': () => import('./agents-set-identity.ts'),
  'models list': () => import('./models-list.ts'),
  'models status': () => import('./models-status.ts'),
  'models set': () => import('./models-set.ts'),
  'models aliases': () => import('./models-aliases.ts'),
  'models fallbacks': () => import('./models-fallbacks.ts'),
  'sessions list': () => import('./sessions-list.ts'),
  'sessions show': () => import('./sessions-show.ts'),
  'sessions patch': () => import('./sessions-patch.ts'),
  'sessions reset': () => import('./sessions-reset.ts'),
  'sessions compact': () => import('./sessions-compact.ts'),
  'sessions delete': () => import('./sessions-delete.ts'),
  'sessions cleanup': () => import('./sessions-cleanup.ts'),
  'sessions export': () => import('./sessions-export.ts'),
  'tools list': () => import('./tools-list.ts'),
  'tools why': () => import('./tools-why.ts'),
  'tools invoke': () => import('./tools-invoke.ts'),
  'plugins list': () => import('./plugins-list.ts'),
  'plugins inspect': () => import('./plugins-inspect.ts'),
  'plugins enable': () => import('./plugins-enable.ts'),
  'plugins disable': () => import('./plugins-disable.ts'),
  'plugins doctor': () => import('./plugins-doctor.ts'),
  'approvals get': () => import('./approvals-get.ts'),
  'approvals set': () => import('./approvals-set.ts'),
  'approvals allowlist': () => import('./approvals-allowlist.ts'),
  'approvals pending': () => import('./approvals-pending.ts'),
  'approvals resolve': () => import('./approvals-resolve.ts'),
  'memory status': () => import('./memory-status.ts'),
  'memory index': () => import('./memory-index.ts'),
  'memory search': () => import('./memory-search.ts'),
  'config get': () => import('./config-get.ts'),
  'config set': () => import('./config-set.ts'),
  'config unset': () => import('./config-unset.ts'),
  'config validate': () => import('./config-validate.ts'),
  'config file': () => import('./config-file.ts'),
  'config schema': () => import('./config-schema.ts')
}

export const groups: { readonly [name: string]: GroupDeclaration } = {
  gateway: { summary: 'Run, inspect and query the gateway', fallback: 'gateway run' },
  devices: { summary: 'Approve, reject and manage paired devices and their tokens' },
  keys: { summary: 'Create, list, rotate and revoke API keys for programs', fallback: 'keys list' },
  agents: { summary: 'List, add, change and delete agents', fallback: 'agents list' },
  models: { summary: 'List models, see their state and choose among them', fallback: 'models status' },
  sessions: { summary: 'List, show, change and clean up conversations', fallback: 'sessions list' },
  tools: { summary: 'List tools, say why one may or may not be used, and call one', fallback: 'tools list' },
  plugins: { summary: 'List plugins, look at them, switch them on and off', fallback: 'plugins list' },
  approvals: { summary: 'Decide which commands agents may run', fallback: 'approvals get' },
  memory: { summary: 'Search what agents wrote down, and see what of it can be found', fallback: 'memory status' },
  config: { summary: 'Read, change and check the configuration' }
}

export const commandIndex: CommandIndex = { commands: loaders, groups, aliases: { onboard: 'setup' } }

export async function loadCommand (name: string): Promise<AnyCommand> {
  return (await loaders[name]!()).default as AnyCommand
}
