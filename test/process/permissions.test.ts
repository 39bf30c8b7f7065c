import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createHome, daemonToken, launcher, refusal, serve, stop, type Exit, type Home } from './daemon.ts'

const nobody = 65_534
const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }

/** Why nobody's rights cannot be tried here, or false. */
function missingNobody (): string | false {
  if (process.getuid?.() !== 0) return 'becoming another user needs root: run the tests as root on a disposable machine'
  const { status, error } = spawnSync(process.execPath, [launcher, '--version'], { uid: nobody, gid: nobody, env: { PATH: process.env.PATH, HOME: '/' } })
  return status === 0 ? false : `the checkout cannot be read by other users (${error?.message ?? `exit ${status}`}): make its directories 755`
}

const skip = missingNobody()
const asNobody = { uid: nobody, gid: nobody }

function ownedByNobody (home: Home): Home {
  for (const path of [home.directory, ...readdirSync(home.directory, { recursive: true, encoding: 'utf8' }).map(name => join(home.directory, name))]) {
    chownSync(path, nobody, nobody)
  }
  return home
}

const start = (t: Test, home: Home, more: object = {}): Promise<Exit> => refusal(t, { home, spawn: asNobody, ...more })

/** One clear sentence with what to do, and the code that tells a supervisor whether trying again is of any use. */
function isClear (t: Test, { code, signal, stderr, stdout }: Exit, expected: number, sentence: RegExp): void {
  t.same({ code, signal }, { code: expected, signal: null }, stderr)
  t.match(stderr, sentence)
  t.equal(stderr.trim().split('\n').length, 2, 'what is wrong and what to do')
  t.notMatch(stderr, /\n\s+at /)
  t.equal(stdout, '')
}

t.test('a user who owns his home is all it takes', { skip }, async t => {
  const home = ownedByNobody(createHome(t, config))
  const daemon = await serve(t, { home, spawn: asNobody })
  t.equal((await stop(daemon)).code, 0)
})

t.test('a configuration that may not be read is not taken for one that is missing', { skip }, async t => {
  const home = ownedByNobody(createHome(t, config))
  chownSync(home.configPath, 0, 0)
  chmodSync(home.configPath, 0o600)
  const { code, stderr } = await start(t, home)
  t.equal(code, 78)
  t.match(stderr, /^Gateway failed to start: Invalid config at .*:\nopenclaw\.json — cannot be read \(EACCES\)/)
  t.notOk(existsSync(join(home.stateDir, 'gateway.token')), 'and no token is made up')
})

t.test('a state directory that cannot be written is named with its user', { skip }, async t => {
  const home = ownedByNobody(createHome(t, config))
  chownSync(home.stateDir, 0, 0)
  chmodSync(home.stateDir, 0o755)
  chmodSync(home.configPath, 0o644)
  isClear(t, await start(t, home), 78, /^Gateway failed to start: the state directory .* cannot be used by this user \(EACCES\)\.\nGive it to nobody \(chown/)
})

t.test('a state directory that cannot be made is named too', { skip }, async t => {
  const home = ownedByNobody(createHome(t))
  chownSync(home.directory, 0, 0)
  chmodSync(home.directory, 0o755)
  const stateDir = join(home.directory, 'missing', 'state')
  isClear(t, await start(t, home, { env: { OPENCLAW_STATE_DIR: stateDir } }), 78, /^Gateway failed to start: the state directory .*missing.* cannot be used by this user \(EACCES\)/)
})

for (const left of ['tmp', 'gateway.token']) {
  t.test(`what root left behind in ${left} is named, not worked around`, { skip }, async t => {
    const home = createHome(t)
    await stop(await serve(t, { home }))
    ownedByNobody(home)
    chownSync(join(home.stateDir, left), 0, 0)
    const pattern = new RegExp(`^Gateway failed to start: the state directory .* \\(.*/${left}.*\\) cannot be used by this user \\(EACCES\\)`)
    isClear(t, await start(t, home), 78, pattern)
  })
}

t.test('a port that only root may open is named, and another one is proposed', { skip: skip || privilegedPorts() }, async t => {
  const home = ownedByNobody(createHome(t, config))
  isClear(t, await start(t, home, { port: 90 }), 78, /^Gateway failed to start: user nobody may not listen on 127\.0\.0\.1:90 \(EACCES\)\.\nChoose a port from 1024 up/)
})

function privilegedPorts (): string | false {
  const file = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
  const first = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 1024
  return first > 90 ? false : `here everybody may open port 90 (net.ipv4.ip_unprivileged_port_start is ${first})`
}

t.test('a state directory that is a file is no state directory', async t => {
  const home = createHome(t)
  const file = join(home.directory, 'a-file')
  writeFileSync(file, 'text')
  const outcome = await refusal(t, { home, env: { OPENCLAW_STATE_DIR: file } })
  isClear(t, outcome, 78, /^Gateway failed to start: the state directory .*a-file is not a directory \((EEXIST|ENOTDIR)\)/)
  t.equal(readFileSync(file, 'utf8'), 'text')
})

t.test('a configuration that is a directory is refused as one', async t => {
  const home = createHome(t)
  mkdirSync(home.configPath)
  const { code, stderr } = await refusal(t, { home })
  t.equal(code, 78)
  t.match(stderr, /^Gateway failed to start: Invalid config at .*:\nopenclaw\.json — /)
})
