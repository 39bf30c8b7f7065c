import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const script = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const nobody = 65534
const isRoot = process.getuid?.() === 0

interface Message {
  ask: string
  refusal?: string
  writable?: boolean
  readable?: string
  acknowledged?: number
  lines?: number
  runs?: number
  written?: number
  notices?: string[]
  after?: string
}

const message = (child: ChildProcess): Promise<Message> => new Promise((resolve, reject) => {
  child.once('message', resolve)
  child.once('exit', (code, signal) => reject(new Error(`ended with ${code ?? signal}`)))
})

/** A directory outside the checkout, which an unprivileged user may not be able to enter. */
function privateDirectory (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'store-refusal-'))
  t.teardown(() => {
    chmodSync(directory, 0o700)
    rmSync(directory, { recursive: true })
  })
  return directory
}

/** Runs the script through one refusal: `limit` makes the disk refuse, `lift` gives room again. */
async function refuseAndRecover (t: Test, child: ChildProcess, limit: () => void, lift: () => void): Promise<void> {
  t.equal((await message(child)).ask, 'limit')
  limit()
  child.send('go')
  const refused = await message(child)
  t.match(refused, { refusal: 'STORE_UNAVAILABLE', writable: false, readable: 'kept' })
  t.equal(refused.acknowledged, refused.written, 'every acknowledged record, and none of the refused')
  t.match(refused, { lines: refused.written! - 1, runs: refused.written! - 1 }, 'and what was committed with them')
  lift()
  child.send('go')
  const ended = once(child, 'exit')
  t.match(await message(child), { ask: 'end', writable: true, after: 'kept too', notices: [/cannot write/, /writes again/] })
  t.strictSame(await ended, [0, null])
}

function hasPrlimit (): boolean {
  try {
    execFileSync('prlimit', ['--version'])
    return true
  } catch {
    return false
  }
}

t.test('when the disk takes no more, changes are refused, reading goes on, and writing returns by itself', {
  skip: hasPrlimit() ? false : 'needs prlimit to limit the size of files'
}, async t => {
  const child = fork(script('store-refusal.ts'), [ownDirectory(t)])
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`])
  await refuseAndRecover(t, child, () => limit('600000'), () => limit('unlimited'))
})

function mayMount (): boolean {
  try {
    execFileSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('a full file system is such a disk', { skip: mayMount() ? false : 'needs the right to mount a small file system' }, async t => {
  const directory = privateDirectory(t)
  const inside = 'mount -t tmpfs -o size=2m,mode=700 none "$1" && head -c 1m /dev/zero > "$1/ballast" && exec "$2" "$3" "$1"'
  const child = fork(script('store-refusal.ts'), [], {
    execPath: 'unshare',
    execArgv: ['--mount', 'sh', '-c', inside, 'sh', directory, process.execPath, script('store-refusal.ts')]
  })
  const insideOf = (path: string) => `/proc/${child.pid}/root${path}`
  await refuseAndRecover(t, child, () => {}, () => rmSync(insideOf(join(directory, 'ballast'))))
})

async function asNobody (t: Test, directory: string, withDamage: boolean): Promise<Message> {
  if (isRoot) for (const name of ['', ...readdirSync(directory)]) chownSync(join(directory, name), nobody, nobody)
  if (withDamage) truncateSync(join(directory, 'state.sqlite'), 0)
  chmodSync(directory, 0o500)
  const child = fork(script('store-read-only-directory.ts'), [directory], {
    cwd: '/',
    // Without what the test runner adds: it writes reports into the checkout.
    env: { PATH: process.env.PATH },
    ...(isRoot ? { uid: nobody, gid: nobody } : {})
  })
  const found = await message(child)
  chmodSync(directory, 0o700)
  child.send('go')
  const ended = once(child, 'exit')
  t.match(await message(child), { ask: 'end', writable: true, after: 'kept too' })
  t.strictSame(await ended, [0, null])
  return found
}

t.test('in a directory that refuses us, reading goes on and writing returns when it lets us again', async t => {
  const directory = privateDirectory(t)
  const store = await createSqliteStore({ stateDir: directory })
  await store.collection('devices').put('before', 'kept')
  await store.close()
  t.match(await asNobody(t, directory, false), { refusal: 'STORE_UNAVAILABLE', writable: false, readable: 'kept' })
})

t.test('a damaged database in such a directory stays where it is, and the last-good copy is read', async t => {
  const directory = privateDirectory(t)
  const store = await createSqliteStore({ stateDir: directory })
  await store.collection('devices').put('before', 'kept')
  await store.close()
  const found = await asNobody(t, directory, true)
  t.match(found, { refusal: 'STORE_UNAVAILABLE', writable: false, readable: 'kept' })
  t.match(found.notices, [/cannot be set aside/])
  t.ok(readdirSync(directory).some(name => name.includes('quarantine')), 'set aside as soon as that was possible')
})
