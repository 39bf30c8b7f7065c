/**
 * Published attacks on pairing, minting and revoking, each as the attack.
 *
 * Here:   CVE-2026-32922 / GHSA-4jpw-hj22-2xmc, CVE-2026-42422 / GHSA-whf9-3hcx-gq54, #50626 / PR #50627, #66773,
 *         CVE-2026-33579, CVE-2026-33577 / GHSA-2x4x-cc5g-qmmg, CVE-2026-35639 / GHSA-hf68-49fm-59cq, CVE-2026-62218, CVE-2026-62223
 *         (devices and nodes), CVE-2026-41909 / GHSA-xrq9-jm7v-g9h7, CVE-2026-53852 / GHSA-8mg9-j9cf-54cj, GHSA-83w9-h5wv-j9xm,
 *         CVE-2026-53843 / GHSA-q99w-vh6v-q3v7, CVE-2026-32987 / GHSA-63f5-hhc7-cx6p, CVE-2026-53862 / GHSA-9v8j-9c9g-w66c,
 *         CVE-2026-32905 / GHSA-xr4f-mjxj-w6w5, Unosecur (May 2026), CVE-2026-34503, CVE-2026-41356 / GHSA-rfqg-qgf8-xr9x,
 *         CVE-2026-43585 / GHSA-m8wm-r5vq-qjpg, GHSA-xmxx-7p24-h892, GHSA-68x5-xx89-w9mm, GHSA-275c-xpvc-jgfw (every door there is)
 * Later:  CVE-2026-33579 and its siblings  approval through a chat command (channels)
 *         CVE-2026-45005                   rotated webhook secrets: there are no webhooks yet (channels, hooks)
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { openStore } from '../../src/store/open.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, testToken, type ConnectOptions, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { behindProxy, socketFrom } from './attacker.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const remote = socketFrom('198.51.100.9')

/** A device that comes in with its own token, holding just these scopes. */
async function ownToken (gateway: TestGateway, scopes: string[], device = createDeviceIdentity()): Promise<{ device: DeviceIdentity, client: TestClient, deviceToken: string }> {
  const first = await admitted(gateway.url, { device, scopes })
  const { deviceToken } = first.hello.auth
  await closeClient(first.client)
  const { client } = await admitted(gateway.url, { device, scopes, auth: { deviceToken } })
  return { device, client, deviceToken }
}

async function pending (gateway: TestGateway, options: ConnectOptions): Promise<string> {
  const { client, response } = await connect(gateway.url, { socket: remote, ...options })
  await client.close()
  return response.error.details.requestId
}

t.test('CVE-2026-32922, CVE-2026-42422: rotating mints no scope and no role that device and caller do not both hold', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  await closeClient((await admitted(gateway.url, { device, scopes: ['operator.read', 'operator.write'] })).client)
  const rotate = (client: TestClient, params: object) => client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator', ...params })
  const admin = await admitted(gateway.url)
  const weak = await ownToken(gateway, ['operator.pairing', 'operator.read'])
  const secretWithPairing = await admitted(gateway.url, { device: false, scopes: ['operator.pairing', 'operator.read'] })
  for (const [name, client, params] of [
    ['an administrator, beyond the device', admin.client, { scopes: ['operator.admin'] }],
    ['an administrator, a role it does not have', admin.client, { role: 'node' }],
    ['an administrator, a role that does not exist', admin.client, { role: 'root' }],
    ['an administrator, an unknown scope', admin.client, { scopes: ['operator.*'] }],
    ['the shared secret with fewer scopes than the token', secretWithPairing.client, {}],
    ['the shared secret, asking for what it does not hold', secretWithPairing.client, { scopes: ['operator.write'] }],
    ['another device', weak.client, { scopes: ['operator.read'] }]
  ] as Array<[string, TestClient, object]>) {
    t.match((await rotate(client, params)).error, { code: 'INVALID_REQUEST', message: 'device token rotation denied' }, name)
  }
  t.match((await rotate(secretWithPairing.client, { scopes: ['operator.read'] })).payload, { scopes: ['operator.read'] }, 'less is no harm')
  const own = await ownToken(gateway, ['operator.pairing'])
  for (const scopes of [['operator.admin'], ['operator.read'], ['operator.pairing', 'operator.approvals']]) {
    t.match((await own.client.request('device.token.rotate', { deviceId: own.device.deviceId, role: 'operator', scopes })).error, { message: 'device token rotation denied' }, `the own token, wider: ${scopes}`)
  }
  for (const client of [admin.client, weak.client, secretWithPairing.client, own.client]) await closeClient(client)
})

