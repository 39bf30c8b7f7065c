import t from 'tap'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolvePaths } from '../../src/config/paths.ts'
import { serviceNames } from '../../src/service/names.ts'
import { makePlan, type PlanInput } from '../../src/service/plan.ts'
import { plistText, readPlist } from '../../src/service/plist-text.ts'
import { commandFileText, launcherText, readCommandFile, taskXml } from '../../src/service/task-text.ts'
import { readUnit, unitText } from '../../src/service/unit-text.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { otherMachine } from '../fixtures/service-host.ts'

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0
const withPython = has('python3', '-c', 'import plistlib, xml.dom.minidom') ? {} : { skip: 'python3 is not here to parse it' }
const withSystemd = has('systemd-analyze', '--version') ? {} : { skip: 'systemd-analyze is not here to verify it' }

type Wishes = Partial<PlanInput> & { readonly env?: NodeJS.ProcessEnv, readonly profile?: string }

function plan (t: { testdir (): string, teardown (fn: () => unknown): void }, platform: NodeJS.Platform, wishes: Wishes = {}) {
  const directory = join(ownDirectory(t), 'a home & "more" 100%')
  const { env = {}, profile, ...more } = wishes
  const { host } = otherMachine({ platform, directory, env })
  const paths = resolvePaths({ env: {}, homedir: directory, ...(profile ? { profile } : {}) })
  return makePlan({
    host, paths, names: serviceNames(profile, env, platform), scope: 'user', port: 18_789, runtime: process.execPath, entry: join(directory, 'bin', 'open claw.js'),
    drainMs: 5_000, notifying: 'program', ...more
  })
}

const loud = {
  OPENCLAW_GATEWAY_TOKEN: 'canary-0123', OPENCLAW_GATEWAY_PASSWORD: 'canary-4567', OPENAI_API_KEY: 'canary-89', HTTPS_PROXY: 'http://u:canary@p',
  TMPDIR: '/tmp/own', NODE_OPTIONS: '--inspect'
}

t.test('names are the contract\'s, one for each profile', async t => {
  t.match(serviceNames(undefined, {}, 'linux'), { unit: 'openclaw-gateway.service', label: 'ai.openclaw.gateway', task: 'OpenClaw Gateway' })
  t.match(serviceNames('work', {}, 'darwin'), {
    unit: 'openclaw-gateway-work.service', label: 'ai.openclaw.work', task: 'OpenClaw Gateway (work)', description: 'OpenClaw Gateway (profile: work)'
  })
  t.equal(serviceNames(undefined, { OPENCLAW_SYSTEMD_UNIT: 'mine' }, 'linux').unit, 'mine.service')
  t.throws(() => serviceNames('work', { OPENCLAW_SYSTEMD_UNIT: 'mine' }, 'linux'), { message: /does not fit the profile work/ })
  t.throws(() => serviceNames(undefined, { OPENCLAW_LAUNCHD_LABEL: '../x' }, 'darwin'), { message: /no name for a service/ })
  t.throws(() => serviceNames('gateway', {}, 'darwin'), { message: /taken by another service/ })
})

t.test('no definition holds a secret of the shell that installs, and each keeps what the gateway needs', async t => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    const made = plan(t, platform, { env: loud, profile: 'work' })
    for (const text of [unitText(made), plistText(made), taskXml(made, 'x.vbs', 'ada')]) t.notMatch(text, /canary|--inspect/)
    t.match(made.environment, { TMPDIR: '/tmp/own', OPENCLAW_PROFILE: 'work', OPENCLAW_SERVICE_MARKER: 'openclaw', OPENCLAW_SERVICE_KIND: 'gateway' })
  }
})

t.test('systemd understands the unit, also of a home with odd characters', withSystemd, async t => {
  const directory = ownDirectory(t)
  for (const notifying of ['program', 'none'] as const) {
    for (const scope of ['user', 'system'] as const) {
      const made = plan(t, 'linux', { notifying, scope, ...(scope === 'system' ? { runAs: 'root' } : {}), entry: process.execPath })
      const unit = join(directory, `oc-${notifying}-${scope}.service`)
      writeFileSync(unit, unitText(made))
      const { status, stderr } = spawnSync('systemd-analyze', [`--${scope}`, 'verify', unit], { encoding: 'utf8', env: { ...process.env, HOME: directory, XDG_RUNTIME_DIR: directory } })
      t.equal(status, 0, stderr)
      t.notMatch(stderr, /oc-/, 'and has nothing to say about it')
    }
  }
})

