/**
 * Published attacks of those who should be gone already, each as the attack.
 *
 * The list is that of tokens.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { GatewayAuth } from '../../src/auth/gateway-auth.ts'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, challenged, closeClient, connect, operatorScopes, signedDevice, startGateway, testToken, type ConnectOptions, type Frame, type TestClient } from '../helper.ts'
import { behindProxy, bearer, routesOf, socketFrom } from './attacker.ts'

const remote = socketFrom('198.51.100.9')

const withToken = (token: string): GatewayAuth => ({ mode: 'token', modeSource: 'config', token, tokenSource: 'config', problems: [] })

t.test('GHSA-83w9-h5wv-j9xm: a node that swaps its commands between the look and the yes is not approved', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const offering = (commands: string[]): ConnectOptions => ({ device, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' }, adjust: params => ({ ...params, commands }) })
  const harmless = await admitted(gateway.url, offering(['system.notify']))
  const seen = (await admin.client.event('node.pair.requested')).payload
  const swapped = await admitted(gateway.url, offering(['system.run']))
  t.match((await admin.client.request('node.pair.approve', { requestId: seen.requestId })).error, { message: 'unknown requestId' })
  const { pending: [now] } = (await admin.client.request('node.pair.list', {})).payload
  t.match(now, { commands: ['system.run'], requiredApproveScopes: ['operator.pairing', 'operator.admin'] })
  const { nodes: [row] } = (await admin.client.request('node.list', {})).payload
  t.same(row.commands, [])
  for (const { client } of [admin, harmless, swapped]) await closeClient(client)
})

t.test('CVE-2026-53843: a revoked node comes back through an administrator only, with a new token', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const pairing = await admitted(gateway.url, { device: false, scopes: ['operator.pairing', 'operator.write'] })
  const device = createDeviceIdentity()
  const node: ConnectOptions = { device, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } }
  const { client, hello } = await admitted(gateway.url, node)
  t.match((await pairing.client.request('device.token.revoke', { deviceId: device.deviceId, role: 'node' })).error, { message: 'device token revocation denied' }, 'a node is the business of administrators')
  await admin.client.request('device.token.revoke', { deviceId: device.deviceId, role: 'node' })
  t.equal((await client.close()).code, 4001)
  t.equal((await connect(gateway.url, { ...node, auth: { deviceToken: hello.auth.deviceToken } })).response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  t.match((await pairing.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'node' })).error, { message: 'device token rotation denied' })
  const refused = await connect(gateway.url, node)
  const { requestId } = refused.response.error.details
  t.ok(requestId, 'with the shared secret of this machine it is pending, not approved')
  t.match((await pairing.client.request('device.pair.approve', { requestId })).error, { details: { code: 'DEVICE_PAIRING_DENIED' } })
  t.match(await admin.client.request('device.pair.approve', { requestId }), { ok: true })
  const back = await admitted(gateway.url, node)
  t.not(back.hello.auth.deviceToken, hello.auth.deviceToken)
  for (const each of [admin.client, pairing.client, back.client, refused.client]) await closeClient(each)
})

t.test('Unosecur: a device that was paired before there were tokens loses its role with the revocation', async t => {
  const store = createMemoryStore()
  const device = createDeviceIdentity()
  const { deviceId, publicKey } = device
  await store.commit([{ op: 'put', collection: 'devices', key: deviceId, value: { deviceId, publicKey, platform: 'linux', role: 'operator', scopes: operatorScopes, createdAtMs: 1, approvedAtMs: 1 } }])
  const gateway = await startGateway(t, { store, config: behindProxy })
  const admin = await admitted(gateway.url)
  const { client } = await admitted(gateway.url, { device, socket: remote })
  t.match(await admin.client.request('device.token.revoke', { deviceId, role: 'operator' }), { ok: true })
  t.equal((await client.close()).code, 4001)
  for (const options of [{ socket: remote }, {}, { scopes: [] }]) {
    const refused = await connect(gateway.url, { device, ...options })
    t.equal(refused.response.error.details.code, 'PAIRING_REQUIRED')
    await refused.client.close()
  }
  await closeClient(admin.client)
})

t.test('CVE-2026-43585 and siblings: once the secret is rotated the old one opens no door, and nobody who came in by it stays', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { rateLimit: { exemptLoopback: false, maxAttempts: 1000 } } } } })
  const next = 'next-token-0123456789abcdef0123456789abcdef'
  const device = createDeviceIdentity()
  const bySecret = [await admitted(gateway.url, { device }), await admitted(gateway.url, { device: false }), await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })]
  const byToken = await admitted(gateway.url, { device, auth: { deviceToken: bySecret[0]!.hello.auth.deviceToken } })
  const local = await admitted(gateway.url, { device: false, auth: { token: gateway.adminToken } })
  gateway.gateway.replaceAuth(withToken(next))
  for (const { client } of bySecret) t.same(await client.close(), { code: 4001, reason: 'gateway auth changed' })
  t.match(await byToken.client.request('health'), { ok: true }, 'a device with a token of its own is not touched')
  t.match(await local.client.request('status', {}), { ok: true })

  const guarded = []
  for (const { path, methods } of routesOf(gateway)) {
    for (const method of methods.filter(name => name !== 'OPTIONS')) {
      const url = gateway.http + path.replace('*', 'x')
      const [nothing, withNext, withOld] = await Promise.all([{}, bearer(next), bearer(testToken)].map(async headers => (await fetch(url, { method, headers })).status))
      if (nothing !== 401) continue
      guarded.push(`${method} ${path}`)
      t.equal(withOld, 401, `${method} ${path} with the old secret`)
      t.not(withNext, 401, `${method} ${path} with the new one`)
    }
  }
  t.ok(guarded.length > 0)
  t.equal((await fetch(`${gateway.http}/control-ui-config.json?token=${testToken}`)).status, 401, 'in the URL')
  for (const auth of [{ token: testToken }, { password: testToken }, { deviceToken: testToken }]) {
    const old = await connect(gateway.url, { auth: auth as {} })
    t.equal(old.response.ok, false)
    await old.client.close()
  }
  const fresh = await admitted(gateway.url, { auth: { token: next } })
  for (const { client } of [byToken, local, fresh]) await closeClient(client)
})

t.test('CVE-2026-43585: a connect that is still being decided when the secret is rotated or the device removed is not let in', async t => {
  const memory = createMemoryStore()
  let delayMs = 0
  const held: Array<() => void> = []
  let heldDevice: string | undefined
  const store: Store = {
    ...memory,
    async commit (ops) {
      if (heldDevice && JSON.stringify(ops).includes(heldDevice)) await new Promise<void>(resolve => { held.push(resolve) })
      else await sleep(delayMs)
      await memory.commit(ops)
    }
  }
  const gateway = await startGateway(t, { store })
  const admin = await admitted(gateway.url, { device: false, auth: { token: gateway.adminToken } })
  const begin = async (device: DeviceIdentity, role: string): Promise<TestClient> => {
    const { client, challenge } = await challenged(gateway.url)
    const params: Frame = {
      minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, role, scopes: role === 'node' ? [] : operatorScopes, auth: { token: testToken }
    }
    client.send({ type: 'req', id: 'connect', method: 'connect', params: { ...params, device: signedDevice(device, params, challenge) } })
    return client
  }
  for (let moment = 0; moment < 24; moment++) {
    delayMs = moment % 3 * 4
    const device = createDeviceIdentity()
    const client = await begin(device, moment % 2 ? 'node' : 'operator')
    await sleep(moment)
    // Without a pause, so that one of them comes as soon as there is something to remove.
    while (!(await admin.client.request('device.pair.remove', { deviceId: device.deviceId })).ok);
    t.ok([1008, 4001].includes((await client.close()).code), `removed ${moment} ms after it began`)
  }
  const late = createDeviceIdentity()
  heldDevice = late.deviceId
  const overtaken = await begin(late, 'operator')
  await eventually(() => held.length > 0)
  gateway.gateway.replaceAuth(withToken('another-token-0123456789abcdef'))
  heldDevice = undefined
  for (const release of held) release()
  const response = await overtaken.frame(frame => frame.id === 'connect')
  t.match(response, { ok: false, error: { details: { code: 'AUTH_UNAUTHORIZED' } } })
  t.equal((await overtaken.close()).code, 1008)
  await eventually(() => gateway.gateway.rooms.connections.counts().connected, connected => connected === 1)
  await closeClient(admin.client)
})

t.test('CVE-2026-34503, CVE-2026-41356: no socket outlives what it stands on', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  for (const [method, more] of [['device.pair.remove', {}], ['device.token.revoke', { role: 'operator' }], ['device.token.rotate', { role: 'operator' }]] as const) {
    const device = createDeviceIdentity()
    const sockets = [await admitted(gateway.url, { device })]
    for (let i = 0; i < 4; i++) sockets.push(await admitted(gateway.url, { device, auth: { deviceToken: sockets[0]!.hello.auth.deviceToken } }))
    await admin.client.request(method, { deviceId: device.deviceId, ...more })
    const before = sockets.map(({ client }) => client.frames.length)
    gateway.gateway.rooms.events.emit('config.changed', { secret: 'for those who are in' })
    for (const { client } of sockets) t.equal((await client.close()).code, 4001, method)
    t.same(sockets.map(({ client }, index) => client.frames.slice(before[index]).filter(frame => frame.event === 'config.changed')), sockets.map(() => []), `${method}: no event was sent behind it`)
  }
  await eventually(() => gateway.gateway.rooms.connections.counts().connected, connected => connected === 1)
  await closeClient(admin.client)
})

t.test('the token that a page got with the shared secret is over with that secret', async t => {
  const origin = 'https://ui.example'
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: [origin] }, auth: { rateLimit: { maxAttempts: 1000 } } } } })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const page: ConnectOptions = { device, scopes: ['operator.read'], client: { id: 'openclaw-control-ui', mode: 'ui' }, socket: { origin } }
  const refused = await connect(gateway.url, page)
  await admin.client.request('device.pair.approve', { requestId: refused.response.error.details.requestId })
  const { client, hello } = await admitted(gateway.url, page)
  const { deviceToken } = hello.auth
  const back = await admitted(gateway.url, { ...page, auth: { deviceToken } })
  gateway.gateway.replaceAuth(withToken('another-token-0123456789abcdef'))
  t.equal((await client.close()).code, 4001)
  const stale = await connect(gateway.url, { ...page, auth: { deviceToken } })
  t.equal(stale.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  for (const each of [refused.client, back.client, stale.client]) await closeClient(each)
})
