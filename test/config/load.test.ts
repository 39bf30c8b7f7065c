/* eslint no-template-curly-in-string: off -- these are the variables of a configuration */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatIssues } from '../../src/config/load.ts'
import { defaultConfig } from '../../src/config/validate.ts'
import { load, loadText, put } from './helper.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

t.test('without a file there are defaults and nothing to complain about', async t => {
  const loaded = await load(ownDirectory(t))
  t.match(loaded, { exists: false, raw: undefined, hash: undefined, issues: [], warnings: [], includedPaths: [] })
  t.same(loaded.config, defaultConfig())
  t.equal(loaded.config.gateway.port, 18789)
  t.equal(loaded.config.gateway.bind, 'loopback')
  t.equal(loaded.config.gateway.mode, undefined)
})

t.test('an empty file means the same as none', async t => {
  for (const text of ['', '  \n', '{}', '// nothing\n{}']) {
    const loaded = await loadText(ownDirectory(t), text)
    t.match(loaded, { exists: true, issues: [], warnings: [] }, JSON.stringify(text))
    t.same(loaded.config, defaultConfig())
  }
})

t.test('the hash is that of the bytes in the file', async t => {
  const text = '{ gateway: { mode: "local" } } // ü'
  const loaded = await loadText(ownDirectory(t), text)
  t.equal(loaded.hash, createHash('sha256').update(text).digest('hex'))
  t.equal(loaded.raw, text)
  t.same(loaded.parsed, { gateway: { mode: 'local' } })
})

t.test('a syntax error is named with line and column, and the daemon must not start', async t => {
  const loaded = await loadText(ownDirectory(t), '{\n  gateway: {\n    port: 18789\n    bind: "lan"\n  }\n}')
  t.match(loaded.issues, [{ path: '', line: 4, column: 5, critical: true }])
  t.match(formatIssues(loaded), [/^openclaw\.json:4:5 — not valid JSON5: invalid character 'b'/])
  t.same(loaded.config, defaultConfig())
})

t.test('an invalid value is named with path, line and what was expected', async t => {
  const loaded = await loadText(ownDirectory(t), '{\n  gateway: {\n    // the port\n    port: "abc"\n  }\n}')
  t.same(formatIssues(loaded), ['openclaw.json:4 — gateway.port: expected an integer from 1 to 65535, got "abc"'])
  t.match(loaded.issues, [{ path: 'gateway.port', line: 4, critical: true, expected: 'an integer from 1 to 65535' }])
  t.equal(loaded.config.gateway.port, 18789)
})

t.test('critical are exactly the values without which the daemon cannot be safe', async t => {
  const cases: ReadonlyArray<readonly [text: string, path: string, critical: boolean]> = [
    ['{gateway:{port:0}}', 'gateway.port', true],
    ['{gateway:{port:65536}}', 'gateway.port', true],
    ['{gateway:{port:1.5}}', 'gateway.port', true],
    ['{gateway:{port:null}}', 'gateway.port', true],
    ['{gateway:{bind:"everywhere"}}', 'gateway.bind', true],
    ['{gateway:{mode:"lokal"}}', 'gateway.mode', true],
    ['{gateway:{auth:{mode:"passwort"}}}', 'gateway.auth.mode', true],
    ['{gateway:{auth:{token:5}}}', 'gateway.auth.token', true],
    ['{gateway:{auth:{token:{source:"env",id:"lower"}}}}', 'gateway.auth.token', true],
    ['{gateway:{auth:{rateLimit:{maxAttempts:"ten"}}}}', 'gateway.auth.rateLimit.maxAttempts', true],
    ['{gateway:{auth:[]}}', 'gateway.auth', true],
    ['{gateway:"local"}', 'gateway', true],
    ['{gateway:{trustedProxies:["10.0.0.0/33"]}}', 'gateway.trustedProxies[0]', true],
    ['{gateway:{trustedProxies:"10.0.0.1"}}', 'gateway.trustedProxies', true],
    ['{gateway:{tls:{enabled:"yes"}}}', 'gateway.tls.enabled', true],
    ['{gateway:{controlUi:{basePath:"ui"}}}', 'gateway.controlUi.basePath', false],
    ['{gateway:{reload:{mode:"warm"}}}', 'gateway.reload.mode', false],
    ['{logging:{level:"loud"}}', 'logging.level', false],
    ['{store:{durability:"none"}}', 'store.durability', false],
    ['{cron:{enabled:"no"}}', 'cron.enabled', false],
    ['[]', '', true]
  ]
  for (const [text, path, critical] of cases) {
    const { issues } = await loadText(ownDirectory(t), text)
    t.equal(issues.length, 1, text)
    t.match(issues[0], { path, critical }, text)
  }
})

