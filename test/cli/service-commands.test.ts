import t from 'tap'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { main } from '../../src/cli/main.ts'
import type { Ran } from '../../src/service/host.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'
import { otherMachine } from '../fixtures/service-host.ts'
import { startGateway } from '../helper.ts'

type Test = { testdir (): string, teardown (fn: () => unknown): void }

/** A systemd that starts whatever it is told to, and says so. */
function systemd (): (command: string) => Partial<Ran> | undefined {
  let state = 'inactive'
  return command => {
    if (/ (restart|start) openclaw/.test(command)) state = 'active'
    if (/ (stop|disable --now) openclaw/.test(command)) state = 'inactive'
    if (command.includes(' is-enabled ')) return { stdout: 'enabled\n' }
    if (command.includes(' show openclaw')) return { stdout: `ActiveState=${state}\nSubState=running\nMainPID=${state === 'active' ? 4711 : 0}\nExecMainStatus=78\n` }
    return undefined
  }
}

function home (t: Test, config?: object, env: NodeJS.ProcessEnv = {}) {
  const directory = freshDirectory(t)
  const stateDir = join(directory, '.openclaw')
  mkdirSync(stateDir, { mode: 0o700 })
  if (config) writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(config), { mode: 0o600 })
  const all = { HOME: directory, ...env }
  const machine = otherMachine({ platform: 'linux', directory, env: all, answer: systemd() })
  async function cli (...argv: string[]) {
    const printed = { out: '', err: '' }
    const into = (name: 'out' | 'err') => new Writable({ write (chunk, _encoding, done) { printed[name] += String(chunk); done() } })
    const io = { env: all, stdout: into('out'), stderr: into('err'), stdin: Object.assign(Readable.from([]), { isTTY: false }), serviceHost: machine.host }
    return { code: await main(argv, io), ...printed, json: () => JSON.parse(printed.out) }
  }
  return { ...machine, cli, directory, stateDir, unit: join(directory, '.config/systemd/user/openclaw-gateway.service') }
}

t.test('what is not installed is stopped and removed without a failure, and not started', async t => {
  const { cli, commands } = home(t)
  t.match((await cli('gateway', 'stop', '--json')).json(), { action: 'stop', ok: true, result: 'not-installed' })
  t.match((await cli('gateway', 'uninstall', '--json')).json(), { action: 'uninstall', ok: true })
  const { code, err } = await cli('gateway', 'start')
  t.equal(code, 1)
  t.match(err, /openclaw gateway install\n.*openclaw gateway/)
  t.notOk(commands.some(command => / (start|stop|disable) openclaw/.test(command)))
})

t.test('a state directory that a shell chose is no place for a service', async t => {
  for (const env of [{ OPENCLAW_STATE_DIR: '/tmp/elsewhere' }, { HOME: '/tmp/elsewhere' }, { OPENCLAW_CONFIG_PATH: '/tmp/elsewhere.json' }]) {
    const { cli, commands } = home(t, undefined, env)
    for (const action of ['install', 'start', 'stop', 'restart']) {
      const { code, err } = await cli('gateway', action)
      t.equal(code, 1)
      t.match(err, /service management skipped: non-default state dir or config path\. /)
    }
    t.notOk(commands.some(command => / (enable|restart|stop) openclaw/.test(command)))
  }
  const external = home(t, undefined, { OPENCLAW_SUPERVISOR_MODE: 'external' })
  t.match((await external.cli('gateway', 'stop', '--json')).json(), { ok: false, error: /OPENCLAW_SUPERVISOR_MODE=external/ })
})

t.test('a configuration that forbids the start is told before anything is installed', async t => {
  const { cli, unit } = home(t, { gateway: { port: 4711 } })
  t.match((await cli('gateway', 'install', '--json')).json(), { ok: false, result: 'config-invalid', error: /gateway\.mode/ })
  t.notOk(existsSync(unit))
})

t.test('options that make no sense are refused with a sentence', async t => {
  const { cli } = home(t)
  for (const argv of [['install', '--runtime', 'bun'], ['install', '--run-as', 'ada'], ['install', '--wrapper', 'a', '--runtime-path', 'b'], ['restart', '--skip-deferral'], ['restart', '--wait', 'soon']]) {
    t.equal((await cli('gateway', ...argv)).code, 1, argv.join(' '))
  }
})

