import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { stateLockPath } from '../../src/lib/state-lock.ts'
import { commandsBelow } from '../fixtures/commands-below.ts'
import { admitted, connect, type TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, freePort, getJson, longRun, serve, startDaemon, stop, type Daemon } from './daemon.ts'

const skip = process.platform === 'win32' && 'Windows has no signals'
const configOf = (more: object = {}, rest: object = {}): object =>
  ({ gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, ...more }, ...rest })
const auth = { token: daemonToken }

const clientsOf = (daemon: Daemon, count: number): Promise<TestClient[]> =>
  Promise.all(Array.from({ length: count }, async () => (await admitted(daemon.url, { auth })).client))

const livesOf = (daemon: Daemon): number => daemon.output().match(/\] ready in \d+ ms/g)?.length ?? 0
const lives = (daemon: Daemon, count: number): Promise<number> => eventually(async () => livesOf(daemon), found => found >= count)

async function restart (daemon: Daemon, times: number): Promise<void> {
  for (let round = 0; round < times; round++) {
    const before = livesOf(daemon)
    daemon.kill('SIGUSR2')
    await lives(daemon, before + 1)
  }
}

/** Asks for a lot and reads nothing of it. */
async function hungClient (daemon: Daemon): Promise<TestClient> {
  const { client } = await admitted(daemon.url, { auth })
  client.socket.pause()
  for (let index = 0; index < 100; index++) client.send({ type: 'req', id: `hung-${index}`, method: 'config.schema', params: {} })
  return client
}

t.test('SIGTERM tells fifty clients, waits for none that hangs, and leaves the port free', { skip }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const clients = await clientsOf(daemon, 49)
  await hungClient(daemon)
  const silent = connectTcp(daemon.port, '127.0.0.1')
  await once(silent, 'connect')
  const half = connectTcp(daemon.port, '127.0.0.1')
  half.write('POST /api/device/nonce HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n{')
  for (const socket of [silent, half]) socket.on('error', () => {})
  await sleep(100)

  const { code, signal, stdout } = await stop(daemon)
  t.same({ code, signal }, { code: 0, signal: null })
  const [, tookMs] = /\[shutdown\] completed cleanly in (\d+)ms/.exec(stdout) ?? []
  t.ok(Number(tookMs) < 10_000, `within the budget of drain and reserve: ${tookMs}ms`)
  for (const client of clients) {
    const { payload } = await client.event('shutdown')
    t.same(payload, { reason: 'gateway stopping' })
    t.same(await client.close(), { code: 1012, reason: 'service restart' })
  }
  const again = await serve(t, { home, port: daemon.port })
  t.equal((await stop(again)).code, 0)
})

t.test('a second signal is only noted, whichever it is', { skip }, async t => {
  const daemon = await serve(t, { home: createHome(t, configOf()) })
  await hungClient(daemon)
  daemon.kill('SIGTERM')
  await daemon.said(/received SIGTERM; shutting down/)
  daemon.kill('SIGTERM')
  daemon.kill('SIGINT')
  daemon.kill('SIGUSR2')
  const { code, stdout } = await daemon.exit()
  t.equal(code, 0)
  t.match(stdout, 'received SIGTERM during shutdown; ignoring')
  t.match(stdout, 'received SIGINT during shutdown; ignoring')
  t.match(stdout, 'received SIGUSR2 during shutdown; ignoring')
  t.equal(stdout.match(/shutting down/g)?.length, 1)
})

