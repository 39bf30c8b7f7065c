/** A real systemd with a real gateway as its service, in namespaces of their own. Nothing of the machine's own systemd is touched. */
import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../fixtures/free-port.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const inside = fileURLToPath(new URL('inside-systemd.sh', import.meta.url))
const launcher = fileURLToPath(new URL('../../bin/openclaw.js', import.meta.url))
const hierarchy = '/sys/fs/cgroup/systemd'
const namespaces = ['--pid', '--fork', '--mount', '--mount-proc', '--cgroup', '--kill-child']
/** These would be covered by the home of the test. */
const isInHome = [process.execPath, launcher].some(path => path.startsWith(`${userInfo().homedir}/`))

function whyNot (): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root for namespaces'
  if (isInHome) return 'the program lies in the home that the test would cover'
  if (spawnSync('test', ['-x', '/lib/systemd/systemd']).status !== 0) return 'systemd is not installed'
  if (spawnSync('test', ['-w', `${hierarchy}/cgroup.procs`]).status !== 0) return 'no control groups of systemd that may be used here'
  if (spawnSync('unshare', [...namespaces, 'true']).status !== 0) return 'namespaces are not allowed here'
  return undefined
}

const reason = whyNot()

/** One line of the script: a command, what it printed, how it ended. */
interface Step { readonly name: string, readonly code: number, readonly out: string }

const script = (port: number): string => `
oc() { "${process.execPath}" "${launcher}" --profile trial "$@"; }
unit=openclaw-gateway-trial
step() { local name=$1; shift; local out code=0; out=$("$@" 2>&1) || code=$?
  printf '%s\\0%s\\0%s\\0' "$name" "$code" "$out" >>"$HOME/steps"; }
pid() { systemctl --user show "$unit" -P MainPID; }
is_up() { [ "$(systemctl --user show $unit -P SubState)" = running ] && [ "$(pid)" -gt 1 ] && [ "$(pid)" != "$1" ]; }
waits() { for _ in $(seq 150); do is_up "$1" && return 0; sleep 0.2; done; return 1; }
signal() { [ "$2" -gt 1 ] && kill "$1" "$2"; }
export OPENCLAW_GATEWAY_TOKEN=canary-of-the-shell-0123456789
step install oc gateway install --port ${port} --json
step again oc gateway install --json
step status systemctl --user show $unit -p Type,ActiveState,StatusText,WatchdogUSec,NRestarts,LimitCORE
step verify systemd-analyze --user verify "$HOME/.config/systemd/user/$unit.service"
step report oc gateway status --json
before=$(pid)
step restart oc gateway restart --json
step restarted test "$(pid)" != "$before"
before=$(pid); signal -9 "$before"
step respawn waits "$before"
printf 'WatchdogSec=2\\n' >>"$HOME/.config/systemd/user/$unit.service.d/trial.conf"
systemctl --user daemon-reload; systemctl --user restart $unit
before=$(pid); signal -STOP "$before"
step watchdog waits "$before"
sed -i '/^WatchdogSec/d' "$HOME/.config/systemd/user/$unit.service.d/trial.conf"
sed -i 's/^KillMode=.*/KillMode=process/' "$HOME/.config/systemd/user/$unit.service"; systemctl --user daemon-reload
step drift oc doctor --only service --json
step fix oc doctor --only service --fix --json
step stop oc gateway stop --json
printf '{ gateway: { port: "no" } }' >"$HOME/.openclaw-trial/openclaw.json"
step refused oc gateway start --json
step code systemctl --user show $unit -p ExecMainStatus,NRestarts,ActiveState
step uninstall oc gateway uninstall --json
step twice oc gateway uninstall --json
`

/** Control groups are removed from the innermost on; the files in them go by themselves. */
function removeGroup (path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(join(path, entry.name))
  rmdirSync(path)
}

async function play (t: { testdir (): string, teardown (fn: () => unknown): void }): Promise<{ steps: Map<string, Step>, home: string, said: string }> {
  const home = join(ownDirectory(t), 'home')
  mkdirSync(home)
  // As an administrator would have it: nobody waits here for five seconds between two tries, or for three minutes of silence.
  const dropIn = join(home, '.config/systemd/user/openclaw-gateway-trial.service.d')
  mkdirSync(dropIn, { recursive: true })
  writeFileSync(join(dropIn, 'trial.conf'), '[Service]\nRestartSec=100ms\n')
  writeFileSync(join(home, 'script'), script(await freePort()))
  const group = join(hierarchy, `openclaw-test-${process.pid}`)
  mkdirSync(group)
  t.teardown(() => removeGroup(group))
  const covered = join(userInfo().homedir, 'script')
  const line = `echo $$ >${group}/cgroup.procs; exec timeout -s KILL 90 unshare ${namespaces.join(' ')} bash ${inside} ${home} bash ${covered}`
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }
  const child = spawn('bash', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  t.teardown(() => { if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL') })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { said += chunk })
  await once(child, 'close')
  const fields = readFileSync(join(home, 'steps'), 'utf8').split('\0')
  const steps = new Map<string, Step>()
  for (let at = 0; at + 2 < fields.length; at += 3) steps.set(fields[at]!, { name: fields[at]!, code: Number(fields[at + 1]), out: fields[at + 2]! })
  return { steps, home, said }
}

t.test('a real systemd installs, watches, restarts and removes the real service', reason ? { skip: reason } : {}, async t => {
  const { steps, home, said } = await play(t)
  const step = (name: string): Step => steps.get(name) ?? { name, code: -1, out: `never run; it said: ${said}` }
  const json = (name: string) => JSON.parse(step(name).out.slice(step(name).out.indexOf('{')))
  t.match(json('install'), { action: 'install', ok: true, result: 'installed', message: /running \(pid \d+\)/, warnings: [/OPENCLAW_GATEWAY_TOKEN/] })
  t.match(json('again'), { ok: true, result: 'already-installed', hints: undefined })
  t.match(step('status').out, /Type=notify/)
  t.match(step('status').out, /ActiveState=active/)
  t.match(step('status').out, /StatusText=listening on 127\.0\.0\.1:/)
  t.match(step('verify'), { code: 0, out: '' })
  t.match(json('report'), { service: { label: 'systemd', loaded: true, runtime: { status: 'running' }, configAudit: { ok: true } }, port: { status: 'busy' } })
  t.notMatch(step('report').out, /canary/)
  t.match(json('restart'), { ok: true, result: 'restarted' })
  for (const name of ['restarted', 'respawn', 'watchdog']) t.equal(step(name).code, 0, name)
  t.match(json('drift'), { ok: false, findings: [{ checkId: 'service.drift', message: /KillMode differs/, repairable: true }] })
  t.match(json('fix'), { ok: true, repairs: [{ checkId: 'service.drift', ok: true }] })
  t.match(json('stop'), { ok: true, result: 'stopped' })
  t.match(json('refused'), { ok: false }, 'a configuration that forbids the start')
  t.match(step('code').out, /ExecMainStatus=78/)
  t.match(step('code').out, /ActiveState=failed/, 'is not tried over and over')
  t.match(json('uninstall'), { ok: true, result: 'uninstalled' })
  t.match(json('twice'), { ok: true, result: 'not-installed' })
  t.match(readFileSync(join(home, '.openclaw-trial/logs/gateway-restart.log'), 'utf8'), /action=install[^]*action=restart[^]*action=stop[^]*action=uninstall/)
})