t.test('the unit keeps supervisors from looping and gives a stop its time', async t => {
  const text = unitText(plan(t, 'linux'))
  for (const line of [
    'Type=notify', 'NotifyAccess=all', 'WatchdogSec=180', 'Restart=always', 'RestartPreventExitStatus=69 78', 'SuccessExitStatus=0 143',
    'TimeoutStopSec=330', 'LimitNOFILE=65536', 'KillMode=mixed', 'WantedBy=default.target'
  ]) t.ok(text.split('\n').includes(line), line)
  t.match(unitText(plan(t, 'linux', { drainMs: 600_000 })), /TimeoutStopSec=620/)
  t.match(unitText(plan(t, 'linux', { notifying: 'none' })), /^Type=exec$/m)
  t.match(unitText(plan(t, 'linux', { notifying: 'socket' })), '\nOpenFile=%t/systemd/notify:notify:graceful\n')
  t.match(unitText(plan(t, 'linux', { scope: 'system', runAs: 'ada' })), /User=ada[^]*WantedBy=multi-user\.target/)
})

t.test('what was written is read back the same, by us', async t => {
  const linux = plan(t, 'linux')
  t.match(readUnit(unitText(linux)), { programArguments: linux.programArguments, workingDirectory: linux.workingDirectory, environment: linux.environment })
  t.match(readPlist(plistText(linux)), { programArguments: linux.programArguments, environment: linux.environment })
  const windows = { ...linux, programArguments: ['C:\\Program Files\\nodejs\\node.exe', 'C:\\oc\\openclaw.js', 'gateway', '--port', '1'], workingDirectory: 'C:\\100%' }
  const read = readCommandFile(commandFileText({ ...windows, environment: { A: '50%', HOME: 'C:\\Users\\ada' } }))
  t.strictSame(read, { programArguments: windows.programArguments, workingDirectory: 'C:\\100%', environment: { A: '50%', HOME: 'C:\\Users\\ada' } })
  t.throws(() => commandFileText({ ...windows, environment: { A: 'x" & calc & "' } }), { message: /quotation mark/ })
  t.throws(() => unitText({ ...linux, workingDirectory: '/a\nExecStartPre=/bin/sh' }), { message: /line break/ })
})

t.test('a parser of property lists reads the LaunchAgent', withPython, async t => {
  const made = plan(t, 'darwin', { profile: 'work' })
  const program = 'import sys, json, plistlib; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'
  const read = JSON.parse(execFileSync('python3', ['-c', program], { input: plistText(made), encoding: 'utf8' }))
  t.match(read, {
    Label: 'ai.openclaw.work', RunAtLoad: true, KeepAlive: { SuccessfulExit: false }, ExitTimeOut: 20, ThrottleInterval: 10, Umask: 63,
    ProgramArguments: made.programArguments, WorkingDirectory: made.workingDirectory, EnvironmentVariables: made.environment,
    SoftResourceLimits: { NumberOfFiles: 65_536 }
  })
  t.match(read.StandardOutPath, /Library\/Logs\/openclaw\/gateway-work\.log$/)
})

t.test('a parser of XML reads the task', withPython, async t => {
  const xml = taskXml(plan(t, 'win32'), 'C:\\Users\\a & b\\gateway-hidden.vbs', 'WORK\\ada')
  const program = 'import sys, xml.dom.minidom; d = xml.dom.minidom.parseString(sys.stdin.buffer.read().decode("utf-16").replace("UTF-16", "UTF-8")); ' +
    'print(d.getElementsByTagName("Arguments")[0].firstChild.data, d.getElementsByTagName("ExecutionTimeLimit")[0].firstChild.data)'
  const printed = execFileSync('python3', ['-c', program], { input: Buffer.from(`\ufeff${xml}`, 'utf16le'), encoding: 'utf8' })
  t.equal(printed.trim(), '"C:\\Users\\a & b\\gateway-hidden.vbs" PT0S')
  t.match(launcherText('C:\\x\\gateway.cmd'), 'shell.Run("""C:\\x\\gateway.cmd""", 0, True)')
  t.ok(existsSync(process.execPath))
})
