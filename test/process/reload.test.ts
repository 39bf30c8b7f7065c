import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { admitted, closeClient, connect, type TestClient } from '../helper.ts'
import { createHome, daemonToken, eventually, runCommand, serve, stop, type Daemon, type Home } from './daemon.ts'

interface Doc { [key: string]: any }

const configOf = (reload: Doc = {}, more: Doc = {}): Doc => ({
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, reload: { debounceMs: 20, ...reload }, ...more.gateway },
  agents: { entries: { main: { name: 'Main' } } },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'gateway'))
})

const save = (home: Home, doc: Doc): void => writeFileSync(home.configPath, JSON.stringify(doc, null, 2), { mode: 0o600 })
const open = async (daemon: Daemon, token = daemonToken): Promise<TestClient> =>
  (await admitted(daemon.url, { auth: { token }, device: false })).client
const readies = (daemon: Daemon): number => daemon.output().match(/\] ready in/g)?.length ?? 0
const statusOf = async (daemon: Daemon, token: string): Promise<number> =>
  (await fetch(`${daemon.http}/tools/invoke`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}' })).status

t.test('what needs no restart takes effect under the feet of clients, and they hear of it', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const client = await open(daemon)
  save(home, configOf({}, { gateway: { controlUi: { allowedOrigins: ['https://ui.example'] } }, tools: { deny: ['exec'] } }))
  const { payload } = await client.event('config.changed')
  t.same(payload.applied.sort(), ['gateway.controlUi.allowedOrigins', 'tools.deny'])
  t.same(payload.pending, [])
  const preflight = { method: 'OPTIONS', headers: { origin: 'https://ui.example', 'access-control-request-method': 'GET' } }
  const answer = await fetch(`${daemon.http}/api/device/nonce`, preflight)
  t.equal(answer.headers.get('access-control-allow-origin'), 'https://ui.example', 'pages of the new origin may ask')
  const got = await client.request('config.get')
  t.match(got.payload, { appliedConfigHash: got.payload.hash, reload: { mode: 'hybrid', watching: true, pending: [] } })
  t.match((await client.request('health')).payload, { configReload: { hotReloadStatus: 'active' } })
  t.equal(readies(daemon), 1)
  await closeClient(client)
  await stop(daemon)
})

t.test('what is wrong is named in the log, to clients and in config.get, and changes nothing', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const client = await open(daemon)
  save(home, configOf({}, { gateway: { port: 'nowhere' }, tools: { deny: ['exec'] } }))
  const { payload } = await client.event('config.changed')
  t.match(payload, { applied: [], refused: /gateway\.port: expected an integer/ })
  t.match(daemon.output(), /config reload skipped \(invalid config: gateway\.port/)
  const got = await client.request('config.get')
  t.match(got.payload, { valid: false, reload: { refused: { reason: /gateway\.port/ } }, config: { tools: {} } })
  t.not(got.payload.appliedConfigHash, got.payload.hash)
  t.match((await client.request('gateway.reload')).error, { message: /gateway\.port/, details: { code: 'CONFIG_INVALID' } })
  const byCommand = await runCommand(t, home, ['gateway', 'reload'], { OPENCLAW_GATEWAY_PORT: String(daemon.port) })
  t.match(byCommand, { code: 1, stderr: /gateway\.port/ })
  save(home, configOf())
  await eventually(async () => (await client.request('config.get')).payload, ({ reload }) => reload.refused === undefined)
  t.notOk((await client.request('config.get')).payload.reload.refused)
  await closeClient(client)
  await stop(daemon)
})

t.test('a key that needs a restart waits for the run that is at work, is named, and the process stays', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const client = await open(daemon)
  const message = `/slow 40\n${'word '.repeat(60)}`
  t.match(await client.request('chat.send', { sessionKey: 'agent:main:long', message, idempotencyKey: 'long' }), { ok: true })
  save(home, configOf({}, { store: { durability: 'process' }, tools: { deny: ['exec'] } }))
  const { payload } = await client.event('config.changed')
  t.same([payload.applied, payload.pending], [['tools.deny'], ['store.durability']])
  t.match((await client.request('agent.wait', { runId: 'long', timeoutMs: 20_000 }, 25_000)).payload, { status: 'ok' }, 'the run comes to its end')
  t.match(await client.event('shutdown', 10_000), { payload: { reason: 'gateway restarting' } })
  t.match(await client.close(), { code: 1012 })
  await daemon.said(/config change requires gateway restart \(store\.durability\)[\s\S]*restarting \(config reload: store\.durability\)[\s\S]*ready in/)
  const again = await open(daemon)
  t.match((await again.request('config.get')).payload, { config: { store: { durability: 'process' } }, reload: { pending: [] } })
  await closeClient(again)
  await stop(daemon)
})

