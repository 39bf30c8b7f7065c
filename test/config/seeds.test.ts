/** Configurations as the documents about the existing gateway show them. They must load as they stand. */
import t from 'tap'
import { agentEntries, defaultAgentId } from '../../src/config/agent-entries.ts'
import { loadText } from './helper.ts'
import { hostedConfig, hostedHealth } from '../fixtures/hosted-config.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

t.test('the configuration of the API research loads, with the warning about allowInsecureAuth', async t => {
  const loaded = await loadText(ownDirectory(t), `{
gateway: {
mode: "local",
port: 18789,
bind: "loopback", // Only reachable from localhost
auth: {
mode: "password",
password: "some long password",
rateLimit: {
maxAttempts: 10,
windowMs: 60000,
lockoutMs: 300000,
exemptLoopback: true
}
},
controlUi: {
allowInsecureAuth: true,
allowedOrigins: ["https://openclaw.noveria.net"]
},
tools: {
// Default deny list applies (see below)
}
}
}`)
  t.same(loaded.issues, [])
  t.match(loaded.warnings, [{ path: 'gateway.controlUi.allowInsecureAuth', line: 17 }])
  t.equal(loaded.config.gateway.auth.mode, 'password')
  t.same(loaded.config.gateway.controlUi.allowedOrigins, ['https://openclaw.noveria.net'])
})

t.test('its snippets for tools and bind load', async t => {
  const tools = await loadText(ownDirectory(t), '{\ngateway: {\ntools: {\ndeny: ["browser"], // extra blocks\nallow: ["gateway"], // remove from default deny\n}\n}\n}')
  t.same([tools.issues, tools.warnings], [[], []])
  t.match(tools.config.gateway.tools, { deny: ['browser'], allow: ['gateway'] })
  const bind = await loadText(ownDirectory(t), '{\ngateway: {\nbind: "lan" // was "loopback"\n}\n}')
  t.same([bind.issues, bind.warnings, bind.config.gateway.bind], [[], [], 'lan'])
})

t.test('the settings of the article load: sandboxed agent, public bind, tailnet address, token', async t => {
  const loaded = await loadText(ownDirectory(t), JSON.stringify({
    gateway: { auth: { token: 'your-secret-token-here' }, bind: '0.0.0.0', reload: { mode: 'hot' } },
    agents: {
      list: [{
        id: 'family',
        workspace: '~/.openclaw/workspace-family',
        sandbox: { mode: 'all', scope: 'agent', workspaceAccess: 'ro' },
        tools: { allow: ['read'], deny: ['write', 'edit', 'apply_patch', 'exec', 'process', 'browser'] }
      }]
    }
  }))
  t.same([loaded.issues, loaded.warnings], [[], []])
  t.equal(loaded.config.gateway.bind, 'lan')
  t.match(agentEntries(loaded.config), [{ id: 'family', sandbox: { workspaceAccess: 'ro' }, tools: { deny: ['write'] } }])
  const tailnet = await loadText(ownDirectory(t), '{ gateway: { bind: "100.64.1.2" } }')
  t.same([tailnet.issues, tailnet.config.gateway.bind], [[], '100.64.1.2'])
})

t.test('all four reload modes of the runbook are accepted', async t => {
  for (const mode of ['off', 'hot', 'restart', 'hybrid']) {
    const { config, issues, warnings } = await loadText(ownDirectory(t), JSON.stringify({ gateway: { reload: { mode } } }))
    t.same([config.gateway.reload.mode, issues, warnings], [mode, [], []])
  }
})

t.test('the configuration of a provisioned container loads without a word', async t => {
  const { gateway, ...rest } = hostedConfig('f'.repeat(48))
  const provisioned = { ...rest, gateway: { ...gateway, ...hostedHealth } }
  const loaded = await loadText(ownDirectory(t), JSON.stringify(provisioned))
  t.same([loaded.issues, loaded.warnings], [[], []])
  t.match(loaded.config, provisioned)
})

t.test('the skeleton of its entrypoint, with auth at the top, means gateway.auth', async t => {
  const loaded = await loadText(ownDirectory(t), '{ "auth": { "method": "token", "token": "abc" }, "channelHealthCheckMinutes": 0 }')
  t.same(loaded.issues, [])
  t.match(loaded.config.gateway, { auth: { mode: 'token', token: 'abc' }, channelHealthCheckMinutes: 0 })
  t.same(loaded.warnings.map(warning => warning.path), ['auth.method', 'auth.token', 'channelHealthCheckMinutes'])
})

