import t from 'tap'
import { closeClient } from '../helper.ts'
import { createHome, eventually, runCommand, serve, stop } from './daemon.ts'
import { configOf, open, readies, save } from './reload-scene.ts'

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

t.test('a restart that keeps its distance from the one before says for how long', async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  daemon.kill('SIGUSR2')
  await daemon.said(/ready in[^]*ready in/)
  const client = await open(daemon)
  save(home, configOf({}, { store: { durability: 'process' } }))
  await daemon.said(/requires gateway restart \(store\.durability\) — deferring until nothing runs, and for \d+ s: the last restart was a moment ago/)
  t.equal(readies(daemon), 2, 'and nothing is begun meanwhile')
  await closeClient(client)
  await stop(daemon)
})
