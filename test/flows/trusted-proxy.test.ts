/** A proxy that vouches for people, and a gateway without any authentication: what each lets in, in which order it looks, and what it never gives. */
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, type ConnectOptions, type Frame, type TestGateway } from '../helper.ts'
import { bearer, from, rawAnswer, socketFrom } from '../security/attacker.ts'

type Headers = { [name: string]: string }

const proxied = (trustedProxy: object = {}, more: { auth?: object, [key: string]: unknown } = {}) => ({
  gateway: {
    trustedProxies: ['127.0.0.1'],
    ...more,
    auth: { mode: 'trusted-proxy', token: null, trustedProxy: { userHeader: 'x-auth-user', allowLoopback: true, ...trustedProxy }, ...more.auth }
  }
})
const alice: Headers = { ...from('203.0.113.70'), 'x-auth-user': 'alice@example.com' }

async function attempt (gateway: TestGateway, headers: Headers, options: ConnectOptions = {}): Promise<Frame> {
  const { client, response } = await connect(gateway.url, { device: false, auth: false, ...options, socket: { headers, ...options.socket } })
  await closeClient(client)
  return response.ok ? response.payload.auth : response.error.details
}

const get = (gateway: TestGateway, headers: Headers): Promise<Response> => fetch(`${gateway.http}/control-ui-config.json`, { headers })

t.test('the checks come in the order of the contract: each fault hides those behind it', async t => {
  const settings = { requiredHeaders: ['X-Proxy-Proof', 'X-Second'], allowUsers: ['alice@example.com'] }
  const gateway = await startGateway(t, { config: proxied(settings) })
  const closed = await startGateway(t, { config: proxied({ ...settings, allowLoopback: false }) })
  const elsewhere = await startGateway(t, { config: proxied(settings, { trustedProxies: ['192.0.2.1'] }) })
  const steps: Array<[gateway: TestGateway, headers: Headers, code: string, reason: string]> = [
    [elsewhere, {}, 'DEVICE_IDENTITY_REQUIRED', ''],
    [elsewhere, { 'x-auth-user': 'mallory' }, 'DEVICE_IDENTITY_REQUIRED', ''],
    [closed, { ...from('203.0.113.70') }, 'AUTH_UNAUTHORIZED', 'trusted_proxy_loopback_source'],
    [gateway, { ...from('203.0.113.70') }, 'AUTH_IDENTITY_HEADER_REQUIRED', 'trusted_proxy_missing_header_x-proxy-proof'],
    [gateway, { ...from('203.0.113.70'), 'x-proxy-proof': '1' }, 'AUTH_IDENTITY_HEADER_REQUIRED', 'trusted_proxy_missing_header_x-second'],
    [gateway, { ...from('203.0.113.70'), 'x-proxy-proof': '1', 'x-second': ' ' }, 'AUTH_IDENTITY_HEADER_REQUIRED', 'trusted_proxy_missing_header_x-second'],
    [gateway, { ...from('203.0.113.70'), 'x-proxy-proof': '1', 'x-second': '1' }, 'AUTH_UNAUTHORIZED', 'trusted_proxy_user_missing'],
    [gateway, { ...from('203.0.113.70'), 'x-proxy-proof': '1', 'x-second': '1', 'x-auth-user': ' ' }, 'AUTH_UNAUTHORIZED', 'trusted_proxy_user_missing'],
    [gateway, { ...from('203.0.113.70'), 'x-proxy-proof': '1', 'x-second': '1', 'x-auth-user': 'Alice@example.com' }, 'AUTH_UNAUTHORIZED', 'trusted_proxy_user_not_allowed']
  ]
  for (const [which, headers, code, reason] of steps) {
    const details = await attempt(which, headers)
    t.match(details, { code, ...(reason ? { authReason: reason } : {}) }, reason || code)
    const response = await get(which, headers)
    t.equal(response.status, 401, `${reason || code} over HTTP`)
    t.match(await response.json(), { error: reason ? { code, details: { authReason: reason } } : { nextStep: String } })
  }
  const whole = { ...alice, 'x-proxy-proof': '1', 'x-second': '1' }
  t.match(await attempt(gateway, whole), { role: 'operator', scopes: [] })
  t.equal((await get(gateway, whole)).status, 200)
  t.equal((await get(gateway, { ...whole, origin: 'https://evil.example' })).status, 401, 'the last look is at the page')
  t.match(await attempt(gateway, whole, { socket: { headers: whole, origin: 'https://evil.example' } }), { code: 'CONTROL_UI_ORIGIN_NOT_ALLOWED' })
})

