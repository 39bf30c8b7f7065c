import { spawn, execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { treeOf } from '../../../src/tools/exec/process-tree.ts'
import { seccompFilter } from '../../../src/tools/sandbox/seccomp.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { launched } from './launched.ts'
import { bubblewrapMissing, createSandboxScene } from './scene.ts'

const skip = bubblewrapMissing()
const secret = 'canary-of-the-host'

/** What has ended and was not yet fetched by its parent does not count. */
function isRunning (pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

test('a command in a sandbox sees programs and its own workspace, and nothing else of this machine', { skip }, async t => {
  const scene = createSandboxScene(t)
  writeFileSync(join(scene.base, 'secret.txt'), secret)
  writeFileSync(join(scene.stateDir, 'openclaw.json'), secret)
  writeFileSync(join(scene.workspace, 'notes.md'), secret)
  symlinkSync(join(scene.base, 'secret.txt'), join(scene.workspace, 'link'))
  for (const path of ['secret.txt', 'state/openclaw.json', 'state/workspace/notes.md', 'state/workspace/link']) {
    const { code, out } = await scene.run(`cat '${join(scene.base, path)}'`)
    t.not(code, 0, path)
    t.notMatch(out, secret)
  }
  t.equal((await scene.run('pwd; ls -A')).out, '/workspace\n')
  const { out } = await scene.run('ls -A / /home /etc; id; ls /proc | grep -c "^[0-9]"; hostname; grep Cap /proc/self/status; echo $HOME $PATH')
  t.notMatch(out, new RegExp(`\\b(root|work|srv|opt|mnt|shadow|${scene.base.split('/').pop()})\\b`))
  t.match(out, /uid=1000\(agent\) gid=1000/)
  t.match(out, /\nsandbox\n/)
  t.match(out, /CapEff:\t0000000000000000\nCapBnd:\t0000000000000000/)
  t.match(out, /\/home\/agent \/usr\/local\/bin:\/usr\/bin:\/bin\n$/)
  for (const file of ['/etc/shadow', join('/proc/1', 'root', 'etc/shadow'), `/proc/${process.pid}/environ`, '/workspace/../../etc/shadow']) t.not((await scene.run(`cat ${file}`)).code, 0, file)
})

test('what a command writes in its own workspace stays, and everything else is gone or refused', { skip }, async t => {
  const scene = createSandboxScene(t)
  t.equal((await scene.run('echo kept > f; mkdir d; echo gone > /tmp/f; echo gone > ~/f; ls /tmp ~')).code, 0)
  t.equal((await scene.run('cat f; ls /tmp ~')).out, 'kept\n/home/agent:\n\n/tmp:\n')
  for (const path of ['/usr/bin/evil', '/etc/evil', '/evil', '/bin/sh', '/var/evil', '/run/evil', '/etc/passwd', '/home/evil']) {
    const { code } = await scene.run(`echo x > ${path}`)
    t.not(code, 0, path)
  }
  const [own] = readdirSync(join(scene.stateDir, 'sandboxes')).filter(name => !name.startsWith('.'))
  t.equal(readFileSync(join(scene.stateDir, 'sandboxes', own!, 'f'), 'utf8'), 'kept\n')
  t.same(readdirSync(scene.workspace), [])
})

test('a workspace is written to with access rw alone', { skip }, async t => {
  for (const [workspaceAccess, code] of [['ro', 1], ['rw', 0]] as const) {
    const scene = createSandboxScene(t, { sandbox: { mode: 'all', workspaceAccess } })
    mkdirSync(join(scene.workspace, 'sub'))
    writeFileSync(join(scene.workspace, 'a'), 'text')
    t.equal((await scene.run('cat a')).out, 'text')
    t.equal((await scene.run('pwd', { cwd: join(scene.workspace, 'sub') })).out, '/workspace/sub\n')
    for (const command of ['echo x > b', 'echo x > a', 'rm a', 'mv a c', 'mkdir e', 'touch a', 'chmod 777 a', 'ln a f']) {
      const ended = await scene.run(`${command} && git --version > /dev/null; test $? -eq 0`)
      t.equal(ended.code === 0 ? 0 : 1, ['rm a', 'mv a c'].includes(command) || code === 1 ? code : 0, `${workspaceAccess}: ${command}`)
      writeFileSync(join(scene.workspace, 'a'), 'text')
    }
    if (workspaceAccess === 'ro') t.not((await scene.run('echo x > /agent/b')).code, 0)
  }
})

test('a sandbox has no network: neither the gateway nor anybody else is reached', { skip }, async t => {
  const server = createServer((_, response) => response.end(secret)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const fetches = `(exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3)`
  const closed = createSandboxScene(t)
  const { code, out } = await closed.run(`bash -c "${fetches.replaceAll('"', '\\"')}"`)
  t.not(code, 0)
  t.notMatch(out, secret)
  t.match((await closed.run('cat /proc/net/dev')).out.split('\n').slice(2).filter(Boolean).map(line => line.trim().split(':')[0]), ['lo'])
  const open = createSandboxScene(t, { sandbox: { mode: 'all', network: 'host' } })
  t.match((await open.run(`bash -c "${fetches.replaceAll('"', '\\"')}"`)).out, secret, 'the same command works where the network is left open')
})

test('places that are denied look empty inside, also when the workspace is the home directory', { skip }, async t => {
  const scene = createSandboxScene(t, {
    sandbox: { mode: 'all', workspaceAccess: 'rw' }, workspace: '.', tools: { exec: { denyPaths: ['~/private', '~/one.txt'] } }
  })
  mkdirSync(join(scene.base, 'private'))
  for (const path of ['state/openclaw.json', 'private/a', 'one.txt', 'two.txt']) writeFileSync(join(scene.base, path), secret)
  const { out } = await scene.run('cat state/openclaw.json private/a one.txt; ls -A state private; echo --; cat two.txt; rm -rf state private; mv state x; echo x > state/y')
  t.equal(out, `private:\n\nstate:\n--\n${secret}`)
  t.equal(readFileSync(join(scene.base, 'state/openclaw.json'), 'utf8'), secret)
  t.equal(readFileSync(join(scene.base, 'private/a'), 'utf8'), secret)
})

test('the end of a command ends everything that it started', { skip }, async t => {
  const scene = createSandboxScene(t)
  const command = '(setsid sleep 1000 &) ; (sleep 1000 & sleep 1000) & sleep 1000'
  const launcher = await scene.sandbox.launcherFor({ agentId: 'main', sessionKey: 'agent:main:main' })
  const child = await launched(launcher, command, { cwd: scene.workspace, env: {}, stdin: 'ignore' })
  const leader = child.pid!
  // Whatever is ended below follows from this number: it has to be a process of this test.
  if (!(leader > 1) || leader === process.pid) throw new Error(`no process of this test: ${leader}`)
  const exited = new Promise(resolve => child.once('exit', resolve))
  const tree = await eventually(() => treeOf(leader, 'no-such-mark'), all => all.length >= 5)
  t.ok(child.kill('SIGKILL'), 'the one process that the gateway knows')
  await exited
  await eventually(() => tree.filter(isRunning), running => running.length === 0)
  t.pass('is enough to end them all')
  // A duration that no other process on this machine sleeps for.
  const odd = `${randomInt(10_000, 99_999)}.${randomInt(10_000, 99_999)}`
  const left = await scene.run(`(setsid sleep ${odd} > /dev/null 2>&1 &) ; echo done`)
  t.equal(left.out, 'done\n')
  const leftBehind = (): string[] => readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return ''
    }
  }).filter(command => command.startsWith(`sleep\0${odd}`))
  await eventually(leftBehind, commands => commands.length === 0)
  t.pass('what a command leaves behind goes with its sandbox')
})

