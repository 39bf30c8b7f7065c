/** What somebody sees who looks for what is wrong while a gateway runs. */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { createHome, daemonToken, freePort, runCommand, serve, stop } from '../process/daemon.ts'

const config = { gateway: { mode: 'local', auth: { token: daemonToken } } }

t.test('a credential for another address is not shown to the gateways of this machine, which are met with their own', async t => {
  const home = createHome(t, config)
  const daemon = await serve(t, { home })
  const env = { OPENCLAW_GATEWAY_PORT: String(daemon.port) }
  const elsewhere = `ws://127.0.0.1:${await freePort()}`
  const { code, stdout } = await runCommand(t, home, ['gateway', 'probe', '--url', elsewhere, '--token', 'of-another-gateway-0123456789', '--json'], env)
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    ok: true, primaryTargetId: 'localLoopback', targets: [{ id: 'explicit', connect: { ok: false } }, { id: 'localLoopback', connect: { ok: true } }]
  })
  const refused = await runCommand(t, home, ['gateway', 'probe', '--token', 'a-wrong-token-0123456789abcdef'], env)
  t.equal(refused.code, 1)
  t.match(refused.stdout, /A gateway answered and lets this client not in/)
  t.notMatch(refused.stdout, /No gateway answered/)
  await stop(daemon)
})

t.test('a configuration that cannot be read says what it costs now: nothing that runs, and nothing is known of its secrets', async t => {
  const home = createHome(t, config)
  const daemon = await serve(t, { home })
  writeFileSync(home.configPath, '{ gateway: ')
  const { stdout } = await runCommand(t, home, ['doctor'])
  t.match(stdout, /Secrets: {2}not known while the configuration cannot be read/)
  t.match(stdout, /config\.file: .*the gateway that runs goes on with what it read before/)
  await stop(daemon)
  t.notMatch((await runCommand(t, home, ['doctor'])).stdout, /goes on with/)
})
