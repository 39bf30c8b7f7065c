import { writeFileSync } from 'node:fs'
import t from 'tap'
import { closeClient } from '../fixtures/client.ts'
import { createHome, runCommand, serve, stop } from './daemon.ts'
import { configOf, open, save, statusOf } from './reload-scene.ts'

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

t.test('the command asks the gateway of its own state directory, whatever is installed for others', { skip: process.platform === 'win32' && 'needs signals' }, async t => {
  const home = createHome(t, configOf())
  const daemon = await serve(t, { home })
  const port = { OPENCLAW_GATEWAY_PORT: '1' }
  const safe = await runCommand(t, home, ['gateway', 'restart', '--safe', '--json'], port)
  t.same([safe.code, JSON.parse(safe.stdout).result], [0, 'scheduled'], safe.stderr)
  await daemon.said(/restarting \(openclaw gateway restart --safe\)[\s\S]*ready in/)
  t.match(await runCommand(t, home, ['gateway', 'restart', '--safe']), { code: 0, stdout: /as soon as it has finished what runs, and not before \d+ s have passed/ })
  t.match(await runCommand(t, home, ['gateway', 'restart', '--safe', '--skip-deferral']), { code: 0, stdout: /now, whatever runs\./ }, 'whoever is in a hurry does not wait for those who are not')
  await daemon.said(/(?:ready in[\s\S]*){3}/, 10_000)
  t.match(await runCommand(t, home, ['gateway', 'restart']), { code: 0, stdout: new RegExp(`foreground process on port ${daemon.port}: ${daemon.pid}`) })
  await daemon.said(/SIGUSR2[\s\S]*ready in/)
  await stop(daemon)
  t.match(await runCommand(t, home, ['gateway', 'restart', '--safe'], port), { code: 1, stderr: /not reachable/ })
  t.match(await runCommand(t, home, ['gateway', 'restart']), { code: 1, stderr: /service management skipped/ }, 'the service of another state directory is not touched')
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