test('a gateway that is killed leaves no command behind', { skip }, async t => {
  const base = mkdtempSync(join(tmpdir(), 'doomed-'))
  const gateway = spawn(process.execPath, [fileURLToPath(new URL('./doomed-gateway.ts', import.meta.url)), base], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => {
    gateway.kill('SIGKILL')
    rmSync(base, { recursive: true, force: true })
  })
  const leader = Number(await new Promise(resolve => gateway.stdout.once('data', resolve)))
  if (!(leader > 1)) throw new Error(`no process of this test: ${leader}`)
  const tree = await eventually(() => treeOf(leader, 'no-such-mark'), all => all.length >= 3 && all.every(isRunning))
  gateway.kill('SIGKILL')
  await eventually(() => tree.filter(isRunning), running => running.length === 0)
  t.pass('it took them along')
})

test('exit codes, input and environment pass, and nothing of the environment is on a command line', { skip }, async t => {
  const scene = createSandboxScene(t)
  t.equal((await scene.run('exit 7')).code, 7)
  t.equal((await scene.run('cat', { stdin: 'input' })).out, 'input')
  const { out, err } = await scene.run('echo $COLOUR; cat /proc/1/cmdline | tr "\\0" " "; echo oops >&2', { env: { COLOUR: 'teal-canary' } })
  t.match(out, /^teal-canary\n/)
  t.notMatch(out.slice(12), 'teal-canary')
  t.equal(err, 'oops\n')
})

