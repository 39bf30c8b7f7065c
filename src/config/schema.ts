/**
 * Every key of the configuration, once. To add one, add a leaf to the section it belongs to; the type, the checks, the JSON
 * Schema, the lookups and the example file follow (`node config/generate.js` writes the last two out).
 */
import { group, key, type ValueOf } from './schema/node.ts'
import { text } from './schema/types.ts'
import { gateway } from './schema/gateway.ts'
import { accessGroups, acp, agents, attachments, bindings, broadcast, transcripts } from './schema/agents.ts'
import { auth, models, secrets } from './schema/models.ts'
import { channels, commands, messages } from './schema/messaging.ts'
import { cron, hooks } from './schema/automation.ts'
import { diagnostics, discovery, env, mcp, meta, others, plugins, skills, store, wizard } from './schema/sections.ts'
import { logging } from './schema/logging.ts'
import { session } from './schema/session.ts'
import { tools } from './schema/tools.ts'

export type { Node, ReloadClass } from './schema/node.ts'
export type { SecretInput, SecretRef } from './schema/types.ts'
export { isSecretRef } from './schema/types.ts'

export const configTree = group({ help: 'Configuration of the gateway.', reload: 'restart' }, {
  $schema: key(text, { help: 'Schema for editors.', reload: 'none' }),
  gateway,
  store,
  logging,
  env,
  secrets,
  agents,
  bindings,
  session,
  tools,
  models,
  auth,
  channels,
  messages,
  commands,
  accessGroups,
  broadcast,
  cron,
  hooks,
  mcp,
  plugins,
  skills,
  acp,
  diagnostics,
  discovery,
  transcripts,
  attachments,
  worktreeRoot: key(text, { help: 'Directory for worktrees of coding agents.', reload: 'live' }),
  ...others,
  meta,
  wizard
})

export interface Config extends ValueOf<typeof configTree> {}

export type GatewayConfig = Config['gateway']
