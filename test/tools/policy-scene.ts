/** A policy over a configuration as a file would have it, and tools of any kind to ask it about. */
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import type { PolicyQuestion } from '../../src/tools/policy.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

export async function loaded (t: { testdir (): string, teardown (fn: () => unknown): void }, source: object): Promise<LoadedConfig> {
  const stateDir = ownDirectory(t)
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_HOME: stateDir }
  return await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local' }, ...source }) })
}

export const tool = (name: string, more: Partial<Tool> = {}): Tool => ({
  name,
  description: '',
  parameters: { type: 'object', properties: {} },
  capability: 'session.read',
  groups: [],
  reach: 'anywhere',
  effects: false,
  run: async () => ({ content: [] }),
  ...more
})

export const tools = {
  read: tool('read', { capability: 'file.read', groups: ['fs'], reach: 'run' }),
  write: tool('write', { capability: 'file.write', groups: ['fs'], reach: 'run' }),
  applyPatch: tool('apply_patch', { capability: 'file.write', groups: ['fs'], reach: 'run' }),
  exec: tool('exec', { capability: 'exec', groups: ['runtime'], reach: 'run', aliases: ['bash'] }),
  status: tool('session_status', { groups: ['sessions'] }),
  send: tool('sessions_send', { capability: 'session.write', groups: ['sessions'] }),
  spawn: tool('sessions_spawn', { capability: 'session.write', groups: ['sessions'] }),
  list: tool('sessions_list', { groups: ['sessions'] }),
  fetch: tool('web_fetch', { capability: 'net', groups: ['web'] }),
  message: tool('message', { capability: 'message', groups: ['messaging'] }),
  tts: tool('tts', { capability: 'media', groups: ['media'] }),
  cron: tool('cron', { capability: 'automation', groups: ['automation'], aliases: ['automations'] }),
  gateway: tool('gateway', { capability: 'gateway', groups: ['automation'], ownerOnly: true }),
  outlook: tool('outlook__send_mail', { capability: 'outside', origin: { kind: 'mcp', id: 'outlook' } }),
  notes: tool('notes', { capability: 'outside', origin: { kind: 'plugin', id: 'notebook' } })
}

export const question = (asked: Tool, more: Partial<PolicyQuestion> = {}): PolicyQuestion => ({
  tool: asked, agentId: 'main', sessionKey: 'agent:main:main', surface: 'run', isOwner: true, ...more
})