test('sandboxes are shared as their scope says', { skip }, async t => {
  const scopes = { session: [false, false], agent: [true, false], shared: [true, true] } as const
  for (const [scope, [bySession, byAgent]] of Object.entries(scopes)) {
    const scene = createSandboxScene(t, { sandbox: { mode: 'all', scope } })
    await scene.run('echo mine > f', { sessionKey: 'agent:main:one' })
    t.equal((await scene.run('cat f', { sessionKey: 'agent:main:one' })).out, 'mine\n')
    t.equal((await scene.run('cat f', { sessionKey: 'agent:main:two' })).code === 0, bySession, `${scope}: another session`)
    t.equal((await scene.run('cat f', { sessionKey: 'agent:other:one', agentId: 'other' })).code === 0, byAgent, `${scope}: another agent`)
  }
})

test('a command cannot make a sandbox of its own to gain rights', { skip }, async t => {
  const scene = createSandboxScene(t)
  const isFiltered = ['x64', 'arm64'].includes(process.arch)
  t.match((await scene.run('grep Seccomp: /proc/self/status')).out, isFiltered ? '\t2\n' : '\t')
  for (const command of ['unshare -Ur true', 'unshare -m true', 'mount -t tmpfs x /tmp', 'chroot / true', 'nsenter -t 1 -m true']) {
    t.not((await scene.run(command)).code, 0, command)
  }
})

/** What the kernel would answer: the few instructions that the filter is made of. */
function judge (filter: Buffer, arch: number, number: number): 'allowed' | 'refused' {
  let held = 0
  for (let at = 0; at < filter.length; at += 8) {
    const [code, whenTrue, whenFalse, value] = [filter.readUInt16LE(at), filter[at + 2]!, filter[at + 3]!, filter.readUInt32LE(at + 4)]
    if (code === 0x06) return value === 0x7fff0000 ? 'allowed' : 'refused'
    if (code === 0x20) held = value === 4 ? arch : number
    else at += 8 * ((code === 0x15 ? held === value : held >= value) ? whenTrue : whenFalse)
  }
  throw new Error('the program runs off its end')
}

const [x64, arm64, i386] = [0xc000003e, 0xc00000b7, 0x40000003]

test('the filter refuses what it names and nothing else', async t => {
  const filter = seccompFilter('x64')!
  for (const number of [101, 165, 161, 248, 250, 272, 308, 321, 323, 425, 427, 442]) t.equal(judge(filter, x64, number), 'refused', String(number))
  for (const number of [0, 1, 2, 9, 56, 57, 59, 60, 102, 162, 257, 318, 424, 435, 439]) t.equal(judge(filter, x64, number), 'allowed', String(number))
  t.equal(judge(filter, x64, 0x40000000 + 1), 'refused', 'the other way to call')
  t.equal(judge(filter, i386, 4), 'refused', 'a program for another machine')
  const other = seccompFilter('arm64')!
  t.same([judge(other, arm64, 97), judge(other, arm64, 442), judge(other, arm64, 63), judge(other, x64, 0)], ['refused', 'refused', 'allowed', 'refused'])
  t.equal(seccompFilter('mips'), undefined)
})

const perl = (): boolean => {
  try {
    return execFileSync('perl', ['-e', 'print 1'], { stdio: 'pipe' }).toString() === '1'
  } catch {
    return false
  }
}
const skipCalls = skip || (process.arch !== 'x64' && 'numbers are those of x64') || (!perl() && 'perl makes the calls')

test('a program in a sandbox is refused such a call by the kernel', { skip: skipCalls }, async t => {
  const scene = createSandboxScene(t)
  const { out } = await scene.run('perl -e \'for (39, 250, 425, 321) { $r = syscall($_, 0, 0, 0); print "$_ ", $r < 0 ? $!+0 : "done", "\\n" }\'')
  t.equal(out, '39 done\n250 1\n425 1\n321 1\n')
})