t.test('#50626, #66773: whoever rotates the token of another device never sees it, and the disk holds no token at all', async t => {
  const stateDir = ownDirectory(t)
  const store = await openStore({ stateDir })
  const gateway = await startGateway(t, { store })
  const device = createDeviceIdentity()
  const victim = await admitted(gateway.url, { device })
  const admin = await admitted(gateway.url)
  const weak = await ownToken(gateway, ['operator.pairing'])
  t.match((await weak.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })).error, { message: 'device token rotation denied' })
  const rotated = await admin.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })
  t.equal(rotated.payload.token, undefined)
  const after = await admitted(gateway.url, { device })
  const secrets = [victim, admin, after].map(({ hello }) => hello.auth.deviceToken as string)
  const { setupCode } = (await admin.client.request('device.pair.setupCode', {})).payload
  secrets.push(weak.deviceToken, JSON.parse(Buffer.from(setupCode, 'base64url').toString()).bootstrapToken, setupCode, testToken)
  t.equal(new Set(secrets).size, 7)
  t.notMatch(JSON.stringify([rotated, admin.client.frames.slice(2)]), secrets[2])
  for (const { client } of [admin, after, weak]) await closeClient(client)
  await gateway.gateway.stop()
  // The configuration is where the token of the gateway was written by hand.
  const files = readdirSync(stateDir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile() && entry.name !== 'openclaw.json')
  t.ok(files.some(({ name }) => name.includes('sqlite')), 'there is something on the disk')
  for (const file of files) {
    const bytes = readFileSync(join(file.parentPath, file.name))
    for (const secret of secrets) if (bytes.includes(secret)) t.fail(`${file.name} holds a secret`)
  }
})

t.test('CVE-2026-33579 and siblings: nobody approves what he does not hold himself', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const approvers = {
    'pairing only': await admitted(gateway.url, { device: false, scopes: ['operator.pairing'] }),
    'pairing and write': await admitted(gateway.url, { device: false, scopes: ['operator.pairing', 'operator.write'] }),
    'a device with pairing': await ownToken(gateway, ['operator.pairing'])
  }
  const asks: { [what: string]: ConnectOptions } = {
    'an administrator': { scopes: ['operator.admin'] },
    approvals: { scopes: ['operator.approvals'] },
    'secrets of talk': { scopes: ['operator.read', 'operator.talk.secrets'] },
    'a node': { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } }
  }
  for (const [what, options] of Object.entries(asks)) {
    const requestId = await pending(gateway, options)
    for (const [who, { client }] of Object.entries(approvers)) {
      t.match((await client.request('device.pair.approve', { requestId })).error, { code: 'INVALID_REQUEST', details: { code: 'DEVICE_PAIRING_DENIED' } }, `${who} approves ${what}`)
    }
    const { client } = await admitted(gateway.url, { device: false, scopes: ['operator.admin'] })
    t.match(await client.request('device.pair.approve', { requestId }), { ok: true })
    await closeClient(client)
  }
  const reader = await admitted(gateway.url, { device: false, scopes: ['operator.read', 'operator.write', 'operator.approvals'] })
  const requestId = await pending(gateway, { scopes: ['operator.read'] })
  for (const method of ['device.pair.approve', 'device.pair.reject', 'node.pair.approve', 'node.pair.reject']) {
    t.match((await reader.client.request(method, { requestId })).error, { code: 'FORBIDDEN', message: 'missing scope: operator.pairing' }, method)
  }
  const node = await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' }, adjust: params => ({ ...params, commands: ['system.run'] }) })
  const { pending: surfaces } = (await approvers['pairing only'].client.request('node.pair.list', {})).payload
  for (const [who, { client }] of Object.entries(approvers)) {
    const { error } = await client.request('node.pair.approve', { requestId: surfaces[0].requestId })
    t.match(error, { details: { code: 'DEVICE_PAIRING_DENIED' } }, `${who} approves a node that runs programs`)
  }
  t.match((await reader.client.request('node.list', {})).payload.nodes.find((row: Frame) => row.connected), { commands: [] })
  for (const { client } of [...Object.values(approvers), reader, node]) await closeClient(client)
})

