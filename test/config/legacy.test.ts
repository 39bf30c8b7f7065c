import t from 'tap'
import { formatIssues } from '../../src/config/load.ts'
import { loadText } from './helper.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

t.test('names of older builds are read under those of today, with a warning that names them', async t => {
  const loaded = await loadText(ownDirectory(t), `{
    heartbeat: { every: '1h' },
    audit: { enabled: false },
    session: { idleMinutes: 30, typingMode: 'never', resetByType: { dm: { mode: 'daily', atHour: 4 } }, threadBindings: { ttlHours: 5 } },
    channels: { discord: { threadBindings: { ttlHours: 7 } } },
    gateway: { nodes: { denyCommands: ['camera.snap'] } },
    messages: { queue: { mode: 'steer-backlog' }, tts: { provider: 'x' } },
    routing: { groupChat: { historyLimit: 9 } },
    bindings: [{ agentId: 'a', match: { channel: 'x', peer: { kind: 'dm', id: '1' } } }]
  }`)
  const { config } = loaded
  t.same(loaded.issues, [])
  t.equal(config.agents.defaults.heartbeat.every, '1h')
  t.equal(config.logging.audit.enabled, false)
  t.match(config.session.reset, { mode: 'idle', idleMinutes: 30 })
  t.equal(config.agents.defaults.typingMode, 'never')
  t.match(config.session.resetByType.direct, { mode: 'daily', atHour: 4 })
  t.equal(config.session.threadBindings.idleHours, 5)
  t.match(config.channels['discord'], { threadBindings: { idleHours: 7 } })
  t.same(config.gateway.nodes.commands.deny, ['camera.snap'])
  t.equal(config.messages.queue.mode, 'followup')
  t.match(config.tts, { provider: 'x' })
  t.equal(config.messages.groupChat.historyLimit, 9)
  t.match(config.bindings[0]?.match?.peer, { kind: 'direct' })
  const lines = formatIssues(loaded, loaded.warnings)
  t.ok(lines.includes('openclaw.json:2 — heartbeat: is now called agents.defaults.heartbeat; it is read under that name'), lines.join('\n'))
  t.ok(lines.some(line => line.startsWith('openclaw.json:9 — bindings[0].match.peer.kind')), lines.join('\n'))
})

t.test('settings of memory search are read where older files have them, for all agents and for one', async t => {
  const loaded = await loadText(ownDirectory(t), `{
    agents: {
      defaults: { memorySearch: { provider: 'ollama', query: { maxResults: 3 } } },
      list: [{ id: 'a', memorySearch: { enabled: false } }],
      entries: { b: { memorySearch: { model: 'other' } } }
    }
  }`)
  t.same(loaded.issues, [])
  t.match(loaded.config.memory.search, { enabled: true, provider: 'ollama', query: { maxResults: 3, minScore: 0.35 } })
  t.same(loaded.config.agents.list[0]?.memory, { search: { enabled: false } })
  t.same(loaded.config.agents.entries['b']?.memory, { search: { model: 'other' } })
  t.ok(formatIssues(loaded, loaded.warnings).some(line => /agents\.list\[0\]\.memorySearch: is now called/.test(line)), 'each is named')
})

t.test('of an old and a new name the new one counts, and an invalid value under an old name has its own line', async t => {
  const both = await loadText(ownDirectory(t), '{ heartbeat: { every: "1h" }, agents: { defaults: { heartbeat: { every: "2h" } } } }')
  t.equal(both.config.agents.defaults.heartbeat.every, '2h')
  t.match(both.warnings, [{ path: 'heartbeat', message: /not used/ }])
  const wrong = await loadText(ownDirectory(t), '{\n\n heartbeat: { every: "often" } }')
  t.match(wrong.issues, [{ path: 'agents.defaults.heartbeat.every', line: 3 }])
})

t.test('retired keys are accepted with a sentence, unless they say what holds anyway', async t => {
  const loaded = await loadText(ownDirectory(t), '{ gateway: { controlUi: { allowInsecureAuth: true } }, logging: { redactSensitive: "off" }, cron: { retry: {} } }')
  t.same(loaded.issues, [])
  t.same(loaded.warnings.map(warning => warning.path), ['gateway.controlUi.allowInsecureAuth', 'logging.redactSensitive', 'cron.retry'])
  t.equal(loaded.config.gateway.controlUi.allowInsecureAuth, true)
  const quiet = await loadText(ownDirectory(t), '{ gateway: { controlUi: { allowInsecureAuth: false } } }')
  t.same(quiet.warnings, [])
})