t.test('a proxy that names no client, or only this machine, vouches for nobody', async t => {
  const gateway = await startGateway(t, { config: proxied() })
  const user = 'X-Auth-User: alice@example.com\r\n'
  for (const forwarding of ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: ::1', 'X-Forwarded-For: ::ffff:127.0.0.1', 'X-Forwarded-For: unknown, _hidden', 'X-Forwarded-For: ', 'Forwarded: for=203.0.113.9', 'X-Forwarded-Proto: https', 'X-Real-IP: 203.0.113.9']) {
    const answer = await rawAnswer(gateway.port, `GET /control-ui-config.json HTTP/1.1\r\nHost: 127.0.0.1\r\n${user}${forwarding}\r\nconnection: close\r\n\r\n`)
    t.match(answer, /^HTTP\/1\.1 (403 .*proxy_attribution_required|401 )/s, forwarding)
  }
  t.equal((await get(gateway, { 'x-auth-user': 'alice@example.com' })).status, 401, 'nor does a program of this machine without a word of forwarding')
  const real = await startGateway(t, { config: proxied({}, { allowRealIpFallback: true }) })
  t.equal((await get(real, { 'x-auth-user': 'alice@example.com', 'x-real-ip': '203.0.113.9' })).status, 200)
  t.equal((await get(real, { 'x-auth-user': 'alice@example.com', 'x-real-ip': '127.0.0.1' })).status, 403)
})

const ownAddress = Object.values(networkInterfaces()).flatMap(list => list ?? []).find(({ family, internal }) => family === 'IPv4' && !internal)?.address

t.test('an address of this machine is no proxy in front of it', { skip: ownAddress === undefined && 'this machine has no address but loopback' }, async t => {
  const gateway = await startGateway(t, { host: '0.0.0.0', config: proxied({}, { trustedProxies: [ownAddress] }) })
  const there = { ...gateway, url: `ws://${ownAddress}:${gateway.port}`, http: `http://${ownAddress}:${gateway.port}` }
  t.match(await attempt(there, alice), { code: 'AUTH_UNAUTHORIZED', authReason: 'trusted_proxy_local_interface_source' })
  t.equal((await get(there, alice)).status, 401)
})

t.test('over HTTP the header narrows, an empty one to nothing, and nothing widens', async t => {
  const gateway = await startGateway(t, { config: proxied() })
  for (const [scopes, status] of [[undefined, 200], ['operator.read', 200], ['operator.write,operator.bogus', 200], ['operator.admin', 200], ['', 403], [' , ', 403], ['operator.approvals', 403], ['operator.*', 403], ['OPERATOR.READ', 403]] as const) {
    t.equal((await get(gateway, { ...alice, ...(scopes === undefined ? {} : { 'x-openclaw-scopes': scopes }) })).status, status, `${scopes}`)
  }
})

t.test('a person without a device has the scopes that the server knows, within those of the header', async t => {
  const gateway = await startGateway(t, { config: proxied({}, { auth: { identityScopes: { 'alice@example.com': ['operator.sessions.write'] } } }) })
  const scopes = ['operator.admin', 'operator.sessions.read', 'operator.sessions.write']
  t.same((await attempt(gateway, alice, { scopes })).scopes, ['operator.sessions.read', 'operator.sessions.write'])
  t.same((await attempt(gateway, { ...alice, 'x-openclaw-scopes': 'operator.sessions.read, operator.approvals' }, { scopes })).scopes, ['operator.sessions.read'])
  t.same((await attempt(gateway, { ...alice, 'x-openclaw-scopes': '' }, { scopes })).scopes, [])
  const { client } = await admitted(gateway.url, { device: false, auth: false, socket: { headers: alice } })
  t.match((await client.request('users.self', {})).error, { code: 'FORBIDDEN' }, 'which is less than reading')
  await closeClient(client)
})

t.test('a device of a person is approved like any other, and narrowed by the header like everything', async t => {
  const gateway = await startGateway(t, { config: proxied() })
  const device = createDeviceIdentity()
  const options: ConnectOptions = { device, auth: false, socket: { headers: alice }, scopes: ['operator.read', 'operator.write'] }
  const refused = await connect(gateway.url, options)
  t.match(refused.response.error.details, { code: 'PAIRING_REQUIRED', reason: 'not-paired' })
  const administrator = await admitted(gateway.url, { device: false, auth: { token: gateway.adminToken } })
  await administrator.client.request('device.pair.approve', { requestId: refused.response.error.details.requestId })
  const { client, hello } = await admitted(gateway.url, options)
  t.same(hello.auth.scopes, ['operator.read', 'operator.write'])
  t.match((await client.request('users.self', {})).payload, { user: { id: 'alice@example.com' }, authMethod: 'trusted-proxy' })
  const narrowed = await admitted(gateway.url, { ...options, socket: { headers: { ...alice, 'x-openclaw-scopes': 'operator.read' } } })
  t.same(narrowed.hello.auth.scopes, ['operator.read'])
  for (const each of [refused.client, administrator.client, client, narrowed.client]) await closeClient(each)
})

