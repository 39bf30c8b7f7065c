import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { bootId, processStartTime } from '../../src/lib/process-info.ts'
import { acquireStateLock, findLockOwner, LockHeldError, stateLockPath } from '../../src/lib/state-lock.ts'
import { eventually } from '../fixtures/eventually.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const holder = fileURLToPath(new URL('../fixtures/hold-state-lock.ts', import.meta.url))
const onLinux = process.platform === 'linux'

interface Holder {
  readonly child: ChildProcess
  readonly said: { held: boolean, refused?: boolean, pid: number, port?: number }
}

async function startHolder (t: Test, stateDir: string, wrapper: readonly string[] = []): Promise<Holder> {
  const { child, lines } = spawnHolder(t, stateDir, wrapper)
  return { child, said: JSON.parse(await line(lines)) }
}

const line = async (lines: Interface): Promise<string> => (await once(lines, 'line'))[0]

function spawnHolder (t: Test, stateDir: string, wrapper: readonly string[] = [], more: readonly string[] = []): { child: ChildProcess, lines: Interface } {
  const [file, ...args] = [...wrapper, process.execPath, '--disable-warning=ExperimentalWarning', holder, stateDir, ...more]
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  return { child, lines: createInterface(child.stdout!) }
}

/** Starts so many, and lets them reach for the lock on the same millisecond once all of them are there. */
async function startTogether (t: Test, stateDir: string, count: number): Promise<Holder[]> {
  const starters = Array.from({ length: count }, () => spawnHolder(t, stateDir, [], ['together']))
  await Promise.all(starters.map(({ lines }) => line(lines)))
  const said = starters.map(({ lines }) => line(lines))
  const startAtMs = Date.now() + 100
  for (const { child } of starters) child.stdin!.write(`${startAtMs}\n`)
  return await Promise.all(starters.map(async ({ child }, index) => ({ child, said: JSON.parse(await said[index]!) })))
}

const acquire = (stateDir: string) => acquireStateLock({ stateDir, configPath: '/etc/openclaw.json', port: 4712, now: Date.now })

const leaveLockFile = (stateDir: string, text: string): void => {
  mkdirSync(dirname(stateLockPath(stateDir)), { recursive: true })
  writeFileSync(stateLockPath(stateDir), text)
}

const ended = async (child: ChildProcess): Promise<void> => { if (child.exitCode === null && child.signalCode === null) await once(child, 'exit') }

t.test('the lock file names its owner and is readable by nobody else', async t => {
  const stateDir = join(ownDirectory(t), 'state')
  const before = process.umask(0)
  const lock = await acquire(stateDir)
  process.umask(before)
  t.teardown(lock.release)
  const payload = JSON.parse(readFileSync(lock.path, 'utf8'))
  t.match(payload, { pid: process.pid, port: 4712, stateDir, configPath: '/etc/openclaw.json', startTime: Number, ownerId: /^[0-9a-f-]{36}$/ })
  t.ok(Date.parse(payload.createdAt) <= Date.now(), 'createdAt is a time')
  t.equal(statSync(lock.path).mode & 0o777, 0o600)
  t.equal(statSync(join(stateDir, 'tmp', 'gateway.kernel.lock')).mode & 0o777, 0o600)
  t.same(readdirSync(join(stateDir, 'tmp')).sort(), ['gateway.kernel.lock', basename(dirname(lock.path))], 'and nothing else is left around')
  for (const directory of [stateDir, dirname(lock.path)]) t.equal(statSync(directory).mode & 0o777, 0o700)
})

t.test('a second gateway is refused with the owner named', async t => {
  const stateDir = ownDirectory(t)
  const first = await startHolder(t, stateDir)
  t.ok(first.said.held)
  const second = await startHolder(t, stateDir)
  t.match(second.said, { held: false, refused: true, pid: first.child.pid, port: 4711, path: stateLockPath(stateDir) })
  t.match(await findLockOwner(stateDir), { pid: first.child.pid, port: 4711, startedAt: /^\d{4}-/ })
  await t.rejects(acquire(stateDir), { name: 'LockHeldError', message: `gateway already running (pid ${first.child.pid}` })
})

t.test('two gateways in one process cannot share a state directory, and the refusal leaves the first lock whole', async t => {
  const stateDir = ownDirectory(t)
  const lock = await acquire(stateDir)
  t.teardown(lock.release)
  await t.rejects(acquire(stateDir), LockHeldError)
  t.notOk((await startHolder(t, stateDir)).said.held, 'another process is still refused')
})

t.test('release lets the next one in, and twice is safe', async t => {
  const stateDir = ownDirectory(t)
  const first = await acquire(stateDir)
  first.release()
  t.notOk(existsSync(first.path))
  const second = await acquire(stateDir)
  first.release()
  t.equal((await findLockOwner(stateDir))?.pid, process.pid, 'a late release does not take the lock of the successor')
  second.release()
  t.equal(await findLockOwner(stateDir), undefined)
})

t.test('a clean exit removes the lock file', async t => {
  const stateDir = ownDirectory(t)
  const { child } = await startHolder(t, stateDir)
  child.stdin!.end()
  await ended(child)
  t.notOk(existsSync(stateLockPath(stateDir)))
})

