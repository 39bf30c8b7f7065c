import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commandsBelow } from '../fixtures/commands-below.ts'
import { admitted, closeClient, connect, TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, getJson, serve, startDaemon, stop, type Home } from './daemon.ts'

const posix = process.platform !== 'win32'
const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }
const auth = { token: daemonToken }

/** A module that the daemon loads first and that makes trouble when the daemon gets SIGWINCH. */
function troubleMaker (home: Home, trouble: string): NodeJS.ProcessEnv {
  const path = join(home.directory, 'trouble.cjs')
  writeFileSync(path, `process.on('SIGWINCH', () => { ${trouble} })`)
  return { NODE_OPTIONS: `--require=${path}` }
}

t.test('a promise that nobody looked after is logged and costs nobody his connection', { skip: !posix && 'sends signals' }, async t => {
  const home = createHome(t, config)
  const daemon = await serve(t, { home, env: troubleMaker(home, 'Promise.reject(new Error("left alone"))') })
  const { client } = await admitted(daemon.url, { auth })
  daemon.kill('SIGWINCH')
  await daemon.said(/a promise was rejected and nobody looked.*left alone/)
  t.ok((await client.request('health')).ok)
  t.equal((await stop(daemon)).code, 0)
})

t.test('after an exception that nobody caught the process ends, says why, and the next start finds nothing in its way', { skip: !posix && 'sends signals' }, async t => {
  const home = createHome(t, config)
  const daemon = await serve(t, { home, env: troubleMaker(home, `throw new Error("out of the blue, with ${daemonToken}")`) })
  daemon.kill('SIGWINCH')
  const { code, stderr } = await daemon.exit()
  t.equal(code, 1)
  t.match(stderr, /uncaught exception; exiting.*out of the blue/)
  t.notMatch(stderr, daemonToken, 'without the secret')
  const [, logFile] = /log file: (.*)/.exec(daemon.output())!
  t.match(readFileSync(logFile!, 'utf8'), 'out of the blue', 'the file has it too')
  t.equal((await stop(await serve(t, { home, port: daemon.port }))).code, 0)
})

t.test('an exception before there is a log is told on stderr', { skip: process.platform !== 'linux' && 'sends signals and reads /proc' }, async t => {
  const home = createHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: { source: 'exec', provider: 'slow', id: 'x' } } },
    secrets: { providers: { slow: { source: 'exec', command: '/bin/sleep', args: ['20'], timeoutMs: 20_000, noOutputTimeoutMs: 20_000 } } }
  })
  const daemon = await startDaemon(t, { home, env: troubleMaker(home, 'throw new Error("out of the blue")') })
  await eventually(() => commandsBelow(daemon.pid).length > 0)
  daemon.kill('SIGWINCH')
  const { code, stderr } = await daemon.exit()
  t.equal(code, 1)
  t.match(stderr, /uncaught exception; exiting\nError: out of the blue/)
})

t.test('with all file handles in use it goes on serving, and takes new clients when some are free again', { skip: !posix && 'needs ulimit' }, async t => {
  const home = createHome(t, config)
  const daemon = await serve(t, { home, within: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] })
  const { client: known } = await admitted(daemon.url, { auth })
  const crowd = Array.from({ length: 100 }, () => new TestClient(daemon.url))
  await eventually(async () => crowd.filter(({ closed, frames }) => closed || frames.length > 0).length, count => count === 100, 30_000)
  t.ok(crowd.filter(({ frames }) => frames.length > 0).length < 100, 'there were more than it could take')
  for (let round = 0; round < 5; round++) t.ok((await known.request('health')).ok)
  for (const client of crowd) client.socket.terminate()
  const answer = await eventually(() => getJson(`${daemon.http}/healthz`).catch(() => ({ status: 0, body: {} })), ({ status }) => status === 200)
  t.equal(answer.status, 200)
  // The places of the crowd come free one by one.
  const { client, response } = await eventually(
    () => connect(daemon.url, { auth }).catch(() => ({ client: undefined, response: undefined })), ({ response }) => response?.ok)
  t.ok(response?.ok)
  t.ok((await client!.request('system-presence')).ok)
  await Promise.all([known, client!].map(closeClient))
  t.equal((await stop(daemon)).code, 0)
})

/** Why no small file system can be had here, or false. */
function missingTmpfs (): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a file system of its own needs Linux and root: run the tests as root on a disposable machine'
  const { status, stderr } = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/mnt'], { encoding: 'utf8' })
  return status === 0 ? false : `mounting is not permitted here (${stderr.trim()}): run with CAP_SYS_ADMIN`
}

/** A home whose state directory is a disk of this size. */
function smallDisk (t: Test, kilobytes: number): { home: Home, fill: () => void, free: () => void } {
  const stateDir = mkdtempSync(join(tmpdir(), 'openclaw-small-disk-'))
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=0700`, 'none', stateDir], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  t.teardown(() => {
    spawnSync('umount', ['-l', stateDir])
    rmSync(stateDir, { recursive: true })
  })
  const configPath = join(stateDir, 'openclaw.json')
  writeFileSync(configPath, JSON.stringify(config))
  const home = createHome(t)
  const ballast = join(stateDir, 'ballast')
  return {
    home: { ...home, stateDir, configPath, env: { ...home.env, OPENCLAW_STATE_DIR: stateDir } },
    free: () => rmSync(ballast),
    fill () {
      const file = openSync(ballast, 'a')
      const block = Buffer.alloc(4096, 1)
      try {
        for (;;) writeSync(file, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        fsyncSync(file)
        closeSync(file)
      }
    }
  }
}

const noDisk = missingTmpfs()

t.test('on a full disk changes are refused and told, everything else goes on, and room is all it takes to recover', { skip: noDisk }, async t => {
  const disk = smallDisk(t, 2048)
  const { home } = disk
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth })
  disk.fill()
  const { response } = await connect(daemon.url, { auth })
  t.match(response, { ok: false, error: { code: 'UNAVAILABLE', retryable: true, details: { code: 'STORE_UNAVAILABLE' } } })
  t.match(await getJson(`${daemon.http}/readyz`), { status: 503, body: { ready: false, failing: ['state-database'] } })
  t.match(await getJson(`${daemon.http}/healthz`), { status: 200, body: { status: 'live' } })
  t.ok((await client.request('health')).ok)
  t.ok((await client.request('device.pair.list')).ok, 'reading goes on')

  disk.free()
  const again = await eventually(() => connect(daemon.url, { auth }), ({ response }) => response.ok === true)
  t.ok(again.response.ok, JSON.stringify(again.response.error))
  t.equal((await getJson(`${daemon.http}/readyz`)).status, 200)
  t.equal((await stop(daemon)).code, 0)
})

t.test('a start on a full disk is refused in a sentence, and works when there is room', { skip: noDisk }, async t => {
  const disk = smallDisk(t, 512)
  const { home } = disk
  disk.fill()
  const { code, stderr } = await (await startDaemon(t, { home })).exit()
  t.equal(code, 1, 'room may come by itself')
  t.match(stderr, /^Gateway failed to start: the state directory .* no space left on the device \(ENOSPC\)\.\nFree some space there/)
  disk.free()
  t.equal((await stop(await serve(t, { home }))).code, 0)
})