async function installed (t: Test, env: NodeJS.ProcessEnv = {}) {
  const made = home(t, { gateway: { mode: 'local' } }, env)
  mkdirSync(join(made.directory, '.config/systemd/user'), { recursive: true })
  const words = `${process.execPath} ${process.argv[1]} gateway --port 18789`
  writeFileSync(made.unit, `[Service]\nExecStart=${words}\nKillMode=process\nEnvironment=OPENCLAW_GATEWAY_TOKEN=canary-in-the-unit\n`)
  return made
}

t.test('doctor finds a service that drifted, holds a secret or does not run, and --fix writes it anew', async t => {
  const { cli, unit, commands } = await installed(t)
  const found = (await cli('doctor', '--only', 'service', '--json')).json()
  t.match(found, { ok: false, checksRun: 1 })
  const ids = found.findings.map(({ checkId }: { checkId: string }) => checkId)
  t.ok(ids.includes('service.drift') && ids.includes('service.stopped'))
  t.notMatch(JSON.stringify(found), /canary/)
  t.notOk(commands.some(command => command.includes('restart')), 'looking changes nothing')
  t.match((await cli('security', 'audit', '--json')).json().findings, [{ checkId: 'service.token_embedded', severity: 'critical' }])
  t.match((await cli('doctor', '--only', 'service', '--fix')).out, /✓ service\.drift: wrote .*openclaw-gateway\.service anew/)
  t.notMatch(readFileSync(unit, 'utf8'), /canary|KillMode=process/)
  t.match(readFileSync(`${unit}.bak`, 'utf8'), /KillMode=process/)
  t.match((await cli('doctor', '--only', 'service', '--lint', '--json')), { code: 0 })
})

t.test('an installation that is there is told how it differs, and written anew with --force', async t => {
  const { cli, unit } = await installed(t)
  t.match((await cli('gateway', 'install', '--json')).json(), { ok: true, result: 'already-installed', hints: [/differs .*gateway install --force/] })
  t.match(readFileSync(unit, 'utf8'), /KillMode=process/)
  const { port } = await startGateway(t)
  t.match((await cli('gateway', 'install', '--force', '--port', String(port), '--json')).json(), { ok: true, result: 'reinstalled', message: /running/ })
  t.match(readFileSync(unit, 'utf8'), new RegExp(`gateway --port ${port}\\b`))
  t.notMatch(readFileSync(unit, 'utf8'), /canary|KillMode=process/)
  t.match(readFileSync(`${unit}.bak`, 'utf8'), /KillMode=process/)
})

t.test('a service that somebody else looks after is looked at and not touched', async t => {
  const { cli, unit, commands } = await installed(t, { OPENCLAW_SERVICE_REPAIR_POLICY: 'external' })
  const text = readFileSync(unit, 'utf8')
  const { out } = await cli('doctor', '--only', 'service', '--fix')
  t.match(out, /service\.drift[^]*OPENCLAW_SERVICE_REPAIR_POLICY=external/)
  t.equal(readFileSync(unit, 'utf8'), text)
  t.notOk(commands.some(command => command.includes('restart')))
})

