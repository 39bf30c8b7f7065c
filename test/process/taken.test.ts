import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bootId, processStartTime } from '../../src/lib/process-info.ts'
import { isAlive } from '../fixtures/is-alive.ts'
import { stateLockPath } from '../../src/lib/state-lock.ts'
import { createHome, daemonToken, eventually, freePort, getJson, launcher, refusal, serve, startDaemon, stop, type Home } from './daemon.ts'

const posix = process.platform !== 'win32'
const ipv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))
const linux = process.platform === 'linux'
const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }

/** A stranger in a process of its own that answers HTTP, though not as a gateway. */
async function stranger (t: Test, port: number, code = 'response.end("hello")', host = '127.0.0.1'): Promise<number> {
  const program = `require('http').createServer((request, response) => { ${code} }).listen(${port}, '${host}', () => console.log('here'))`
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  return child.pid!
}

t.test('a port that another gateway has is named with its process, and that gateway does not notice', async t => {
  const first = await serve(t, { home: createHome(t, config, 'first') })
  const home = createHome(t, config, 'second')
  const { code, stderr, stdout } = await refusal(t, { home, port: first.port })
  t.equal(code, 69)
  t.match(stderr, new RegExp(`^Gateway failed to start: another gateway instance is already listening on ws://127\\.0\\.0\\.1:${first.port} \\| ` +
    `listen EADDRINUSE: .*\nIf the gateway is supervised, stop it with: openclaw gateway stop\nPort ${first.port} is already in use\\.\n- pid ${first.pid} `))
  t.equal(stdout, '')
  t.notOk(existsSync(stateLockPath(home.stateDir)), 'nothing is left that could be in the way')
  t.equal((await getJson(`${first.http}/healthz`)).status, 200)
  await stop(first)
})

for (const [title, code] of Object.entries({
  'a port that a stranger has is named with his process': 'response.end("hello")',
  'a stranger who takes requests and never answers does not hold up the refusal': '/* silence */',
  'a stranger whose answer never ends does not either': 'setInterval(() => response.write("x".repeat(1000)), 5)'
})) {
  t.test(title, async t => {
    const port = await freePort()
    const pid = await stranger(t, port, code)
    const { code: exitCode, stderr } = await refusal(t, { home: createHome(t, config), port })
    t.equal(exitCode, 69)
    t.match(stderr, /^Gateway failed to start: another gateway instance is already listening on /)
    t.match(stderr, 'It does not answer as a gateway does')
    t.match(stderr, new RegExp(`^- pid ${pid} `, 'm'))
    t.ok(await isAlive(pid), 'and the stranger was left alone')
  })
}

t.test('a wildcard address that is taken in part is not taken at all', async t => {
  const port = await freePort()
  const pid = await stranger(t, port)
  const { code, stderr } = await refusal(t, { home: createHome(t, config), port, args: ['--bind', 'lan'] })
  t.equal(code, 69)
  t.match(stderr, new RegExp(`^- pid ${pid} `, 'm'))
})

t.test('[::1] is welcome, not needed, and whoever has it is mentioned', { skip: !ipv6 && 'needs IPv6 on loopback' }, async t => {
  const port = await freePort()
  await stranger(t, port, 'response.end("hello")', '::1')
  const daemon = await serve(t, { home: createHome(t, config), port })
  t.match(daemon.output(), `[::1]:${port} belongs to another process`)
  t.match(daemon.output(), `listening on 127.0.0.1:${port} (bind=loopback`)
  await stop(daemon)
})

/** The median of how long a command runs. */
function medianMs (times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1]!
}

