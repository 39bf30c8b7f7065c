/** What those who get in can set off: hooks, channels, tools, plugins. */
import type { LocalSettings } from '../local-settings.ts'
import type { AuditFinding, Exposure } from './finding.ts'
import { rows } from './gateway.ts'

const leastTokenLength = 24

function hooks ({ loaded }: LocalSettings, { isExposed, token: gatewayToken, password }: Exposure): AuditFinding[] {
  const { hooks: settings } = loaded.config
  if (!settings.enabled) return []
  const token = typeof settings.token === 'string' && !settings.token.startsWith('$') ? settings.token : undefined
  const worse = isExposed ? 'critical' : 'warn'
  const agents = settings.allowedAgentIds
  const lacksPrefixes = settings.allowRequestSessionKey && (settings.allowedSessionKeyPrefixes ?? []).length === 0
  return rows([
    [token !== undefined && (token === gatewayToken || token === password), 'hooks.token_reuse_gateway_token', 'critical',
      'The token of the hooks opens the whole gateway', 'hooks.token is the secret of the gateway.', 'Give the hooks one of their own.'],
    [token !== undefined && token.length < leastTokenLength, 'hooks.token_too_short', 'warn', 'The token of the hooks is short',
      `It has ${token?.length ?? 0} characters.`, 'openssl rand -hex 24 makes a good one.'],
    [token !== undefined, 'config.secrets.hooks_token_in_config', 'info', 'The token of the hooks stands in the configuration',
      'Whoever reads the file has it.', 'Name a variable of the environment in its place.'],
    [settings.path === '/', 'hooks.path_root', 'critical', 'Hooks are served at the root', 'hooks.path is "/".', 'Set it to "/hooks".'],
    [settings.defaultSessionKey === undefined, 'hooks.default_session_key_unset', 'warn', 'Calls that name no session share what the agent chooses',
      'hooks.defaultSessionKey is missing.', 'Set it, such as "hook:ingress".'],
    [settings.allowRequestSessionKey, 'hooks.request_session_key_enabled', worse, 'Callers of hooks choose the conversation',
      'hooks.allowRequestSessionKey is set.', 'Set it to false, or keep it to prefixes.'],
    [lacksPrefixes, 'hooks.request_session_key_prefixes_missing', worse, 'Callers of hooks may choose every conversation',
      'hooks.allowedSessionKeyPrefixes is empty.', 'Name prefixes, such as "hook:".'],
    [agents === undefined || agents.includes('*'), 'hooks.allowed_agent_ids_unrestricted', worse, 'Callers of hooks may call every agent',
      'hooks.allowedAgentIds is missing or has "*".', 'Name the agents.']
  ])
}

type ChannelPolicy = { readonly dmPolicy?: string, readonly groupPolicy?: string, readonly allowFrom?: readonly unknown[] }

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } => typeof value === 'object' && value !== null && !Array.isArray(value)

function channels ({ loaded }: LocalSettings): AuditFinding[] {
  const entries = Object.entries(loaded.config.channels as { readonly [id: string]: unknown })
  return entries.filter(([id, value]) => id !== 'defaults' && isRecord(value) && value['enabled'] !== false).flatMap(([id, value]) => {
    const { dmPolicy, groupPolicy, allowFrom } = value as ChannelPolicy
    return rows([
      [dmPolicy === 'open', `channels.${id}.dm.open`, 'critical', `Everybody may write to the agent on ${id}`,
        `channels.${id}.dmPolicy is "open".`, 'Use "pairing" or "allowlist".'],
      [dmPolicy !== 'open' && (allowFrom ?? []).includes('*'), `channels.${id}.dm.allow_from_wildcard`, 'warn', `Every sender is allowed on ${id}`,
        `channels.${id}.allowFrom has "*".`, 'Name the senders.'],
      [groupPolicy === 'open', `channels.${id}.groups.open`, 'warn', `Every group is answered on ${id}`,
        `channels.${id}.groupPolicy is "open".`, 'Use "allowlist".']
    ])
  })
}

function tools ({ loaded, configPath }: LocalSettings): AuditFinding[] {
  const { tools: settings, plugins, channels: all } = loaded.config
  const isOpen = Object.values(all as { readonly [id: string]: unknown })
    .some(value => isRecord(value) && (value['groupPolicy'] === 'open' || value['dmPolicy'] === 'open'))
  const runsAnything = settings.exec.security === 'full' && settings.exec.ask !== 'always'
  const elevated = Object.entries((settings.elevated.allowFrom ?? {}) as { readonly [id: string]: unknown })
    .filter(([, senders]) => Array.isArray(senders) && senders.includes('*')).map(([id]) => id)
  return [
    ...rows([
      [runsAnything, 'tools.exec.security_full_configured', isOpen ? 'critical' : 'warn', 'Agents run every command without being asked',
        'tools.exec.security is "full".', 'Use "allowlist", or tools.exec.ask "always".'],
      [isOpen && settings.elevated.enabled && settings.elevated.allowFrom !== undefined, 'security.exposure.open_groups_with_elevated', 'critical',
        'Strangers may write to agents that leave their sandbox', 'A channel is open, and tools.elevated is allowed.', 'Close the channel, or set tools.elevated.enabled to false.'],
      [plugins.enabled && plugins.load.paths.length > 0 && plugins.allow === undefined, 'plugins.extensions_no_allowlist', 'warn',
        'Every plugin that is found is loaded', `plugins.load.paths is set in ${configPath}, and plugins.allow is not.`, 'Name them in plugins.allow.']
    ]),
    ...elevated.map((id): AuditFinding => ({
      checkId: `tools.elevated.allowFrom.${id}.wildcard`,
      severity: 'critical',
      title: `Everybody on ${id} may ask for tools outside the sandbox`,
      detail: `tools.elevated.allowFrom.${id} has "*".`,
      remediation: 'Name the senders.'
    }))
  ]
}

export const auditSurfaces = (settings: LocalSettings, exposure: Exposure): AuditFinding[] =>
  [...hooks(settings, exposure), ...channels(settings), ...tools(settings)]