t.test('kill -9 never blocks the next start', async t => {
  const stateDir = ownDirectory(t)
  for (let round = 0; round < 5; round++) {
    const { child, said } = await startHolder(t, stateDir)
    t.ok(said.held, `round ${round}`)
    child.kill('SIGKILL')
    await ended(child)
    t.ok(existsSync(stateLockPath(stateDir)), 'the dead owner left its file')
  }
  const lock = await acquire(stateDir)
  lock.release()
})

t.test('of many that start at once exactly one wins, also over a dead owner', async t => {
  const stateDir = ownDirectory(t)
  leaveLockFile(stateDir, JSON.stringify({ pid: 2 ** 22, startTime: 1, createdAt: new Date(0).toISOString() }))
  const starters = await startTogether(t, stateDir, 8)
  const winners = starters.filter(({ said }) => said.held)
  t.equal(winners.length, 1)
  for (const { said } of starters.filter(({ said }) => !said.held)) t.match(said, { refused: true, pid: winners[0]!.child.pid })
})

t.test('a lock file whose owner is proven alive counts even without the kernel lock', async t => {
  const stateDir = ownDirectory(t)
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.teardown(() => { other.kill('SIGKILL') })
  leaveLockFile(stateDir, JSON.stringify({ pid: other.pid, startTime: await processStartTime(other.pid!), port: 18789 }))
  t.match(await acquire(stateDir).catch((error: unknown) => error), { name: 'LockHeldError', pid: other.pid, port: 18789 })
  t.match(JSON.parse(readFileSync(stateLockPath(stateDir), 'utf8')), { pid: other.pid }, 'its file is untouched')
})

t.test('a dead owner is not in the way', async t => {
  const living = { pid: process.pid, startTime: await processStartTime(process.pid), bootId: await bootId() }
  const remains: Array<[why: string, payload: object]> = [
    ['the pid belongs to a process that started at another time', { ...living, startTime: living.startTime! - 1 }],
    ['without a start time, the command of the pid is no gateway', { pid: sleeper(t) }],
    ['no process has the pid', { pid: 2 ** 22 }],
    ['the pid is no pid', { ...living, pid: 1.5 }]
  ]
  if (onLinux) remains.push(['the machine has booted since', { ...living, bootId: 'another' }])
  for (const [why, payload] of remains) {
    const stateDir = ownDirectory(t)
    leaveLockFile(stateDir, JSON.stringify(payload))
    const lock = await acquire(stateDir)
    t.equal((await findLockOwner(stateDir))?.pid, process.pid, why)
    lock.release()
  }
})

function sleeper (t: Test): number {
  const child = spawn('sleep', ['60'])
  t.teardown(() => { child.kill('SIGKILL') })
  return child.pid!
}

t.test('a zombie owner is not in the way', { skip: !onLinux && 'reads /proc' }, async t => {
  // The shell becomes a sleep that never collects the child which the shell started.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'])
  t.teardown(() => { parent.kill('SIGKILL') })
  const [line] = await once(createInterface(parent.stdout), 'line') as [string]
  const isZombie = () => /\) Z /.test(readFileSync(`/proc/${line}/stat`, 'utf8'))
  while (!isZombie()) await new Promise(resolve => setTimeout(resolve, 10))
  const startTime = Number(readFileSync(`/proc/${line}/stat`, 'utf8').split(' ')[21])
  const stateDir = ownDirectory(t)
  leaveLockFile(stateDir, JSON.stringify({ pid: Number(line), startTime }))
  const lock = await acquire(stateDir)
  t.ok(isZombie(), 'the zombie was there all the time')
  lock.release()
})

t.test('an empty, truncated or foreign lock file is set aside and not in the way', async t => {
  for (const text of ['', '{"pid":12', 'null', '[]', '"text"', '\0\0\0\0']) {
    const stateDir = ownDirectory(t)
    leaveLockFile(stateDir, text)
    const lock = await acquire(stateDir)
    t.equal(readFileSync(`${lock.path}.unreadable`, 'utf8'), text, JSON.stringify(text))
    lock.release()
  }
})

t.test('junk in the file under the kernel lock is set aside and not in the way', async t => {
  const stateDir = ownDirectory(t, { tmp: { 'gateway.kernel.lock': 'x'.repeat(5000) } })
  const lock = await acquire(stateDir)
  t.teardown(lock.release)
  t.notOk((await startHolder(t, stateDir)).said.held)
  t.ok(readdirSync(join(stateDir, 'tmp')).includes('gateway.kernel.lock.unreadable'))
})

t.test('a state directory that cannot be written is an error of its own', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, async t => {
  const stateDir = ownDirectory(t)
  chmodSync(stateDir, 0o500)
  t.teardown(() => { chmodSync(stateDir, 0o700) })
  await t.rejects(acquire(stateDir), { code: 'EACCES' })
})

const mayUnshare = onLinux && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0
t.test('an owner in another container on the same volume is seen, and gone when it is killed', { skip: !mayUnshare && 'needs unshare --pid' }, async t => {
  const stateDir = ownDirectory(t)
  const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
  const first = await startHolder(t, stateDir, container)
  t.match(first.said, { held: true, pid: 1 })
  const second = await startHolder(t, stateDir, container)
  t.match(second.said, { held: false, port: 4711 }, 'although its pid 1 is another one')
  first.child.kill('SIGKILL')
  await ended(first.child)
  // What held the lock ends a moment after the program that it ran under.
  const next = await eventually(() => startHolder(t, stateDir, container), ({ said }) => said.held)
  t.match(next.said, { held: true, pid: 1 })
})