t.test('a mistake costs the narrowest part around it', async t => {
  const { config, issues } = await loadText(ownDirectory(t), `{
    gateway: { mode: 'local', controlUi: { allowedOrigins: ['https://good.example', 'no origin', 'https://two.example'] } },
    channels: {
      telegram: { enabled: true, dmPolicy: 'everyone' },
      slack: { enabled: true, accounts: { a: { dmPolicy: 'pairing' }, b: { dmPolicy: 7 } } }
    },
    agents: { entries: { main: {}, odd: { sandbox: { mode: 'maybe' } } }, list: [{ id: 'x' }, { name: 'nameless' }] },
    models: { providers: { good: { baseUrl: 'http://x' }, bad: { baseUrl: 5 } } },
    logging: { level: 'loud', maxFileBytes: 5000 }
  }`)
  t.same(config.gateway.controlUi.allowedOrigins, ['https://good.example', 'https://two.example'])
  t.notOk(Object.hasOwn(config.channels, 'telegram'))
  t.same(Object.keys(config.channels['slack']?.accounts ?? {}), ['a'])
  t.same(Object.keys(config.agents.entries), ['main'])
  t.same(config.agents.list.map(entry => entry.id), ['x'])
  t.same(Object.keys(config.models.providers), ['good'])
  t.equal(config.logging.level, 'info')
  t.equal(config.logging.maxFileBytes, 5000)
  const off = Object.fromEntries(issues.filter(issue => issue.disabled).map(issue => [issue.path, issue.disabledPath]))
  t.same(off, {
    'channels.telegram.dmPolicy': 'channels.telegram',
    'channels.slack.accounts.b.dmPolicy': 'channels.slack.accounts.b',
    'agents.entries.odd.sandbox.mode': 'agents.entries.odd',
    'agents.list[1].id': 'agents.list[1]',
    'models.providers.bad.baseUrl': 'models.providers.bad'
  })
  t.notOk(issues.some(issue => issue.critical))
})

t.test('a value that protects falls to the safe side, not to the open default', async t => {
  const { config, issues } = await loadText(ownDirectory(t), `{
    tools: { profile: 'small', deny: ['exec', 5], exec: { security: 'some', allowedCommands: 'ls' } },
    gateway: { tools: { deny: 'browser' }, nodes: { commands: { deny: 1 } } },
    session: { dmScope: 'per-moon' },
    agents: { defaults: { sandbox: { mode: 'maybe' } } },
    hooks: { enabled: true, token: 'hook-token', path: '/' },
    commands: { bash: 'perhaps' }
  }`)
  const perProvider = await loadText(ownDirectory(t), '{ tools: { byProvider: { openai: { deny: "exec", allow: 1 } } } }')
  t.match(perProvider.config.tools.byProvider['openai'], { deny: ['*'], allow: [] }, 'a limit that cannot be read is not dropped')
  t.equal(config.tools.profile, 'minimal')
  t.same(config.tools.deny, ['*'])
  t.equal(config.tools.exec.security, 'deny')
  t.same(config.tools.exec.allowedCommands, [])
  t.same(config.gateway.tools.deny, ['*'])
  t.same(config.gateway.nodes.commands.deny, ['*'])
  t.equal(config.session.dmScope, 'per-account-channel-peer')
  t.equal(config.agents.defaults.sandbox.mode, 'all')
  t.equal(config.hooks.enabled, false, 'hooks are off as a whole')
  t.equal(config.commands.bash, false)
  t.equal(issues.length, 10)
})