t.test('while work in flight is waited for, nothing new is taken and every door says so', { skip }, async t => {
  // As long as it takes: what is waited for goes away when everything has been looked at.
  const daemon = await serve(t, { home: createHome(t, configOf({ shutdown: { drainMs: 60_000 } })) })
  const { client } = await admitted(daemon.url, { auth })
  const { client: busy } = await admitted(daemon.url, { auth, scopes: ['operator.read'] })
  const { payload: { requestId } } = await busy.request('device.scopes.requestUpgrade', { scopes: ['operator.admin'] })
  busy.send({ type: 'req', id: 'wait', method: 'device.scopes.waitUpgrade', params: { requestId } })
  await busy.request('health')
  daemon.kill('SIGTERM')
  const draining = await eventually(() => getJson(`${daemon.http}/readyz`), ({ status }) => status === 503)
  t.match(draining.body, { ready: false, failing: ['gateway-draining'] })
  t.equal((await getJson(`${daemon.http}/healthz`)).status, 200, 'it lives')
  t.equal((await getJson(`${daemon.http}/startupz`)).body.status, 'draining')
  t.match(await client.request('system-presence'), { ok: false, error: { code: 'UNAVAILABLE', retryable: true } })
  const { client: late, response } = await connect(daemon.url, { auth })
  t.match(response, { ok: false, error: { code: 'UNAVAILABLE', retryable: true } })
  t.same(await late.close(), { code: 1013, reason: 'gateway restart in progress' })
  busy.socket.terminate()
  t.same(await client.close(), { code: 1012, reason: 'service restart' }, 'it ends when the work does')
  t.equal((await daemon.exit()).code, 0)
})

for (const signal of ['SIGINT', 'SIGHUP'] as const) {
  t.test(`${signal} stops like SIGTERM`, { skip }, async t => {
    const daemon = await serve(t, { home: createHome(t, configOf()) })
    const [client] = await clientsOf(daemon, 1)
    daemon.kill(signal)
    t.same((await client!.event('shutdown')).payload, { reason: 'gateway stopping' })
    t.same(await client!.close(), { code: 1012, reason: 'service restart' })
    const { code, stdout } = await daemon.exit()
    t.equal(code, 0)
    t.match(stdout, `received ${signal}; shutting down`)
  })
}

t.test('a start can be stopped at any moment, and the next one finds nothing in its way', { skip }, async t => {
  const home = createHome(t, configOf())
  const port = await freePort()
  for (let round = 0; round < 8; round++) {
    const daemon = await startDaemon(t, { home, port })
    await sleep(round * 40)
    const { code, signal, stderr } = await stop(daemon)
    t.ok(code === 0 || signal === 'SIGTERM', `after ${round * 40} ms: ${code ?? signal} ${stderr}`)
  }
  await stop(await serve(t, { home, port }))
})

t.test('a start that waits for a program is not waited for', { skip }, async t => {
  const home = createHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: { source: 'exec', provider: 'slow', id: 'x' } } },
    secrets: { providers: { slow: { source: 'exec', command: '/bin/sleep', args: ['20'], timeoutMs: 20_000, noOutputTimeoutMs: 20_000 } } }
  })
  const daemon = await startDaemon(t, { home, env: { SAY: '1' } })
  await eventually(() => commandsBelow(daemon.pid).length > 0)
  const { code, stderr } = await stop(daemon)
  t.equal(code, 0)
  t.match(stderr, 'received SIGTERM; shutting down')
})

t.test('a gateway that is stopped and started again and again binds first try every time', { skip, timeout: longRun ? 600_000 : 120_000 }, async t => {
  const home = createHome(t, configOf())
  const port = await freePort()
  const rounds = longRun ? 100 : 5
  let failures = 0
  for (let round = 0; round < rounds; round++) {
    const daemon = await serve(t, { home, port })
    const clients = await clientsOf(daemon, 3)
    const { code } = await stop(daemon)
    if (code !== 0) failures++
    for (const client of clients) if ((await client.close()).code !== 1012) failures++
  }
  t.equal(failures, 0, `${rounds} rounds`)
})

t.test('SIGUSR2 begins anew in the same process, with the configuration as it is now', { skip }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const { client, hello } = await admitted(daemon.url, { auth })
  const newToken = daemonToken.replace('daemon', 'another')
  writeFileSync(home.configPath, JSON.stringify({ gateway: { mode: 'local', auth: { mode: 'token', token: newToken } } }))
  daemon.kill('SIGUSR2')
  t.same((await client.event('shutdown')).payload, { reason: 'gateway restarting', restartExpectedMs: 1500 })
  t.same(await client.close(), { code: 1012, reason: 'service restart' })
  await lives(daemon, 2)
  const { response } = await connect(daemon.url, { auth: { token: newToken } })
  t.not(response.payload.server.bootId, hello.server.bootId)
  t.match((await connect(daemon.url, { auth })).response, { ok: false, error: { details: { code: 'AUTH_TOKEN_MISMATCH' } } })
  t.match(daemon.output(), 'received SIGUSR2; restarting')
  const { code } = await stop(daemon)
  t.equal(code, 0, 'it is the process that was started')
})