t.test('status tells of the service, and shows no secret of it', async t => {
  const { cli } = await installed(t)
  const { out, json } = await cli('gateway', 'status', '--json', '--no-probe')
  t.match(json(), {
    service: { label: 'systemd', loaded: true, command: { sourcePath: /openclaw-gateway\.service$/ }, runtime: { status: 'stopped', lastExitStatus: 78 }, configAudit: { ok: false } },
    gateway: { port: 18_789, portSource: 'service args' }
  })
  t.notMatch(out, /canary/)
  t.match((await cli('gateway', 'status', '--no-probe')).out, /Service: systemd \(enabled\)[^]*Service drift: [^]*openclaw doctor --fix[^]*Runtime: stopped \(.*last exit 78/)
  t.match((await cli('status', '--all', '--json', '--timeout', '500')).json(), { gatewayService: { label: 'systemd' }, securityAudit: { summary: { critical: 1 } } })
})

t.test('the security audit has the known ids, repairs rights only, and exits 0', async t => {
  const { cli, stateDir } = home(t, {
    gateway: { mode: 'local', bind: 'lan', auth: { mode: 'token', token: 'short' }, controlUi: { allowedOrigins: ['*'], dangerouslyDisableDeviceAuth: true } },
    hooks: { enabled: true, token: 'short', allowRequestSessionKey: true },
    channels: { telegram: { dmPolicy: 'open', allowFrom: ['*'] } },
    tools: { exec: { security: 'full' } }
  })
  const config = join(stateDir, 'openclaw.json')
  chmodSync(stateDir, 0o777)
  chmodSync(config, 0o644)
  const { code, json, out } = await cli('security', 'audit', '--json')
  t.equal(code, 0)
  const ids: string[] = json().findings.map(({ checkId }: { checkId: string }) => checkId)
  for (const id of [
    'fs.state_dir.perms_world_writable', 'fs.config.perms_world_readable', 'gateway.token_too_short', 'gateway.control_ui.allowed_origins_wildcard',
    'gateway.control_ui.device_auth_disabled', 'hooks.token_reuse_gateway_token', 'hooks.request_session_key_enabled', 'channels.telegram.dm.open',
    'tools.exec.security_full_configured', 'config.insecure_or_dangerous_flags'
  ]) t.ok(ids.includes(id), id)
  t.notOk(ids.includes('gateway.bind_no_auth'))
  t.notMatch(out, /"short"/, 'no secret is said aloud')
  const text = readFileSync(config, 'utf8')
  const fixed = (await cli('security', 'audit', '--fix', '--json')).json()
  t.equal(fixed.fixes.length, 2)
  t.notOk(fixed.findings.some(({ checkId }: { checkId: string }) => checkId.startsWith('fs.')))
  t.equal(readFileSync(config, 'utf8'), text)
  t.match((await cli('security', 'audit')).out, /^Summary: \d+ critical · \d+ warn · \d+ info/)
  t.match((await cli('security', 'audit', '--deep', '--timeout', '500', '--json')).json(), { deep: { gateway: { attempted: true, ok: false } } })
})

t.test('doctor tells where the secret comes from by its fingerprint, and takes a lost configuration from its copy', async t => {
  const { cli, stateDir, host } = home(t, { gateway: { mode: 'local', auth: { token: 'canary-of-the-file-0123456789' } } }, { OPENCLAW_GATEWAY_TOKEN: 'canary-of-the-shell-012345' })
  const { out, json } = await cli('doctor', '--json', '--skip', 'service')
  t.match(json().secrets, [{ kind: 'token', source: 'config', inForce: true, fingerprint: /^[0-9a-f]{8}$/ }, { source: 'env', inForce: false }])
  t.ok(json().findings.some(({ checkId }: { checkId: string }) => checkId === 'auth.two-tokens'))
  t.notMatch(out, /canary/)
  host.env['OPENCLAW_ENV_SECRETS_FIRST'] = '1'
  t.match((await cli('doctor', '--json', '--only', 'auth')).json(), {
    secrets: [{ source: 'env', inForce: true }, { source: 'config', inForce: false }],
    findings: [{ message: /^gateway\.auth\.token .* another token than OPENCLAW_GATEWAY_TOKEN/ }]
  }, 'in the image the environment is in force')
  t.match((await cli('config', 'get', 'gateway.auth.token', '--show')).out, /^canary-of-the-shell/)
  delete host.env['OPENCLAW_ENV_SECRETS_FIRST']
  t.match((await cli('config', 'get', 'gateway.auth.token', '--show')).out, /^canary-of-the-file/)
  const config = join(stateDir, 'openclaw.json')
  writeFileSync(`${config}.bak`, readFileSync(config), { mode: 0o600 })
  writeFileSync(config, '{ "gateway": {')
  t.match((await cli('doctor', '--fix', '--json', '--only', 'config')).json(), { ok: true, repairs: [{ checkId: 'config.file', ok: true, message: /restored/ }] })
  t.match(JSON.parse(readFileSync(config, 'utf8')), { gateway: { mode: 'local' } })

  writeFileSync(`${config}.last-good`, '{ gateway: { mode: "local", port: 4711 } }', { mode: 0o600 })
  writeFileSync(config, '{ "gateway": { "mode": "local", "port": "nowhere" } }')
  t.match((await cli('doctor', '--fix', '--json', '--only', 'config')).json(), { repairs: [{ message: /restored the configuration from .*\.last-good/ }] })
  t.match(readFileSync(config, 'utf8'), /4711/, 'what a gateway has run with comes before what is merely older')
  const aside = readdirSync(stateDir).filter(name => /^openclaw\.json\.clobbered\.\d+$/.test(name))
  t.match(aside.map(name => readFileSync(join(stateDir, name), 'utf8')).sort(), ['{ "gateway": {', /nowhere/])
})
