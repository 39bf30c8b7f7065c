import t from 'tap'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectGateway, isClientError } from '../../src/cli/gateway-client.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const working = { gateway: { mode: 'local', auth: { token } } }
/** Nobody is paired by himself, not even from this machine. */
const strict = { gateway: { ...working.gateway, nodes: { pairing: { autoApproveLocal: false } } } }

const cliOf = ({ env }: Home) => (...argv: string[]) => runCli(argv, { env })

/** A device that knocks; resolves to the id of the request that it left. */
async function knock (home: Home, displayName: string): Promise<string> {
  try {
    const client = await connectGateway({
      url: `ws://127.0.0.1:${home.port}`,
      client: { id: 'cli', mode: 'cli', version: '1', displayName },
      auth: { token },
      identity: createDeviceIdentity(),
      scopes: ['operator.read'],
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000
    })
    await client.close()
  } catch (error) {
    if (isClientError(error)) return String(error.details['requestId'])
    throw error
  }
  throw new Error('it was let in at once')
}

t.test('the person at the machine can always approve, even when nothing is paired and nobody may pair by himself', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const requestId = await knock(home, 'Kitchen tablet')
  t.match(await cli('status', '--json').then(run => run.json()), { gateway: { reachable: false, errorCode: 'PAIRING_REQUIRED' } })
  const list = (await cli('devices', 'list', '--json')).json()
  t.same(list.pending.map((device: { displayName: string }) => device.displayName).includes('Kitchen tablet'), true)
  const preview = await cli('devices', 'approve')
  t.equal(preview.code, 1, 'nothing is approved without its id')
  t.match(preview.err, /To approve it: openclaw devices approve [0-9a-f-]{36}/)
  const approved = await cli('devices', 'approve', requestId, '--json')
  t.equal(approved.code, 0)
  t.match(approved.json(), { requestId, device: { displayName: 'Kitchen tablet', roles: ['operator'], scopes: ['operator.read'] } })
  t.match(await cli('devices', 'approve', requestId), { code: 1, err: /unknown requestId/ })
  const own = list.pending.find((device: { displayName: string }) => device.displayName !== 'Kitchen tablet')
  t.match(await cli('devices', 'approve', own.requestId), { code: 0, out: /^Approved .* as operator with operator\.admin/ })
  t.match((await cli('status', '--json')).json(), { gateway: { reachable: true, capability: 'admin_capable' } })
})

t.test('without the credential of its user the command line has no such right', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const requestId = await knock(home, 'Stranger')
  rmSync(join(home.stateDir, 'admin.token'))
  t.match((await cliOf(home)('devices', 'approve', requestId, '--json')).json(), { ok: false, error: { code: 'NOT_PAIRED' } })
  writeFileSync(join(home.stateDir, 'admin.token'), 'guessed')
  t.equal((await cliOf(home)('devices', 'approve', requestId)).code, 1)
})

t.test('devices are rejected, renamed, narrowed, revoked and removed', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const rejected = await knock(home, 'Not this one')
  t.match(await cli('devices', 'reject', rejected), { code: 0, out: /^Rejected the request of [0-9a-f]{64}/ })
  const requestId = await knock(home, 'Tablet')
  const { device: { deviceId } } = (await cli('devices', 'approve', requestId, '--json')).json()
  t.match(await cli('devices', 'rename', '--device', deviceId, '--name', 'Kitchen'), { code: 0, out: /"Kitchen"/ })
  t.match((await cli('devices', 'list')).out, /Paired \(1\)\nDevice +Device ID.*\nKitchen +[0-9a-f]{12}/)
  const rotated = await cli('devices', 'rotate', '--device', deviceId, '--role', 'operator', '--json')
  t.match(rotated.json(), { deviceId, role: 'operator', scopes: ['operator.read'], tokenDelivery: 'withheld-cross-device' })
  t.notOk('token' in rotated.json())
  t.match(await cli('devices', 'revoke', '--device', deviceId, '--role', 'operator'), { code: 0, out: /^Revoked/ })
  t.match((await cli('devices', 'list')).out, /operator \(revoked\)/)
  t.match(await cli('devices', 'remove', deviceId), { code: 0, out: `Removed ${deviceId}.\n` })
  t.match(await cli('devices', 'remove', deviceId), { code: 1 })
  t.match(await cli('devices', 'rotate', '--role', 'operator'), { code: 1, err: /--device is missing/ })
})

