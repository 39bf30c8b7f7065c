import t from 'tap'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { resolvePaths } from '../../src/config/paths.ts'
import { createServiceManager, type ServiceManager } from '../../src/service/service.ts'
import { serviceIssues } from '../../src/service/drift.ts'
import { serviceNames } from '../../src/service/names.ts'
import { otherServices } from '../../src/service/others.ts'
import { makePlan, type ServicePlan } from '../../src/service/plan.ts'
import type { Ran } from '../../src/service/host.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'
import { otherMachine, type OtherMachine } from '../fixtures/service-host.ts'

interface Case { readonly machine: OtherMachine, readonly manager: ServiceManager, plan (drainMs?: number): ServicePlan }
type Test = { testdir (): string, teardown (fn: () => unknown): void }

async function on (t: Test, platform: NodeJS.Platform, answer: (command: string) => Partial<Ran> | undefined = () => undefined): Promise<Case> {
  const directory = freshDirectory(t)
  const isWindows = platform === 'win32'
  const machine = otherMachine({ platform, directory, answer, ...(isWindows ? { homeDir: 'C:\\Users\\ada', env: { USERDOMAIN: 'WORK' } } : {}) })
  const { host } = machine
  const names = serviceNames(undefined, {}, platform)
  const paths = { ...resolvePaths({ env: {}, homedir: directory }), ...(isWindows ? { stateDir: 'C:\\Users\\ada\\.openclaw', homeDir: 'C:\\Users\\ada' } : {}) }
  const runtime = isWindows ? 'C:\\node\\node.exe' : process.execPath
  const entry = isWindows ? 'C:\\oc\\openclaw.js' : join(directory, 'openclaw.js')
  return {
    machine,
    manager: await createServiceManager({ host, names, stateDir: paths.stateDir }),
    plan: (drainMs = 5_000) => makePlan({ host, paths, names, scope: 'user', port: 18_789, runtime, entry, drainMs, notifying: 'program' })
  }
}

t.test('macOS: an installation replaces the agent, a stop unloads it, a restart is one step', async t => {
  let loaded = false
  const { machine, manager, plan } = await on(t, 'darwin', command => {
    if (command.startsWith('launchctl bootstrap')) loaded = true
    if (command.startsWith('launchctl bootout')) {
      const there = loaded
      loaded = false
      return there ? undefined : { code: 3, stderr: 'Boot-out failed: 3: No such process' }
    }
    if (!command.startsWith('launchctl print')) return undefined
    return loaded ? { stdout: '\tstate = running\n\tpid = 4711\n\tlast exit code = 0\n' } : { code: 113, stderr: 'Could not find service' }
  })
  const { commands } = machine
  await manager.install(plan())
  const target = 'gui/501/ai.openclaw.gateway'
  const file = join(machine.host.homeDir, 'Library/LaunchAgents/ai.openclaw.gateway.plist')
  t.strictSame(commands.filter(command => !command.includes(' print ')), [
    `launchctl bootout ${target}`, `launchctl enable ${target}`, `launchctl bootstrap gui/501 ${file}`
  ])
  t.ok(statSync(join(machine.host.homeDir, 'Library/Logs/openclaw')).isDirectory(), 'launchd does not make the directory of its logs')
  t.match(await manager.runtime(), { status: 'running', pid: 4711 })
  commands.length = 0
  await manager.restart({})
  t.strictSame(commands.at(-1), `launchctl kickstart -k ${target}`)
  commands.length = 0
  await manager.stop({ disable: false })
  t.notOk(commands.some(command => command.includes('disable')), 'the next login starts it again')
  t.match(await manager.runtime(), { status: 'stopped' })
  await manager.stop({ disable: true })
  t.ok(commands.includes(`launchctl disable ${target}`))
  commands.length = 0
  await manager.start()
  t.strictSame(commands.filter(command => !command.includes(' print ')), [
    `launchctl enable ${target}`, `launchctl bootstrap gui/501 ${file}`, `launchctl kickstart ${target}`
  ])
  await manager.uninstall()
  await manager.uninstall()
  t.equal(await manager.find(), undefined)
})

t.test('macOS: without a session at the screen the sentence says so', async t => {
  const { manager, plan } = await on(t, 'darwin', command =>
    command.startsWith('launchctl bootstrap') ? { code: 125, stderr: 'Bootstrap failed: 125: Domain does not support specified action' } : { code: command.includes('print') ? 113 : 0 })
  await t.rejects(manager.install(plan()), { message: /bootstrap.*Domain does not support/, hints: [/session of its user/] })
})