t.test('every top-level section of the existing gateway is known', async t => {
  const sections = ('meta env wizard diagnostics logging update telemetry browser ui secrets auth accessGroups acp models nodeHost agents ' +
    'worktreeAcceleration tools security broadcast attachments messages tts commands approvals session cron transcripts hooks ' +
    'channels discovery talk gateway cloudWorkers desktop memory mcp skills plugins surfaces proxy').split(' ')
  const text = JSON.stringify({ $schema: 'x', worktreeRoot: '/w', bindings: [], ...Object.fromEntries(sections.map(name => [name, {}])) })
  const loaded = await loadText(ownDirectory(t), text)
  t.same([loaded.issues, loaded.warnings], [[], []])
})

t.test('a configuration as setup of the existing gateway writes it, with channels and providers, loads without a word', async t => {
  const loaded = await loadText(ownDirectory(t), JSON.stringify({
    meta: { lastTouchedVersion: '2026.9.6', lastTouchedAt: '2026-09-30T10:00:00.000Z' },
    wizard: { lastRunAt: '2026-09-30T10:00:00.000Z', lastRunVersion: '2026.9.6', lastRunCommand: 'onboard', lastRunMode: 'local' },
    auth: { profiles: { 'anthropic:default': { provider: 'anthropic', mode: 'api_key' } }, order: { anthropic: ['anthropic:default'] } },
    agents: {
      defaults: {
        model: { primary: 'anthropic/claude', fallbacks: ['openai/gpt'] },
        models: { 'anthropic/claude': { alias: 'opus' } },
        workspace: '/home/u/.openclaw/workspace',
        maxConcurrent: 4,
        subagents: { maxConcurrent: 8 },
        compaction: { mode: 'safeguard' },
        contextPruning: { mode: 'cache-ttl', ttl: '1h' }
      },
      entries: { main: { default: true, identity: { name: 'Claw', emoji: '🦞' } } }
    },
    models: {
      providers: {
        local: {
          baseUrl: 'http://127.0.0.1:8080/v1',
          apiKey: { source: 'env', provider: 'default', id: 'LOCAL_KEY' },
          api: 'openai-completions',
          models: [{ id: 'm', name: 'M', reasoning: false, input: ['text'], contextWindow: 128000, maxTokens: 8192, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } }]
        }
      }
    },
    messages: { ackReactionScope: 'group-mentions' },
    commands: { native: 'auto', nativeSkills: 'auto', restart: true, ownerDisplay: 'raw' },
    channels: {
      telegram: { enabled: true, dmPolicy: 'allowlist', botToken: '123:abc', allowFrom: ['1', 2], groups: { '*': { requireMention: true } }, streaming: 'partial' },
      whatsapp: { accounts: { default: { enabled: true, authDir: '/x' } }, selfChatMode: true }
    },
    gateway: {
      port: 18789,
      mode: 'local',
      bind: 'loopback',
      auth: { mode: 'token', token: 'a'.repeat(48) },
      tailscale: { mode: 'off', resetOnExit: false },
      nodes: { denyCommands: ['camera.snap'] }
    },
    skills: { install: { nodeManager: 'npm' }, entries: { weather: { enabled: true, apiKey: 'k' } } },
    plugins: { entries: { telegram: { enabled: true } } },
    hooks: { internal: { enabled: true, entries: { 'boot-md': { enabled: true } } } }
  }))
  t.same(loaded.issues, [])
  t.same(loaded.warnings.map(warning => warning.path), ['gateway.nodes.denyCommands'])
})

t.test('agents as a list and as entries are one thing', async t => {
  const { config } = await loadText(ownDirectory(t), JSON.stringify({
    agents: { list: [{ id: 'a', name: 'From list', workspace: '/a' }, { id: 'b', default: true }], entries: { a: { name: 'From entries' }, c: {} } }
  }))
  t.match(agentEntries(config), [{ id: 'a', name: 'From entries', workspace: '/a' }, { id: 'b', default: true }, { id: 'c' }])
  t.equal(defaultAgentId(config), 'b')
  const none = await loadText(ownDirectory(t), '{}')
  t.same(agentEntries(none.config), [{ id: 'main', default: true }])
  t.equal(defaultAgentId(none.config), 'main')
})