t.test('a taken port is found out before any package is loaded, in a small multiple of what Node itself takes to start', async t => {
  const port = await freePort()
  await stranger(t, port)
  const home = createHome(t, config)
  const probe = join(home.directory, 'probe.cjs')
  const list = join(home.directory, 'loaded.json')
  writeFileSync(probe, `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache))))`)
  const packages = (): string[] => (JSON.parse(readFileSync(list, 'utf8')) as string[]).filter(path => path.includes('node_modules'))

  t.equal((await refusal(t, { home, port, env: { NODE_OPTIONS: `--require=${probe}` } })).code, 69)
  t.same(packages(), [])
  await stop(await serve(t, { home, env: { NODE_OPTIONS: `--require=${probe}` } }))
  t.ok(packages().some(path => path.includes('fastify')), 'the probe sees what a gateway loads')

  const bare: number[] = []
  const refused: number[] = []
  const time = (args: string[]): number => {
    const startedAt = performance.now()
    spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], { env: home.env })
    return performance.now() - startedAt
  }
  for (let round = 0; round < 3; round++) {
    bare.push(time(['-e', '0']))
    refused.push(time([launcher, 'gateway', 'run', '--port', String(port)]))
  }
  const ratio = medianMs(refused) / medianMs(bare)
  t.comment(`refused after ${ratio.toFixed(1)} bare starts of Node`)
  t.ok(ratio < 16, `${ratio}`)
})

t.test('a state directory has one gateway, and the second one is told which', async t => {
  const home = createHome(t, config)
  const first = await serve(t, { home })
  for (const env of [{}, { OPENCLAW_ALLOW_MULTI_GATEWAY: '1' }]) {
    const { code, stderr } = await refusal(t, { home, env })
    t.equal(code, 69)
    t.match(stderr, new RegExp(`^Gateway failed to start: gateway already running \\(pid ${first.pid}, port ${first.port}\\)`))
    t.match(stderr, 'OPENCLAW_STATE_DIR')
  }
  t.equal((await getJson(`${first.http}/readyz`)).status, 200)
  await stop(first)
})

t.test('two gateways with one configuration and a state directory each live side by side', async t => {
  const shared = createHome(t, config, 'shared')
  const homes = ['one', 'two'].map(name => createHome(t, undefined, name))
  const daemons = await Promise.all(homes.map(home => serve(t, { home, env: { OPENCLAW_CONFIG_PATH: shared.configPath } })))
  for (const { http } of daemons) t.equal((await getJson(`${http}/readyz`)).status, 200)
  await Promise.all(daemons.map(stop))
})

t.test('of many that start at once in one state directory one serves and all others are told who', async t => {
  const home = createHome(t, config)
  const all = await Promise.all(Array.from({ length: 6 }, () => startDaemon(t, { home })))
  const outcomes = await Promise.all(all.map(daemon => Promise.race([daemon.ready(), daemon.exit()])))
  const running = outcomes.filter(outcome => 'pid' in outcome)
  t.equal(running.length, 1)
  for (const outcome of outcomes) if ('code' in outcome) t.equal(outcome.code, 69, outcome.stderr)
  await Promise.all(all.map(stop))
})

async function leftBehind (home: Home, text: string): Promise<void> {
  const path = stateLockPath(home.stateDir)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

t.test('a lock that nobody alive stands for is never in the way', { skip: !linux && 'makes its owners from /proc' }, async t => {
  const zombie = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { zombie.kill('SIGKILL') })
  const zombiePid = Number(String((await once(zombie.stdout, 'data'))[0]).trim())
  const boot = await bootId()
  const start = await processStartTime(process.pid)
  const owner = { pid: process.pid, ownerId: 'x', createdAt: new Date().toISOString(), port: 18_789, startTime: start, bootId: boot }
  // One of each kind; test/lib/state-lock.test.ts has them all.
  const leftovers: { readonly [what: string]: string } = {
    'half of a file': JSON.stringify(owner).slice(0, 40),
    'a pid that another process has now': JSON.stringify({ ...owner, startTime: start! - 1 }),
    'a zombie': JSON.stringify({ ...owner, pid: zombiePid, startTime: undefined })
  }
  for (const [what, text] of Object.entries(leftovers)) {
    const home = createHome(t, config, what.replaceAll(' ', '-'))
    await leftBehind(home, text)
    const daemon = await serve(t, { home })
    t.equal(JSON.parse(readFileSync(stateLockPath(home.stateDir), 'utf8')).pid, daemon.pid, what)
    t.equal((await stop(daemon)).code, 0)
  }
})

t.test('a lock of the existing gateway counts while its process lives', { skip: !linux && 'makes its owner from /proc' }, async t => {
  const home = createHome(t, config)
  await leftBehind(home, JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), port: 18_789, startTime: await processStartTime(process.pid) }))
  const { code, stderr } = await refusal(t, { home })
  t.equal(code, 69)
  t.match(stderr, `gateway already running (pid ${process.pid}, port 18789)`)
})