t.test('Windows: a task that starts a hidden command file, ended with what it started', async t => {
  let exists = false
  const { machine, manager, plan } = await on(t, 'win32', command => {
    if (command.startsWith('schtasks /Create')) exists = true
    if (command.startsWith('schtasks /Delete')) exists = false
    return command.startsWith('schtasks /Query') ? { code: exists ? 0 : 1, stdout: 'Status:  Running\r\nLast Result: 267009\r\n' } : undefined
  })
  const { commands } = machine
  t.strictSame(await manager.install(plan()), [])
  const state = 'C:\\Users\\ada\\.openclaw'
  t.ok(commands.includes(`schtasks /Create /TN OpenClaw Gateway /XML ${state}\\gateway-task.xml /F`))
  t.ok(commands.includes('schtasks /Run /TN OpenClaw Gateway'))
  t.match(readFileSync(machine.path(`${state}\\gateway-task.xml`)).toString('utf16le'), /^\ufeff<\?xml[^]*WORK\\ada/)
  t.match(readFileSync(machine.path(`${state}\\gateway.cmd`), 'utf8'), /set "OPENCLAW_WINDOWS_TASK_NAME=OpenClaw Gateway"\r\nset .*\r\n[^]*C:\\node\\node\.exe C:\\oc\\openclaw\.js gateway --port 18789/)
  t.match(await manager.runtime(), { status: 'running', lastExitStatus: 267_009 })
  t.match(await manager.find(), { programArguments: ['C:\\node\\node.exe', 'C:\\oc\\openclaw.js', 'gateway', '--port', '18789'], isFallback: false })
  commands.length = 0
  await manager.restart({ gatewayPid: 99 })
  t.strictSame(commands.filter(command => !command.includes('/Query')), [
    'schtasks /End /TN OpenClaw Gateway', 'taskkill /PID 99 /T /F', 'schtasks /Run /TN OpenClaw Gateway'
  ])
  await manager.uninstall()
  await manager.uninstall()
  t.equal(await manager.find(), undefined)
})

t.test('Windows: where tasks are denied, the Startup folder starts it', async t => {
  const { machine, manager, plan } = await on(t, 'win32', command => {
    if (command.startsWith('schtasks /Create')) return { code: 1, stderr: 'ERROR: Access is denied.' }
    return command.startsWith('schtasks /Query') ? { code: 1 } : undefined
  })
  t.match(await manager.install(plan()), [/Access is denied.*Startup folder/])
  const entry = 'C:\\Users\\ada\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\OpenClaw Gateway.vbs'
  t.match(readFileSync(machine.path(entry), 'utf8'), /gateway\.cmd/)
  t.ok(machine.commands.some(command => command.startsWith('cmd.exe /d /c start  wscript.exe')))
  t.equal(await manager.isLoaded(), true)
  t.match(await manager.find(), { isFallback: true })
  await manager.stop({ disable: true })
  t.equal(await manager.isLoaded(), false)
})

t.test('systemd: without a bus the user\'s manager is asked by name, and where there is none the sentence names lingering', async t => {
  const noBus = { code: 1, stderr: 'Failed to connect to bus: No medium found' }
  const found = await on(t, 'linux', command => command.startsWith('systemctl --user') ? noBus : undefined)
  await found.manager.install(found.plan())
  t.ok(found.machine.commands.includes('systemctl --machine ada@ --user restart openclaw-gateway.service'))
  const none = await on(t, 'linux', command => command.startsWith('systemctl') ? noBus : undefined)
  await t.rejects(none.manager.install(none.plan()), { message: /manager of ada cannot be reached/, hints: [/enable-linger ada/, /install --system/] })
  t.equal(await none.manager.find(), undefined, 'and nothing is left behind')
  const without = await on(t, 'linux', () => ({ code: undefined, stderr: 'spawn systemctl ENOENT' }))
  await t.rejects(without.manager.install(without.plan()), { message: /no systemd/, hints: [/openclaw gateway run/] })
})

