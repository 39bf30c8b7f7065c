import t from 'tap'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import json5 from 'json5'
import { cliHome, runCli } from './run-cli.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const fresh = (t: { testdir (): string, teardown (fn: () => unknown): void }) => {
  const home = cliHome(ownDirectory(t))
  return { ...home, cli: (...argv: string[]) => runCli(argv, { env: home.env }), config: () => json5.parse(readFileSync(home.configPath, 'utf8')) }
}
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

t.test('setup makes a configuration with which the gateway starts, and private directories', async t => {
  const { cli, config, configPath, stateDir } = fresh(t)
  const first = await cli('setup', '--baseline', '--json')
  t.equal(first.code, 0)
  t.same(first.json(), {
    ok: true,
    configPath,
    configStatus: 'created',
    workspaceDir: join(stateDir, 'workspace'),
    sessionsDir: join(stateDir, 'agents', 'main', 'sessions')
  })
  t.match(config(), { gateway: { mode: 'local' }, agents: { defaults: { workspace: join(stateDir, 'workspace') }, entries: { main: {} } } })
  t.same([configPath, join(stateDir, 'workspace'), join(stateDir, 'agents', 'main', 'sessions')].map(mode), ['600', '700', '700'])
  t.equal((await cli('config', 'validate')).code, 0)
  const text = readFileSync(configPath, 'utf8')
  t.equal((await cli('setup', '--json')).json().configStatus, 'unchanged')
  t.equal(readFileSync(configPath, 'utf8'), text)
})

t.test('setup adds what is missing to a file of its user and leaves the rest alone', async t => {
  const { cli, configPath } = fresh(t)
  writeFileSync(configPath, '{\n  // mine\n  gateway: { port: 4711 },\n  agents: { list: [{ id: "iris" }] },\n}\n')
  t.match((await cli('setup', '--json')).json(), { configStatus: 'updated' })
  const text = readFileSync(configPath, 'utf8')
  t.match(text, '// mine')
  t.match(json5.parse(text), { gateway: { port: 4711, mode: 'local' }, agents: { list: [{ id: 'iris' }], entries: undefined } })
})

t.test('profiles are set up apart from each other', async t => {
  const { env } = cliHome(ownDirectory(t))
  const { OPENCLAW_STATE_DIR: _, ...withoutState } = env
  const { out } = await runCli(['--dev', 'setup'], { env: withoutState })
  t.match(out, /\.openclaw-dev\/openclaw\.json \(created\)/)
  t.match(out, 'openclaw --dev gateway run')
  t.match((await runCli(['--profile', 'work', 'setup', '--json'], { env: withoutState })).json(), { configPath: /\.openclaw-work\/openclaw\.json$/ })
  t.match(await runCli(['--profile', '../x', 'setup', '--json'], { env: withoutState }), { code: 1 })
})

t.test('a setup without questions needs a word about the risk', async t => {
  const { cli, configPath } = fresh(t)
  const refused = await cli('setup', '--non-interactive', '--json')
  t.equal(refused.code, 1)
  t.match(refused.json(), { ok: false, error: { message: /--accept-risk/ } })
  t.notOk(existsSync(configPath))
})

t.test('it makes and keeps a token, and says the rest as it was chosen', async t => {
  const { cli, config, stateDir } = fresh(t)
  const line = ['onboard', '--non-interactive', '--accept-risk', '--mode', 'local', '--auth-choice', 'skip', '--json']
  const done = await cli(...line, '--gateway-port', '19876', '--gateway-bind', 'loopback', '--gateway-auth', 'token', '--skip-health')
  t.equal(done.code, 0)
  t.same(done.json(), {
    ok: true,
    mode: 'local',
    workspace: join(stateDir, 'workspace'),
    authChoice: 'skip',
    gateway: { port: 19876, bind: 'loopback', authMode: 'token', tailscaleMode: 'off' },
    installDaemon: false,
    skipSkills: false,
    skipHealth: true
  })
  const { gateway, wizard } = config()
  t.match(gateway, { mode: 'local', port: 19876, bind: 'loopback', auth: { mode: 'token', token: /^[0-9a-f]{48}$/ } })
  t.match(wizard, { lastRunCommand: 'onboard', lastRunMode: 'local' })
  t.notMatch(done.out, gateway.auth.token, 'the token itself is not printed')
  await cli(...line)
  t.equal(config().gateway.auth.token, gateway.auth.token, 'a second run keeps the token')
})

t.test('a password, a token of one\'s own, a reference and a remote gateway are taken over', async t => {
  const line = ['setup', '--non-interactive', '--accept-risk']
  const password = fresh(t)
  t.match(await password.cli(...line, '--gateway-auth', 'password'), { code: 1, err: /needs --gateway-password/ })
  t.equal((await password.cli(...line, '--gateway-auth', 'password', '--gateway-password', 'correct horse')).code, 0)
  t.match(password.config().gateway.auth, { mode: 'password', password: 'correct horse' })
  t.equal((await password.cli(...line, '--gateway-token', 'mine-mine-mine-mine')).code, 0)
  t.match(password.config().gateway.auth, { mode: 'token', token: 'mine-mine-mine-mine' })
  t.equal((await password.cli(...line, '--gateway-token-ref-env', 'MY_TOKEN')).code, 0)
  t.same(password.config().gateway.auth.token, { source: 'env', provider: 'default', id: 'MY_TOKEN' })
  t.match(await password.cli(...line, '--mode', 'remote'), { code: 1, err: /needs --remote-url/ })
  t.equal((await password.cli(...line, '--mode', 'remote', '--remote-url', 'wss://far.example.com')).code, 0)
  t.match(password.config().gateway, { mode: 'remote', remote: { url: 'wss://far.example.com' } })
})

t.test('what this version cannot do is refused, not ignored', async t => {
  const { cli, configPath } = fresh(t)
  const line = ['setup', '--non-interactive', '--accept-risk']
  t.match(await cli(...line, '--install-daemon'), { code: 1, err: /--install-daemon is not part of this version/ })
  t.match(await cli(...line, '--auth-choice', 'openai'), { code: 1, err: /use "skip"/ })
  t.notOk(existsSync(configPath))
})