t.test('--force ends a stranger and takes the port', { skip: !posix && 'sends signals' }, async t => {
  const port = await freePort()
  const pid = await stranger(t, port)
  const daemon = await serve(t, { home: createHome(t, config), port, args: ['--force'] })
  t.match(daemon.output(), new RegExp(`force: killed pid ${pid} .* on port ${port}`))
  t.match(daemon.output(), new RegExp(`force: waited \\d+ms for port ${port} to free`))
  t.notOk(await eventually(() => isAlive(pid), alive => !alive))
  await stop(daemon)
})

t.test('--force with nothing on the port is an ordinary start', async t => {
  const daemon = await serve(t, { home: createHome(t, config), args: ['--force'] })
  t.notMatch(daemon.output(), 'force:')
  await stop(daemon)
})

t.test('--force leaves alone who listens on the same port of another address', { skip: !linux && 'needs more than one loopback address' }, async t => {
  const port = await freePort()
  const pid = await stranger(t, port, 'response.end("hello")', '127.0.0.2')
  await stop(await serve(t, { home: createHome(t, config), port, args: ['--force'] }))
  t.ok(await isAlive(pid))
})

t.test('--force never ends anybody before the start is known to be allowed', { skip: !posix && 'sends signals' }, async t => {
  const port = await freePort()
  const pid = await stranger(t, port)
  const { code } = await refusal(t, { home: createHome(t, {}), port, args: ['--force'] })
  t.equal(code, 78)
  t.ok(await isAlive(pid))
})

t.test('--force from a script leaves a healthy gateway alone', { skip: !posix && 'sends signals' }, async t => {
  const first = await serve(t, { home: createHome(t, config, 'first') })
  const { code, stderr } = await refusal(t, { home: createHome(t, config, 'second'), port: first.port, args: ['--force'] })
  t.equal(code, 1)
  t.match(stderr, new RegExp(`^Could not free port ${first.port}: a healthy gateway is listening there \\(pid ${first.pid}\\)`))
  t.equal((await getJson(`${first.http}/readyz`)).status, 200)
  await stop(first)
})

const pty = posix && spawnSync('script', ['--version']).status === 0

t.test('--force at a terminal replaces the gateway that has port and state directory', { skip: !pty && 'needs script(1) of util-linux for a terminal' }, async t => {
  const home = createHome(t, config)
  const first = await serve(t, { home })
  const words = ['env', '-u', 'NODE_OPTIONS', process.execPath, launcher, 'gateway', 'run', '--port', String(first.port), '--force']
  const terminal = spawn('script', ['-qec', words.map(word => `'${word}'`).join(' '), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: home.env })
  t.teardown(() => { terminal.kill('SIGKILL') })
  let output = ''
  terminal.stdout.on('data', chunk => { output += String(chunk) })
  const exit = await first.exit()
  const lock = await untilLocked(home, first.pid)
  // What the terminal shows comes through a process of its own, and may come later than the lock.
  const ended = once(terminal, 'close')
  process.kill(lock, 'SIGTERM')
  await ended
  t.match(output, `force: killed pid ${first.pid}`)
  // A busy machine may take longer over an orderly end than --force waits for.
  t.ok(exit.code === 0 || output.includes('escalated to SIGKILL'), 'it was asked to go, and went in order')
})

/** The pid of the gateway that has the state directory now, when it is another one. */
async function untilLocked (home: Home, before: number): Promise<number> {
  for (;;) {
    try {
      const { pid } = JSON.parse(readFileSync(stateLockPath(home.stateDir), 'utf8')) as { pid: number }
      if (pid !== before) return pid
    } catch { /* between two owners */ }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

t.test('a listener that ignores SIGTERM is killed by --force', { skip: !posix && 'sends signals' }, async t => {
  const port = await freePort()
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e',
    `process.on('SIGTERM', () => {}); require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('here'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child.stdout, 'data')
  const daemon = await serve(t, { home: createHome(t, config), port, args: ['--force'] })
  t.match(daemon.output(), `force: escalated to SIGKILL while freeing port ${port}`)
  await stop(daemon)
})