t.test('CVE-2026-41909: a device decides about itself and about nobody else', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const foreign = createDeviceIdentity()
  await closeClient((await admitted(gateway.url, { device: foreign, scopes: ['operator.read'] })).client)
  const node = createDeviceIdentity()
  const connectedNode = await admitted(gateway.url, { device: node, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
  const requestId = await pending(gateway, { scopes: ['operator.read'] })
  const { client } = await ownToken(gateway, ['operator.pairing', 'operator.read', 'operator.write'])
  const surfaceId = (await admin.client.request('node.pair.list', {})).payload.pending[0].requestId
  for (const [method, params] of [
    ['device.pair.approve', { requestId }], ['device.pair.reject', { requestId }], ['device.pair.remove', { deviceId: foreign.deviceId }],
    ['device.pair.rename', { deviceId: foreign.deviceId, label: 'mine' }], ['device.token.revoke', { deviceId: foreign.deviceId, role: 'operator' }],
    ['device.token.rotate', { deviceId: foreign.deviceId, role: 'operator' }], ['node.pair.approve', { requestId: surfaceId }],
    ['node.pair.reject', { requestId: surfaceId }], ['node.pair.remove', { nodeId: node.deviceId }], ['node.rename', { nodeId: node.deviceId, displayName: 'mine' }]
  ] as const) t.match((await client.request(method, params)).error, { code: 'INVALID_REQUEST', message: /denied$/ }, method)
  const seen = (await client.request('device.pair.list', {})).payload
  t.same([seen.pending.length, seen.paired.length], [0, 1], 'nor does it see them')
  t.same((await client.request('node.pair.list', {})).payload, { pending: [], paired: [] })
  t.match((await admin.client.request('device.pair.list', {})).payload.pending, [{ requestId }], 'everything is as it was')
  for (const each of [admin.client, connectedNode.client, client]) await closeClient(each)
})

t.test('CVE-2026-41909: a device that came in with a setup code is held to the same', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const { setupCode } = (await admin.client.request('device.pair.setupCode', { bootstrapProfile: 'full' })).payload
  const { bootstrapToken } = JSON.parse(Buffer.from(setupCode, 'base64url').toString())
  const device = createDeviceIdentity()
  const phone = await admitted(gateway.url, { device, scopes: ['operator.read'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios' }, auth: { bootstrapToken } })
  t.same(phone.hello.auth.scopes, ['operator.read'])
  t.match((await phone.client.request('device.pair.list', {})).error, { code: 'FORBIDDEN' })
  for (const { client } of [admin, phone]) await closeClient(client)
})

t.test('CVE-2026-53852: pairing anew with empty scopes gives empty scopes', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  await admin.client.request('device.pair.approve', { requestId: await pending(gateway, { device }) })
  await closeClient((await admitted(gateway.url, { device, socket: remote })).client)
  await admin.client.request('device.pair.remove', { deviceId: device.deviceId })
  const requestId = await pending(gateway, { device, scopes: [] })
  const { device: approved } = (await admin.client.request('device.pair.approve', { requestId })).payload
  t.match(approved, { scopes: [], tokens: [{ scopes: [] }] })
  const { client, hello } = await admitted(gateway.url, { device, scopes: [], socket: remote })
  t.same(hello.auth.scopes, [])
  t.equal((await connect(gateway.url, { device, scopes: ['operator.read'], socket: remote })).response.error.details.reason, 'scope-upgrade')
  for (const each of [admin.client, client]) await closeClient(each)
})

t.test('CVE-2026-32987, CVE-2026-53862: a setup code is good for one key, once, and for what it was made for', async t => {
  let at = Date.now()
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: { rateLimit: { maxAttempts: 1000 } } } }, now: () => at })
  const admin = await admitted(gateway.url)
  const code = async (bootstrapProfile = 'limited'): Promise<string> => {
    const { setupCode } = (await admin.client.request('device.pair.setupCode', { bootstrapProfile })).payload
    return JSON.parse(Buffer.from(setupCode, 'base64url').toString()).bootstrapToken
  }
  const ios = { id: 'openclaw-ios', mode: 'ui', platform: 'ios' }
  const redeem = (bootstrapToken: string, options: ConnectOptions = {}) => connect(gateway.url, { scopes: ['operator.read'], client: ios, socket: remote, ...options, auth: { bootstrapToken } })

  const raced = await code()
  const rivals = await Promise.all(Array.from({ length: 12 }, () => redeem(raced)))
  t.equal(rivals.filter(({ response }) => response.ok).length, 1, 'of twelve at the same time one wins')
  t.equal((await admin.client.request('device.pair.list', {})).payload.paired.length, 2)

  const narrow = await code()
  for (const options of [{ scopes: ['operator.admin'] }, { scopes: ['operator.pairing'] }, { scopes: ['operator.read', 'operator.admin'] }, { client: { id: 'openclaw-control-ui', mode: 'ui' } }]) {
    const { client, response } = await redeem(narrow, options)
    t.notOk(response.ok, JSON.stringify(options))
    await client.close()
  }
  const nodeOnly = await code('node')
  const asOperator = await redeem(nodeOnly)
  t.equal(asOperator.response.error.details.code, 'AUTH_BOOTSTRAP_TOKEN_INVALID', 'a code for a node lets no operator in')

  const device = createDeviceIdentity()
  const used = await redeem(narrow, { device })
  t.ok(used.response.ok, 'wrong tries did not use it up')
  const thief = await redeem(narrow)
  t.equal(thief.response.error.details.code, 'AUTH_BOOTSTRAP_TOKEN_INVALID')
  const widening = await redeem(narrow, { device, scopes: ['operator.admin'] })
  t.notOk(widening.response.ok, 'nor does it give its own device more')

  const old = await code()
  at += 10 * 60_000
  const late = await redeem(old)
  t.equal(late.response.error.details.code, 'AUTH_BOOTSTRAP_TOKEN_INVALID', 'after ten minutes it is nothing')
  for (const { client } of [admin, ...rivals, asOperator, used, thief, widening, late]) await closeClient(client)
})

t.test('CVE-2026-32905: setup codes are made by administrators', async t => {
  const gateway = await startGateway(t)
  for (const scopes of [[], ['operator.read'], ['operator.write'], ['operator.pairing'], operatorScopes.filter(scope => scope !== 'operator.admin')]) {
    const { client } = await admitted(gateway.url, { device: false, scopes })
    for (const method of ['device.pair.setupCode', 'device.pair.setupStatus']) {
      t.match((await client.request(method, { setupId: 'x' })).error, { code: 'FORBIDDEN', message: 'missing scope: operator.admin' }, `${method} with ${scopes}`)
    }
    await closeClient(client)
  }
})