t.test('clearing all devices needs a second word and begins anew', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const first = await knock(home, 'One')
  await cli('devices', 'approve', first)
  await knock(home, 'Two')
  t.match(await cli('devices', 'clear'), { code: 1, err: /Repeat the command with --yes/ })
  t.match((await cli('devices', 'clear', '--yes', '--pending', '--json')).json(), { ok: true, removed: { length: 1 } })
  t.match((await cli('devices', 'list', '--json')).json(), { paired: [] })
})

t.test('once paired, the command line gets in without the shared secret', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.equal((await cli('gateway', 'call', 'status')).code, 0)
  const withoutSecret = { gateway: { mode: 'local' }, logging: { file: home.logFile } }
  writeFileSync(join(home.stateDir, 'openclaw.json'), JSON.stringify(withoutSecret))
  t.match((await cli('status', '--json')).json(), { gateway: { reachable: true, capability: 'admin_capable' } })
  const stale = await runCli(['gateway', 'call', 'status'], { env: { ...home.env, OPENCLAW_GATEWAY_TOKEN: 'rotated-away' } })
  t.equal(stale.code, 0, 'nor does a secret that was rotated away keep it out')
})

t.test('what ends its own connection is answered first, and a new token is kept', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const { paired: [own] } = (await cli('devices', 'list', '--json')).json()
  t.match(await cli('devices', 'rotate', '--device', own.deviceId, '--role', 'operator'), { code: 0, out: /^Rotated the operator token/ })
  writeFileSync(join(home.stateDir, 'openclaw.json'), JSON.stringify({ gateway: { mode: 'local' }, logging: { file: home.logFile } }))
  const overItsToken = await cli('devices', 'rotate', '--device', own.deviceId, '--role', 'operator', '--json')
  t.match(overItsToken.json(), { tokenDelivery: 'in-band' })
  t.notOk('token' in overItsToken.json(), 'it is kept, not shown')
  t.equal((await cli('gateway', 'call', 'status')).code, 0)
  t.match(await cli('devices', 'clear', '--yes'), { code: 0, out: 'Removed 1 paired device.\n' })
})

t.test('setup codes are made for phones and nodes, and the dashboard opens signed in', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('qr'), { code: 1, err: /loopback only, so a phone cannot reach it/ })
  const code = await cli('qr', '--public-url', 'wss://gateway.example.com', '--json')
  t.match(code.json(), { gatewayUrl: 'wss://gateway.example.com', access: 'full', setupCode: /^[\w-]+$/ })
  t.match((await cli('qr', '--public-url', 'wss://gateway.example.com', '--setup-code-only')).out, /^[\w-]+\n$/)
  t.match((await cli('qr', '--public-url', 'wss://gateway.example.com')).out, /[▀▄█]{9}[^]*Setup code: [\w-]+\n/)
  t.match((await cli('devices', 'join-code', '--json')).json(), { access: 'node' })
  const dashboard = (await cli('dashboard', '--json')).json()
  t.match(dashboard, { ok: true, port: home.port, tokenIncluded: true, url: `http://127.0.0.1:${home.port}/#token=${token}` })
  t.match(dashboard.browserUrl, /#bootstrapToken=[\w-]{43}&bootstrapProfile=owner&gatewayUrl=ws%3A/)
  t.notMatch(new URL(dashboard.browserUrl).search, /./, 'no secret is ever sent to a server in a URL')
})
