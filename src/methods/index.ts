import { agentRuns } from './agent-runs.ts'
import { agentRuntimes } from './agent-runtimes.ts'
import { agentFiles } from './agent-files.ts'
import { agents } from './agents.ts'
import { approvals } from './approvals.ts'
import { channels, channelPairing } from './channels.ts'
import { channelQueue } from './channel-queue.ts'
import { commandWords } from './command-words.ts'
import { audit } from './audit.ts'
import { chat } from './chat.ts'
import { chatHistory } from './chat-history.ts'
import { commands } from './commands.ts'
import { conversations, webLogin } from './conversations.ts'
import { config } from './config.ts'
import { configChanges } from './config-changes.ts'
import { cron } from './cron.ts'
import { devices } from './devices.ts'
import { execApprovals } from './exec-approvals.ts'
import { host } from './host.ts'
import { keys } from './keys.ts'
import { logs } from './logs.ts'
import { mcp } from './mcp.ts'
import { memory } from './memory.ts'
import { messages } from './messages.ts'
import { models } from './models.ts'
import { nodeCommands } from './node-commands.ts'
import { nodes } from './nodes.ts'
import { placeholders } from './placeholders.ts'
import { plugins } from './plugins.ts'
import { restart } from './restart.ts'
import { sessionRuns } from './session-runs.ts'
import { sessions } from './sessions.ts'
import { sessionsChanges } from './sessions-changes.ts'
import { sessionsGroups } from './sessions-groups.ts'
import { sessionsUsage } from './sessions-usage.ts'
import { secrets } from './secrets.ts'
import { scopeUpgrades } from './scope-upgrades.ts'
import { tools } from './tools.ts'
import { upkeep } from './upkeep.ts'
import { usage } from './usage.ts'
import type { Rooms } from './rooms.ts'
import type { MethodTable } from '../rpc/define-method.ts'

/** Everything that can be called. The dispatch table, hello-ok and the client's types all come from this value. */
export const methods = {
  ...host,
  ...config,
  ...configChanges,
  ...secrets,
  ...restart,
  ...logs,
  ...devices,
  ...keys,
  ...scopeUpgrades,
  ...nodes,
  ...nodeCommands,
  ...agents,
  ...agentFiles,
  ...agentRuntimes,
  ...chat,
  ...chatHistory,
  ...commands,
  ...agentRuns,
  ...sessionRuns,
  ...sessions,
  ...sessionsChanges,
  ...sessionsGroups,
  ...sessionsUsage,
  ...models,
  ...usage,
  ...tools,
  ...mcp,
  ...plugins,
  ...memory,
  ...cron,
  ...channels,
  ...channelPairing,
  ...channelQueue,
  ...messages,
  ...conversations,
  ...webLogin,
  ...approvals,
  ...audit,
  ...execApprovals,
  ...upkeep,
  ...commandWords,
  ...placeholders
}

export const methodTable = methods as unknown as MethodTable<Rooms>