t.test('the password is the local way in, and only that', async t => {
  const password = 'correct horse battery'
  const gateway = await startGateway(t, { config: proxied({}, { auth: { password } }) })
  const local = await admitted(gateway.url, { device: false, auth: { password } })
  t.same(local.hello.auth.scopes, operatorScopes)
  t.equal((await get(gateway, bearer(password))).status, 200)
  t.match(await attempt(gateway, {}, { auth: { token: password } }), { code: 'AUTH_UNAUTHORIZED' }, 'not as a token')
  t.match(await attempt(gateway, {}, { auth: { password: 'wrong' } }), { code: 'AUTH_PASSWORD_MISMATCH' })
  for (const headers of [from('203.0.113.71'), { ...from('203.0.113.71'), 'x-auth-user': ' ' }, { host: 'gateway.example' }, { via: '1.1 x' }] as Headers[]) {
    t.match(await attempt(gateway, headers, { auth: { password } }), { code: 'AUTH_UNAUTHORIZED' }, `not with ${JSON.stringify(headers)}`)
    const lines = Object.entries({ host: '127.0.0.1', ...headers, ...bearer(password), connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
    t.match(await rawAnswer(gateway.port, `GET /control-ui-config.json HTTP/1.1\r\n${lines.join('')}\r\n`), /^HTTP\/1\.1 40[13] /)
  }
  const without = await startGateway(t, { config: proxied() })
  t.match(await attempt(without, {}, { auth: { password } }), { code: 'AUTH_UNAUTHORIZED' }, 'where there is none, none is right')
  await closeClient(local.client)
})

t.test('without authentication this machine is served, and whoever only looks like it is not', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { mode: 'none', token: null }, trustedProxies: ['127.0.0.1'] } } })
  const local = await admitted(gateway.url, { device: false, auth: false })
  t.same(local.hello.auth.scopes, operatorScopes)
  const device = await admitted(gateway.url, { auth: false })
  t.ok(device.hello.auth.deviceToken, 'a device of this machine is paired at once')
  const ignored = await admitted(gateway.url, { device: false, auth: { token: 'whatever' } })
  t.same(ignored.hello.auth.scopes, operatorScopes)
  for (const host of ['evil.example', '10.20.30.40']) t.match(await attempt(gateway, { host }), { code: 'HOST_NOT_ALLOWED' }, host)
  t.match(await attempt(gateway, {}, { socket: { origin: 'https://evil.example' } }), { code: 'CONTROL_UI_ORIGIN_NOT_ALLOWED' })
  t.same((await attempt(gateway, from('203.0.113.72'))).scopes, [], 'who comes through a proxy may do nothing')
  const remote = await connect(gateway.url, { auth: false, socket: socketFrom('203.0.113.72') })
  t.equal(remote.response.error.details.code, 'PAIRING_REQUIRED', 'and is not paired')
  t.match(await attempt(gateway, { ...from('203.0.113.72'), 'tailscale-funnel-request': '?1' }), { code: 'AUTH_REQUIRED' }, 'the whole internet is not let in at all')
  t.equal((await get(gateway, { ...from('203.0.113.72'), 'tailscale-funnel-request': '?1' })).status, 401)
  t.equal((await get(gateway, { origin: 'https://evil.example' })).status, 403)
  t.equal((await get(gateway, { 'x-openclaw-scopes': '' })).status, 403)
  t.equal((await get(gateway, { 'x-openclaw-scopes': 'operator.read' })).status, 200)
  for (const { client } of [local, device, ignored, remote]) await closeClient(client)
})

t.test('in the other modes the headers of a proxy mean nothing', async t => {
  const gateway = await startGateway(t, { config: { gateway: { trustedProxies: ['127.0.0.1'], auth: { trustedProxy: { userHeader: 'x-auth-user', allowLoopback: true }, identityScopes: { 'alice@example.com': ['operator.admin'] } } } } })
  t.match(await attempt(gateway, alice), { code: 'DEVICE_IDENTITY_REQUIRED' })
  t.equal((await get(gateway, alice)).status, 401)
  const { client, hello } = await admitted(gateway.url, { device: false, socket: { headers: { ...alice, 'x-openclaw-scopes': 'operator.admin' } } })
  t.same(hello.auth.scopes, [])
  await closeClient(client)
  const narrow = await fetch(`${gateway.http}/control-ui-config.json`, { headers: { ...bearer('test-token-0123456789abcdef0123456789abcdef'), 'x-openclaw-scopes': '' } })
  t.equal(narrow.status, 200, 'whoever has the secret is the operator, whatever the header says')
})