t.test('systemd: a service of the machine is the administrator\'s, and one of the same name blocks that of a user', async t => {
  const { machine, plan } = await on(t, 'linux')
  const { host } = machine
  const options = { host, names: plan().names, stateDir: plan().stateDir }
  const system = await createServiceManager({ ...options, scope: 'system' })
  await t.rejects(system.install({ ...plan(), scope: 'system' }), { message: /administrator/, hints: [/sudo/] })
  const asRoot = await createServiceManager({ ...options, host: { ...host, uid: 0 }, scope: 'system' })
  await asRoot.install({ ...plan(), scope: 'system', runAs: 'ada' })
  t.match(readFileSync(machine.path('/etc/systemd/system/openclaw-gateway.service'), 'utf8'), /User=ada/)
  t.ok(machine.commands.includes('systemctl enable openclaw-gateway.service'), 'without --user')
  const user = await createServiceManager({ ...options, scope: 'user' })
  await t.rejects(user.install(plan()), { message: /already a service of the system/ })
  t.equal((await createServiceManager(options)).title, 'systemd (system)', 'the one that is there is the one that is meant')
})

t.test('systemd: linger is asked for, a failed start is explained by its own words', async t => {
  const { manager, plan } = await on(t, 'linux', command => command.startsWith('loginctl') ? { stdout: 'Linger=no\n' } : undefined)
  t.match(await manager.install(plan()), [/sudo loginctl enable-linger ada/])
  const failing = await on(t, 'linux', command => command.includes(' restart ') ? { code: 1, stderr: 'Job for x failed because of y.' } : undefined)
  await t.rejects(failing.manager.install(failing.plan()), { message: /Job for x failed/, hints: [/journalctl --user -u openclaw-gateway/, /--deep/] })
  const stopped = await on(t, 'linux', command => command.includes(' show ') ? { stdout: 'ActiveState=failed\nSubState=failed\nMainPID=0\nExecMainStatus=78\nResult=exit-code\n' } : undefined)
  t.match(await stopped.manager.runtime(), { status: 'stopped', state: 'failed/failed', lastExitStatus: 78, lastExitReason: 'exit-code' })
})

t.test('a service that somebody changed is told from one that is as it should be', async t => {
  const { machine, manager, plan } = await on(t, 'linux')
  const { host } = machine
  await host.files.write(join(host.homeDir, 'openclaw.js'), '', 0o600)
  await manager.install(plan())
  const issues = async (wanted = plan()) => (await serviceIssues(host, manager, (await manager.find())!, wanted)).map(({ code }) => code)
  t.strictSame(await issues(), [])
  const { path, text } = (await manager.find())!
  const changed = text.replace('KillMode=mixed', 'KillMode=process').replace('--port 18789', '--port 9').replace('[Install]', 'Environment=OPENCLAW_GATEWAY_TOKEN=abc\n[Install]')
  await host.files.write(path, changed, 0o644)
  t.strictSame((await issues()).sort(), ['gateway-port-mismatch', 'gateway-token-embedded', 'service-setting-mismatch'])
  t.strictSame(await issues({ ...plan(600_000), programArguments: plan().programArguments }).then(found => found.length), 4, 'a longer drain is drift, too')
  await manager.install(plan())
  t.strictSame(await issues(), [])
  t.equal((await host.files.read(`${path}.bak`))?.toString(), changed, 'what was there is kept')
  await host.files.remove(join(host.homeDir, 'openclaw.js'))
  t.strictSame(await issues(), ['gateway-program-missing'])
})

t.test('other services that look like gateways are found with the command that removes them, and nodes are none', async t => {
  const { machine, plan } = await on(t, 'linux')
  const directory = join(machine.host.homeDir, '.config/systemd/user')
  const system = '/etc/systemd/system/openclaw-gateway.service'
  for (const name of ['clawdbot-gateway.service', 'openclaw-node.service', 'openclaw-gateway.service', 'else.service']) await machine.host.files.write(join(directory, name), '', 0o600)
  await machine.host.files.write(system, '', 0o600)
  t.strictSame(await otherServices(machine.host, plan().names, join(directory, 'openclaw-gateway.service')), [
    {
      label: 'clawdbot-gateway',
      detail: join(directory, 'clawdbot-gateway.service'),
      removal: `systemctl --user disable --now clawdbot-gateway; rm '${join(directory, 'clawdbot-gateway.service')}'`
    },
    { label: 'openclaw-gateway', detail: system, removal: `sudo systemctl disable --now openclaw-gateway; sudo rm '${system}'` }
  ], 'one of the same name, of the whole machine, as well')

  const mac = await on(t, 'darwin')
  const daemon = '/Library/LaunchDaemons/ai.openclaw.gateway.plist'
  await mac.machine.host.files.write(daemon, '', 0o600)
  t.strictSame(await otherServices(mac.machine.host, mac.plan().names, undefined), [
    { label: 'ai.openclaw.gateway', detail: daemon, removal: `sudo launchctl bootout system/ai.openclaw.gateway; sudo rm '${daemon}'` }
  ])
})