t.test('hooks stay on a path of their own, and their transforms in one directory', async t => {
  for (const path of ['/v1', '/api/hooks', '/tools/invoke', '/health', '/hooks/:any', '/h*']) {
    const { config, issues } = await loadText(ownDirectory(t), JSON.stringify({ hooks: { enabled: true, token: 'x', path } }))
    t.match([config.hooks.enabled, issues[0]?.message], [false, /a path that nothing else of the gateway has/], path)
  }
  const isKept = async (module: string): Promise<boolean> => {
    const { config } = await loadText(ownDirectory(t), JSON.stringify({ hooks: { enabled: true, token: 'x', mappings: [{ transform: { module } }] } }))
    t.equal(config.hooks.enabled, true, 'the other rules are')
    return config.hooks.mappings.length === 1
  }
  for (const module of ['../x.mjs', 'a/../../x.mjs', '..', '/etc/x.mjs', 'C:\\x.mjs', '\\\\host\\x.mjs', 'a\\..\\x.mjs', '']) t.notOk(await isKept(module), module)
  for (const module of ['x.mjs', './x.mjs', 'a/b.mjs', '..x.mjs', 'a..b.mjs', 'a/...mjs']) t.ok(await isKept(module), module)
})

t.test('an unknown key is a warning, is kept, and the likely name is suggested', async t => {
  const loaded = await loadText(ownDirectory(t), '{\n gateway: {\n  prot: 1,\n  mode: "local"\n },\n zzz: { a: 1 } }')
  t.same(loaded.issues, [])
  t.same(formatIssues(loaded, loaded.warnings), [
    'openclaw.json:3 — gateway.prot: unknown key, kept but not used; did you mean gateway.port?',
    'openclaw.json:6 — zzz: unknown key, kept but not used'
  ])
  t.match(loaded.config, { gateway: { prot: 1 }, zzz: { a: 1 } })
  t.match(loaded.source, { gateway: { prot: 1 }, zzz: { a: 1 } })
})

t.test('bind is a mode, an address of a mode, or another address', async t => {
  const cases = {
    loopback: 'loopback',
    lan: 'lan',
    tailnet: 'tailnet',
    auto: 'auto',
    custom: 'custom',
    '0.0.0.0': 'lan',
    '127.0.0.1': 'loopback',
    localhost: 'loopback',
    '100.101.102.103': '100.101.102.103',
    '192.168.1.5': '192.168.1.5',
    'fd7a:115c::1': 'fd7a:115c::1'
  }
  for (const [given, meant] of Object.entries(cases)) {
    const { config, issues, warnings } = await loadText(ownDirectory(t), JSON.stringify({ gateway: { bind: given } }))
    t.same([config.gateway.bind, issues, warnings], [meant, [], []], given)
  }
  for (const given of ['100.x.x.x', '256.1.1.1', 'example.com', '[::1]', 'toString']) {
    const { issues } = await loadText(ownDirectory(t), JSON.stringify({ gateway: { bind: given } }))
    t.match(issues, [{ path: 'gateway.bind', critical: true }], given)
  }
})

t.test('variables are put in, an escaped one is left, and a missing one stays with a warning', async t => {
  const dir = ownDirectory(t)
  const loaded = await loadText(dir, `{
    gateway: { auth: { token: "\${TOKEN}", password: "\${NOT_THERE}" }, port: "\${PORT}", controlUi: { enabled: "\${FLAG}" } },
    logging: { file: "/var/\${lower}/$\${ESCAPED}/\${TOKEN}-\${TOKEN}" }
  }`, { TOKEN: 'sesame', PORT: '9000', FLAG: 'false', EMPTY: '' })
  t.equal(loaded.config.gateway.auth.token, 'sesame')
  t.equal(loaded.config.gateway.auth.password, '${NOT_THERE}')
  t.equal(loaded.config.gateway.port, 9000, 'a variable may stand for a number')
  t.equal(loaded.config.gateway.controlUi.enabled, false, 'or for a flag')
  t.equal(loaded.config.logging.file, '/var/${lower}/${ESCAPED}/sesame-sesame')
  t.same(loaded.issues, [])
  t.match(formatIssues(loaded, loaded.warnings), [/^openclaw\.json:2 — gateway\.auth\.password: \$\{NOT_THERE\} is not set/])
  t.match(loaded.parsed, { gateway: { auth: { token: '${TOKEN}' } } }, 'what was written stays as it was')
})

t.test('a number in quotes that no variable put there is still a mistake', async t => {
  t.match((await loadText(ownDirectory(t), '{gateway:{port:"18789"}}')).issues, [{ path: 'gateway.port' }])
})