t.test('a paired device gets in again after a restart within the process', { skip }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const device = createDeviceIdentity()
  const { client, hello } = await admitted(daemon.url, { auth, device })
  daemon.kill('SIGUSR2')
  await client.close()
  await lives(daemon, 2)
  const { response } = await connect(daemon.url, { auth: { deviceToken: hello.auth.deviceToken }, device })
  t.ok(response.ok)
  await stop(daemon)
})

t.test('a restart moves to another port when the configuration says so', { skip }, async t => {
  const [before, after] = [await freePort(), await freePort()]
  const home = createHome(t, configOf({ port: before }))
  const daemon = await serve(t, { home, port: false })
  writeFileSync(home.configPath, JSON.stringify(configOf({ port: after })))
  daemon.kill('SIGUSR2')
  await daemon.said(new RegExp(`listening on 127\\.0\\.0\\.1:${after}`))
  t.equal((await getJson(`http://127.0.0.1:${after}/healthz`)).status, 200)
  await t.rejects(getJson(`http://127.0.0.1:${before}/healthz`))
  await stop(daemon)
})

t.test('a restart with a configuration that could not start is refused, and nobody notices', { skip }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth })
  for (const [broken, said] of [
    ['{ gateway: ', /restart refused, the gateway goes on as it is: .*Invalid config at/],
    [JSON.stringify({ gateway: { mode: 'remote' } }), /restart refused.*Gateway start blocked: set gateway\.mode=local/]
  ] as const) {
    writeFileSync(home.configPath, broken)
    daemon.kill('SIGUSR2')
    await daemon.said(said)
    t.ok((await client.request('health')).ok)
  }
  writeFileSync(home.configPath, JSON.stringify(configOf()))
  daemon.kill('SIGUSR2')
  t.same(await client.close(), { code: 1012, reason: 'service restart' })
  await eventually(() => getJson(`${daemon.http}/readyz`).catch(() => ({ status: 0 })), ({ status }) => status === 200)
  t.equal((await stop(daemon)).code, 0)
})

t.test('with commands.restart switched off SIGUSR2 changes nothing', { skip }, async t => {
  const daemon = await serve(t, { home: createHome(t, configOf({}, { commands: { restart: false } })) })
  const { client } = await admitted(daemon.url, { auth })
  daemon.kill('SIGUSR2')
  await daemon.said(/received SIGUSR2; restarts are switched off/)
  t.ok((await client.request('health')).ok)
  t.equal((await stop(daemon)).code, 0)
})

t.test('a stop that comes during a restart ends it', { skip }, async t => {
  const daemon = await serve(t, { home: createHome(t, configOf()) })
  await hungClient(daemon)
  daemon.kill('SIGUSR2')
  await daemon.said(/received SIGUSR2; restarting/)
  daemon.kill('SIGTERM')
  const { code, stdout } = await daemon.exit()
  t.equal(code, 0)
  t.match(stdout, 'received SIGTERM; shutting down')
})

t.test('many restarts leave nothing behind in the process', { skip: process.platform !== 'linux' && 'counts in /proc' }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const open = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length
  await restart(daemon, 2)
  const before = open()
  await restart(daemon, longRun ? 50 : 6)
  // The last sockets of the life before may take a moment.
  t.ok(await eventually(open, count => count <= before + 2), `${before} open files before`)
  t.equal(JSON.parse(readFileSync(stateLockPath(home.stateDir), 'utf8')).pid, daemon.pid)
  const { code, stderr } = await stop(daemon)
  t.equal(code, 0)
  t.notMatch(stderr, /MaxListenersExceeded|Warning/)
})