t.test('a restart that is asked for waits for what runs as well, and says what that is', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const client = await open(daemon)
  const message = `/slow 40\n${'word '.repeat(40)}`
  t.match(await client.request('chat.send', { sessionKey: 'agent:main:long', message, idempotencyKey: 'long' }), { ok: true })
  t.match((await client.request('gateway.restart.preflight')).payload, { safe: false, counts: { totalActive: 1 } })
  const { payload } = await client.request('gateway.restart.request', { reason: 'a test' })
  t.match(payload, { ok: true, status: 'scheduled', preflight: { safe: false }, restart: { pid: daemon.pid, coalesced: false } })
  t.match((await client.request('gateway.restart.request', {})).payload, { restart: { coalesced: true } })
  t.match((await client.request('agent.wait', { runId: 'long', timeoutMs: 20_000 }, 25_000)).payload, { status: 'ok' })
  t.match(await client.close(10_000), { code: 1012 })
  await daemon.said(/ready in[\s\S]*ready in/)
  await stop(daemon)
})

t.test('mode hot names what waits; mode off leaves the file alone until somebody asks', async t => {
  const home = createHome(t, configOf({ mode: 'hot' }))
  const daemon = await serve(t, { home })
  const client = await open(daemon)
  save(home, configOf({ mode: 'hot' }, { store: { durability: 'process' } }))
  await daemon.said(/hot mode ignoring \(store\.durability\)/)
  t.match((await client.request('gateway.reload')).payload, { ok: true, mode: 'hot', pending: ['store.durability'], restart: 'needed' })
  save(home, configOf({ mode: 'off' }))
  await eventually(async () => (await client.request('config.get')).payload, ({ reload }) => reload.mode === 'off')
  const off = configOf({ mode: 'off' }, { tools: { deny: ['exec'] } })
  save(home, off)
  t.match((await client.request('config.get')).payload, { reload: { watching: false }, config: { tools: {} } })
  const patched = await client.request('config.patch', {
    raw: '{ session: { scope: "global" } }', baseHash: (await client.request('config.get')).payload.hash
  })
  t.match(patched.payload, { ok: true, changedPaths: ['session.scope'], pending: ['session.scope'] }, 'nor does a write of a program take effect')
  t.same((await client.request('gateway.reload')).payload.applied.sort(), ['session.scope', 'tools.deny'], 'but asked for it does')
  t.equal(readies(daemon), 1)
  await closeClient(client)
  await stop(daemon)
})

t.test('a file that is away in the moment of a restart is no wish for the defaults', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  writeFileSync(home.configPath, '')
  daemon.kill('SIGUSR2')
  await daemon.said(/restart refused, the gateway goes on as it is/)
  t.equal(await statusOf(daemon, 'wrong-token-0123456789abcdef0123456789'), 401)
  save(home, configOf())
  daemon.kill('SIGUSR1')
  await daemon.said(/ready in[\s\S]*ready in/)
  await stop(daemon)
})

t.test('a secret that is rotated counts at every door at once; one that cannot be had leaves all as they are', async t => {
  const ref = (name: string): Doc => ({ source: 'file', provider: 'vault', id: `/${name}` })
  const home = createHome(t)
  const vault = join(home.directory, 'vault.json')
  const keep = (gateway: string, hooks: string): void => {
    writeFileSync(vault, JSON.stringify({ gateway, hooks }), { mode: 0o600 })
    chmodSync(vault, 0o600)
  }
  const [one, two] = ['one-secret-0123456789abcdef01234567', 'two-secret-0123456789abcdef01234567']
  keep(one, 'hook-one-0123456789abcdef')
  save(home, configOf({}, {
    gateway: { auth: { mode: 'token', token: ref('gateway') } },
    secrets: { providers: { vault: { source: 'file', path: vault } } },
    hooks: { enabled: true, token: ref('hooks') }
  }))
  const daemon = await serve(t, { home })
  const hook = async (token: string): Promise<number> => (await fetch(`${daemon.http}/hooks/wake`, {
    method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '{"text":"hello","mode":"next-heartbeat"}'
  })).status
  const shared = await open(daemon, one)
  t.same([await statusOf(daemon, one) === 401, await hook('hook-one-0123456789abcdef')], [false, 200])
  const command = async (): Promise<{ code: number | null, stdout: string, stderr: string }> =>
    await runCommand(t, home, ['secrets', 'reload'], { OPENCLAW_GATEWAY_PORT: String(daemon.port) })

  writeFileSync(vault, '{ "gateway": ')
  t.match(await command(), { code: 1, stderr: /could not be fetched/ })
  t.same([await statusOf(daemon, one) === 401, await hook('hook-one-0123456789abcdef')], [false, 200], 'what was in use goes on')
  t.notOk(shared.closed)

  keep(two, 'hook-two-0123456789abcdef')
  t.same([await statusOf(daemon, two), await hook('hook-two-0123456789abcdef')], [401, 401], 'nothing changes before it is asked for')
  t.match(await command(), { code: 0, stdout: /Secrets reloaded\./ })
  t.match(await shared.close(), { code: 4001 }, 'whoever came in with the old one is out')
  t.same([await statusOf(daemon, one), await hook('hook-one-0123456789abcdef')], [401, 401])
  t.same([await statusOf(daemon, two) === 401, await hook('hook-two-0123456789abcdef')], [false, 200])
  t.match((await connect(daemon.url, { auth: { token: one }, device: false })).response, { ok: false })
  await closeClient(await open(daemon, two))
  t.notMatch(daemon.output(), /(one|two)-secret-/, 'and nobody says them aloud')
  await stop(daemon)
})