t.test('a missing variable where a number belongs is an issue, not a guess', async t => {
  const { issues } = await loadText(ownDirectory(t), '{gateway:{port:"${NO_PORT}"}}')
  t.match(issues, [{ path: 'gateway.port', critical: true }])
})

t.test('the environment wins over .env in the state directory, which wins over env.vars of the file', async t => {
  const dir = ownDirectory(t, { '.env': 'A=dotenv\nB=dotenv\n# c\nD="quoted value"\n' })
  const text = '{ env: { vars: { A: "file", B: "file", C: "file" } }, logging: { file: "/${A}/${B}/${C}/${D}" } }'
  const loaded = await loadText(dir, text, { A: 'process' })
  t.equal(loaded.config.logging.file, '/process/dotenv/file/quoted value')
  t.match(loaded.env, { A: 'process', B: 'dotenv', C: 'file', D: 'quoted value' })
})

t.test('names that reach a prototype are left out and reported (CVE-2026-27524)', async t => {
  const loaded = await loadText(ownDirectory(t), '{\n"__proto__": {"polluted": 1},\ngateway: { "constructor": { "prototype": { "polluted": 1 } } } }')
  t.same(loaded.issues.map(issue => [issue.path, issue.line]).sort(), [['__proto__', 2], ['gateway.constructor', 3]])
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.equal((loaded.config as { polluted?: number }).polluted, undefined)
  t.notOk(Object.hasOwn(loaded.source as object, '__proto__'))
  t.notOk(Object.hasOwn(loaded.parsed as object, '__proto__'))
})

t.test('secrets are never quoted in a message', async t => {
  const text = JSON.stringify({
    gateway: { auth: { token: ['hunter2hunter2'], password: 12345678 } },
    models: { providers: { a: { apiKey: 87654321, headers: { 'x-key': 5 } } } },
    hooks: { token: 777777 }
  })
  const loaded = await loadText(ownDirectory(t), text)
  const lines = formatIssues(loaded).join('\n')
  t.ok(loaded.issues.length >= 4, lines)
  for (const secret of ['hunter2', '12345678', '87654321', '777777']) t.notOk(lines.includes(secret), lines)
})

t.test('control characters of the file do not reach the terminal', async t => {
  const loaded = await loadText(ownDirectory(t), '{ "a\\u001b[31mb": 1, logging: { level: "\\u001b[0m" } }')
  const text = [...formatIssues(loaded), ...formatIssues(loaded, loaded.warnings)].join('')
  t.notOk(text.includes('\u001b'), text)
})

t.test('loading a hundred times changes not one byte and leaves nothing behind', async t => {
  const dir = ownDirectory(t)
  const text = '// mine\n{ zzz: 1, gateway: { auth: { token: "${X}" }, bind: "0.0.0.0" }, heartbeat: {}, }\n'
  put(dir, { 'openclaw.json': text })
  const before = statSync(join(dir, 'openclaw.json')).mtimeMs
  for (let round = 0; round < 100; round++) await load(dir)
  t.equal(readFileSync(join(dir, 'openclaw.json'), 'utf8'), text)
  t.equal(statSync(join(dir, 'openclaw.json')).mtimeMs, before)
  t.same(readdirSync(dir), ['openclaw.json'])
})

t.test('what cannot be read as a file is said, and counts as critical', async t => {
  const dir = ownDirectory(t)
  mkdirSync(join(dir, 'openclaw.json'))
  const loaded = await load(dir)
  t.match(loaded, { exists: true, issues: [{ path: '', critical: true, message: /not a regular file|EISDIR/ }] })
})

t.test('a file nested beyond reason is refused instead of exhausting the stack', async t => {
  const loaded = await loadText(ownDirectory(t), '{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000))
  t.match(loaded.issues, [{ critical: true, message: /nested deeper/ }])
})

t.test('two loads share nothing: changing one configuration leaves the defaults alone', async t => {
  const one = defaultConfig()
  one.gateway.trustedProxies.push('10.0.0.1')
  one.session.resetTriggers.length = 0
  one.channels.modelByChannel['x'] = 1
  t.same(defaultConfig().gateway.trustedProxies, [])
  t.same(defaultConfig().session.resetTriggers, ['/new', '/reset'])
  t.same(defaultConfig().channels.modelByChannel, {})
})
