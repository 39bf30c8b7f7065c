/** The end of a device, of its role and of its token, and a new token in the place of an old one. */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway } from '../helper.ts'
import { behindProxy } from '../security/attacker.ts'
import { home, pairedRemotely, refusedFrom, remote } from './remote-device.ts'

t.test('a removed device is out at once: its sockets, its token, its name', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const { device, client, hello } = await pairedRemotely(gateway, admin.client, { scopes: ['operator.read', 'operator.pairing'] })
  const second = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote, auth: { deviceToken: hello.auth.deviceToken } })
  const waiting = await refusedFrom(gateway, { device, scopes: ['operator.admin'] })
  t.same((await admin.client.request('device.pair.remove', { deviceId: device.deviceId })).payload, { deviceId: device.deviceId })
  for (const each of [client, second.client]) t.equal((await each.close()).code, 4001)
  const bearer = await fetch(`${gateway.http}/control-ui-config.json`, { headers: { authorization: `Bearer ${hello.auth.deviceToken}`, 'x-forwarded-for': home } })
  t.equal(bearer.status, 401)
  const byToken = await refusedFrom(gateway, { device, scopes: ['operator.read'], auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(byToken.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  t.match((await admin.client.request('device.pair.approve', { requestId: waiting.error.details.requestId })).error, { message: 'unknown requestId' }, 'and what it had asked for is gone')
  t.match(await refusedFrom(gateway, { device, scopes: ['operator.read'] }), { error: { details: { reason: 'not-paired' } } })
  await closeClient(admin.client)
})

t.test('frames that a device sends behind its own end are not served', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  for (const method of ['device.token.revoke', 'device.token.rotate', 'device.pair.remove']) {
    const device = createDeviceIdentity()
    const { client } = await admitted(gateway.url, { device })
    const params = { deviceId: device.deviceId, ...(method === 'device.pair.remove' ? {} : { role: 'operator' }) }
    // The first frame ends this very connection; the others were on their way already.
    client.send({ type: 'req', id: 'end', method, params })
    await client.frame(frame => frame.id === 'end')
    for (let i = 0; i < 20; i++) client.send({ type: 'req', id: `late-${i}`, method: 'system-event', params: { text: `late ${method}`, instanceId: `late-${method}` } })
    t.equal((await client.close()).code, 4001, method)
    t.same(client.frames.filter(frame => String(frame.id).startsWith('late')), [], `${method}: nothing was answered`)
  }
  const presence = (await admin.client.request('system-presence', {})).payload
  t.notMatch(JSON.stringify(presence), /late/, 'and nothing was done')
  await closeClient(admin.client)
})

t.test('rotating: another hand gets no token, the own hand gets it before its socket ends', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { device })
  const rotated = (await admin.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })).payload
  t.same(rotated, {
    deviceId: device.deviceId, role: 'operator', scopes: [...operatorScopes].sort(), rotatedAtMs: rotated.rotatedAtMs, tokenDelivery: 'withheld-cross-device'
  })
  t.equal((await first.client.close()).code, 4001)

  const second = await admitted(gateway.url, { device })
  t.not(second.hello.auth.deviceToken, first.hello.auth.deviceToken, 'it gets the new one with the shared secret')
  const own = await admitted(gateway.url, { device, auth: { deviceToken: second.hello.auth.deviceToken } })
  const inBand = (await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })).payload
  t.match(inBand, { token: /^[\w-]{43}$/, tokenDelivery: 'in-band' })
  for (const each of [second.client, own.client]) t.equal((await each.close()).code, 4001)
  const third = await admitted(gateway.url, { device, auth: { deviceToken: inBand.token } })
  t.equal(third.hello.auth.deviceToken, inBand.token)
  const stale = await connect(gateway.url, { device, auth: { deviceToken: second.hello.auth.deviceToken } })
  t.equal(stale.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH', 'once the new one was used the old one is over')
  for (const each of [third.client, stale.client, admin.client]) await closeClient(each)
})

t.test('revoking takes the role away; only somebody can give it back', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const { client, hello } = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const revoked = (await admin.client.request('device.token.revoke', { deviceId: device.deviceId, role: 'operator' })).payload
  t.same(revoked, { deviceId: device.deviceId, role: 'operator', revokedAtMs: revoked.revokedAtMs })
  t.equal((await client.close()).code, 4001)
  const byToken = await connect(gateway.url, { device, scopes: ['operator.read'], auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(byToken.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  const bySecret = await connect(gateway.url, { device, scopes: ['operator.read'] })
  t.match(bySecret.response.error.details, { code: 'PAIRING_REQUIRED', reason: 'role-upgrade' }, 'not even this machine approves itself again')
  t.match(await admin.client.request('device.pair.approve', { requestId: bySecret.response.error.details.requestId }), { ok: true })
  const back = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  t.not(back.hello.auth.deviceToken, hello.auth.deviceToken)
  for (const each of [byToken.client, bySecret.client, back.client, admin.client]) await closeClient(each)
})

t.test('denials are flat: what exists is not told', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const mine = await admitted(gateway.url, { device, scopes: ['operator.pairing'] })
  const foreign = createDeviceIdentity()
  const other = await admitted(gateway.url, { device: foreign })
  const own = await admitted(gateway.url, { device, scopes: ['operator.pairing'], auth: { deviceToken: mine.hello.auth.deviceToken } })
  for (const deviceId of [foreign.deviceId, 'f'.repeat(64), 'nonsense']) {
    t.match((await own.client.request('device.token.rotate', { deviceId, role: 'operator' })).error, { code: 'INVALID_REQUEST', message: 'device token rotation denied' })
    t.match((await own.client.request('device.token.revoke', { deviceId, role: 'operator' })).error, { code: 'INVALID_REQUEST', message: 'device token revocation denied' })
  }
  t.match((await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'node' })).error, { message: 'device token rotation denied' })
  t.match((await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator', scopes: ['operator.admin'] })).error, { message: 'device token rotation denied' })
  t.match(await other.client.request('status', {}), { ok: true }, 'nobody was harmed')
  for (const each of [mine, other, own]) await closeClient(each.client)
})
