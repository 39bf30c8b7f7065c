import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { closeClient, connect } from '../fixtures/client.ts'
import { createHome, runCommand, serve, stop } from './daemon.ts'
import { configOf, open, save, statusOf, type Doc } from './reload-scene.ts'

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
