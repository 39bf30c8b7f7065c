/**
 * Published attacks on "who am I": connect, scopes, device identity, each as the attack.
 *
 * Here:   CVE-2026-22172 / GHSA-rqpp-rjj8-7wv8, CVE-2026-35663 / GHSA-9hjh-fr4f-gxc4, CVE-2026-28472 / GHSA-rv39-79c4-7459,
 *         CVE-2026-32042 / GHSA-553v-f69r-656j, CVE-2026-32001 / GHSA-rv2q-f2h5-6xmg, CVE-2026-32057 / GHSA-vvgp-4c28-m3jm,
 *         GHSA-r65x-2hqr-j5hf, CVE-2026-53821 / GHSA-qjpc-qf9m-xwmr, GHSA-rggc-m335-3wvj / CVE-2026-53832,
 *         CVE-2026-53817 / GHSA-chr9-m4q2-76hw, CVE-2026-25593 / GHSA-g55j-c2v4-pjcg (nothing works before connect),
 *         of CVE-2026-28449, CVE-2026-41395, CVE-2026-41402, GHSA-gcj7-r3hg-m7w6 the part about nonces and signatures on sockets
 * Later:  CVE-2026-41299                        reserved provenance in chat.send (sessions)
 *         CVE-2026-28449 and its three siblings replayed webhooks: there are no webhooks yet (channels, hooks)
 *         CVE-2026-28469                        two accounts on one webhook path (channels)
 *         CVE-2026-44109                        webhook without a key (channels); that nothing equals an empty secret stands here
 *         CVE-2026-25593                        executable paths through config.apply: nothing writes the configuration yet (operations)
 */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { methods } from '../../src/methods/index.ts'
import { isBrowserUi } from '../../src/protocol/client-info.ts'
import { secretsEqual } from '../../src/auth/secret.ts'
import { admitted, challenged, closeClient, connect, operatorScopes, signedDevice, startGateway, testToken, type ConnectOptions, type Frame, type TestGateway } from '../helper.ts'
import { behindProxy, rawAnswer, selfDescriptions, socketFrom, upgradeHeaders } from './attacker.ts'

const remote = '203.0.113.20'
const proxyMode = (more: object = {}, auth: object = {}) => ({
  gateway: {
    trustedProxies: ['127.0.0.1'],
    auth: { mode: 'trusted-proxy', token: null, trustedProxy: { userHeader: 'x-forwarded-user', allowLoopback: true, ...more }, ...auth }
  }
})
const asUser = (user: string, more: { [header: string]: string } = {}) => socketFrom(remote, { 'x-forwarded-user': user, ...more })

t.test('CVE-2026-22172: scopes that a device-less client writes for itself are not granted', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  for (const options of [
    { socket: socketFrom(remote) },
    { socket: socketFrom(remote), client: { id: 'gateway-client', mode: 'backend' } },
    { client: { id: 'gateway-client', mode: 'cli' } },
    { client: { id: 'test', mode: 'backend' } }
  ] satisfies ConnectOptions[]) {
    const { client, hello } = await admitted(gateway.url, { ...options, device: false, scopes: ['operator.admin', ...operatorScopes] })
    t.same(hello.auth.scopes, [])
    for (const method of ['system-event', 'config.get', 'device.pair.list', 'status', 'device.pair.setupCode']) {
      t.match((await client.request(method, {})).error, { code: 'FORBIDDEN', details: { code: 'MISSING_SCOPE' } }, method)
    }
    t.match((await client.request('device.scopes.requestUpgrade', { scopes: ['operator.admin'] })).error, { code: 'FORBIDDEN' }, 'and it has no device to ask with')
    await closeClient(client)
  }
})

t.test('CVE-2026-35663: whatever a client calls itself, one credential gives one set of rights', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { device })
  const requestId = async (): Promise<string> => {
    const { client, response } = await connect(gateway.url, { device: remoteDevice, socket: socketFrom(remote) })
    await client.close()
    return response.error.details.requestId
  }
  const remoteDevice = createDeviceIdentity()
  await first.client.request('device.pair.approve', { requestId: await requestId() })
  const remotely = await admitted(gateway.url, { device: remoteDevice, socket: socketFrom(remote) })

  const credentials: { [name: string]: { options: ConnectOptions, expected: readonly string[] } } = {
    'shared token, no device, remote': { options: { device: false, socket: socketFrom(remote) }, expected: [] },
    'shared token, no device, local': { options: { device: false }, expected: [] },
    'shared token, paired device, remote': { options: { device: remoteDevice, socket: socketFrom(remote) }, expected: operatorScopes },
    'device token, remote': { options: { device: remoteDevice, socket: socketFrom(remote), auth: { deviceToken: remotely.hello.auth.deviceToken } }, expected: operatorScopes },
    'shared token, paired device, local': { options: { device }, expected: operatorScopes },
    'device token, local': { options: { device, auth: { deviceToken: first.hello.auth.deviceToken } }, expected: operatorScopes }
  }
  const refusals = new Set(['CONTROL_UI_DEVICE_IDENTITY_REQUIRED', 'CONTROL_UI_ORIGIN_NOT_ALLOWED'])
  for (const [name, { options, expected }] of Object.entries(credentials)) {
    let granted = 0
    for (const client of selfDescriptions) {
      const { client: socket, response } = await connect(gateway.url, { ...options, client })
      // keepsScopesWithoutDevice: the one exception, for two names on this host, with the secret in hand.
      const kept = name === 'shared token, no device, local' && ['cli/cli', 'gateway-client/backend'].includes(`${client.id}/${client.mode}`)
      if (response.ok) {
        granted++
        if (JSON.stringify(response.payload.auth.scopes) !== JSON.stringify(kept ? operatorScopes : expected)) t.fail(`${name} as ${client.id}/${client.mode} got ${response.payload.auth.scopes}`)
      } else if (!refusals.has(response.error.details.code)) t.fail(`${name} as ${client.id}/${client.mode}: ${response.error.details.code}`)
      await closeClient(socket)
    }
    const others = selfDescriptions.filter(client => !isBrowserUi(client) && !(options.device === false && client.id === 'openclaw-tui'))
    t.equal(granted, others.length, `${name}: everybody but pages was let in, with the same rights`)
  }
  await closeClient(first.client)
  await closeClient(remotely.client)
})

t.test('CVE-2026-35663: an unpaired remote device is pending under every name', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, pairing: { maxPending: 500, maxPendingPerAddress: 500 } } } })
  const names = selfDescriptions.filter((_description, index) => index % 3 === 0)
  for (const client of names.filter(description => !isBrowserUi(description))) {
    const { client: socket, response } = await connect(gateway.url, { client, socket: socketFrom(remote), scopes: ['operator.admin'] })
    if (response.error?.details.code !== 'PAIRING_REQUIRED') t.fail(`${client.id}/${client.mode}: ${JSON.stringify(response)}`)
    await socket.close()
  }
  t.equal(gateway.gateway.rooms.devices.stats().paired, 0)
})

t.test('CVE-2026-28472: that a token field is present says nothing about what is in it', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: { rateLimit: { maxAttempts: 1000 } } } } })
  const fields = ['token', 'password', 'deviceToken', 'bootstrapToken', 'approvalRuntimeToken', 'agentRuntimeIdentityToken']
  for (const token of ['wrong', '', ' ', 'undefined', 'null', '\u0000', testToken.slice(0, -1), `${testToken}x`, testToken.toUpperCase(), '[object Object]', '*']) {
    for (const auth of [...fields.map(field => ({ [field]: token })), { token, password: token }]) {
      const { client, response } = await connect(gateway.url, { device: false, auth, socket: socketFrom(remote) })
      t.equal(response.ok, false, JSON.stringify(auth))
      await client.close()
    }
  }
  for (const token of [null, 0, false, true, [], {}, [testToken], { token: testToken }]) {
    const { client, response } = await connect(gateway.url, { device: false, adjust: params => ({ ...params, auth: { token } }) })
    t.match(response.error, { details: { code: 'INVALID_PARAMS' } }, `a token of another type: ${JSON.stringify(token)}`)
    await client.close()
  }
  t.notOk(secretsEqual('', ''), 'an empty token equals no empty secret')
})

t.test('CVE-2026-32042: a new key with the shared token and a wish for admin rights waits for somebody', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const { client, response } = await connect(gateway.url, { socket: socketFrom(remote), scopes: ['operator.admin'] })
  t.match(response.error, { code: 'NOT_PAIRED', details: { code: 'PAIRING_REQUIRED', reason: 'not-paired', requestedScopes: ['operator.admin'] } })
  await client.close()
  t.equal(gateway.gateway.rooms.devices.stats().paired, 0)
})

t.test('CVE-2026-32001: the node role needs a device, whatever else is brought', async t => {
  const gateway = await startGateway(t)
  for (const client of [{ id: 'node-host', mode: 'node' }, { id: 'cli', mode: 'cli' }, { id: 'gateway-client', mode: 'backend' }, { id: 'openclaw-ios', mode: 'node' }]) {
    for (const auth of [{ token: testToken }, { token: gateway.adminToken }, { password: testToken }, { deviceToken: 'x' }, { bootstrapToken: 'x' }, false] as const) {
      const refused = await connect(gateway.url, { device: false, role: 'node', scopes: [], client, auth: auth as {} | false })
      t.match(refused.response.error, { code: 'NOT_PAIRED', details: { code: 'DEVICE_IDENTITY_REQUIRED' } }, `${client.id} ${JSON.stringify(auth)}`)
      await refused.client.close()
    }
  }
  for (const role of ['Node', 'NODE', ' node', 'operator ', 'admin', 'worker', '__proto__', 'constructor']) {
    const refused = await connect(gateway.url, { device: false, role })
    t.equal(refused.response.error.details.code, 'INVALID_ROLE', role)
    await refused.client.close()
  }
  const node = await admitted(gateway.url, { role: 'node', scopes: operatorScopes, client: { id: 'node-host', mode: 'node' } })
  t.same(node.hello.auth.scopes, [], 'and it holds no operator scopes, whatever it asks for')
  t.match((await node.client.request('config.get', {})).error, { message: 'unauthorized role: node' })
  await closeClient(node.client)
})

t.test('CVE-2026-32057: calling itself the control UI pairs nothing behind a proxy', async t => {
  const origin = 'https://ui.example'
  const config = proxyMode()
  const gateway = await startGateway(t, { config: { gateway: { ...config.gateway, controlUi: { allowedOrigins: [origin] } } } })
  const client = { id: 'openclaw-control-ui', mode: 'ui' }
  const socket = { ...asUser('alice@example.com'), origin }
  const withDevice = await connect(gateway.url, { client, socket, auth: false })
  t.equal(withDevice.response.error.details.code, 'PAIRING_REQUIRED')
  await withDevice.client.close()
  const without = await admitted(gateway.url, { client, socket, auth: false, device: false })
  t.same(without.hello.auth.scopes, [], 'and without a device it may do nothing')
  t.equal(without.hello.auth.deviceToken, undefined)
  await closeClient(without.client)
})

t.test('GHSA-r65x-2hqr-j5hf: platform and family are what was signed, or what was approved', async t => {
  const gateway = await startGateway(t)
  const node: ConnectOptions = { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', platform: 'linux', deviceFamily: 'Linux' } }
  for (const change of [{ platform: 'ios' }, { deviceFamily: 'iPhone' }, { platform: 'linux ', deviceFamily: 'x' }]) {
    const { client, response } = await connect(gateway.url, { ...node, adjust: params => ({ ...params, client: { ...params.client, ...change } }) })
    t.equal(response.error.details.code, 'DEVICE_AUTH_SIGNATURE_INVALID', JSON.stringify(change))
    await client.close()
  }
  // The older payload signs neither, so it is the approval that counts.
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { ...node, device, signature: 'v2' })
  await closeClient(first.client)
  const disguised = await connect(gateway.url, { ...node, device, signature: 'v2', adjust: params => ({ ...params, client: { ...params.client, platform: 'ios', deviceFamily: 'iPhone' } }) })
  t.match(disguised.response.error, { details: { code: 'PAIRING_REQUIRED', reason: 'metadata-upgrade' } })
  await disguised.client.close()
  const bare = createDeviceIdentity()
  const unnamed = await admitted(gateway.url, { ...node, device: bare, client: { id: 'openclaw-ios', mode: 'node', platform: 'ios' } })
  await closeClient(unnamed.client)
  const later = await admitted(gateway.url, { ...node, device: bare, signature: 'v2', client: { id: 'openclaw-ios', mode: 'node', platform: 'ios' }, adjust: params => ({ ...params, client: { ...params.client, deviceFamily: 'Mac' } }) })
  const admin = await admitted(gateway.url)
  const { nodes } = (await admin.client.request('node.list', {})).payload
  t.match(nodes.find((row: Frame) => row.nodeId === bare.deviceId), { platform: 'ios', deviceFamily: undefined }, 'a family that nobody approved is not believed later')
  for (const { client } of [later, admin]) await closeClient(client)
})

t.test('CVE-2026-53821: behind a proxy scopes come from the server, not from the client and not from the header of the request', async t => {
  const gateway = await startGateway(t, {
    config: proxyMode({}, { identityScopes: { 'alice@example.com': ['operator.sessions.read', 'operator.bogus'], Root: ['operator.admin'], ['__proto__']: ['operator.admin'] } })
  })
  const scopesOf = async (user: string, headers: { [name: string]: string } = {}): Promise<string[]> => {
    const { client, hello } = await admitted(gateway.url, { device: false, auth: false, socket: asUser(user, headers), scopes: [...operatorScopes, 'operator.sessions.read'] })
    await closeClient(client)
    return hello.auth.scopes
  }
  t.same(await scopesOf('bob@example.com'), [])
  t.same(await scopesOf('bob@example.com', { 'x-openclaw-scopes': 'operator.admin' }), [], 'the header only narrows')
  t.same(await scopesOf('alice@example.com'), ['operator.sessions.read'])
  t.same(await scopesOf('Alice@Example.com'), ['operator.sessions.read'], 'case says nothing in a mail address')
  t.same(await scopesOf('alice@example.com', { 'x-openclaw-scopes': '' }), [])
  t.same(await scopesOf('root'), [], 'another spelling of a name is another name')
  for (const user of ['__proto__', 'constructor', 'toString', 'alice@example.com, Root', 'Root, alice@example.com']) t.same(await scopesOf(user), [], user)
})

t.test('GHSA-rggc-m335-3wvj: a process of this host is no proxy unless it was made one', async t => {
  const refusal = async (gateway: TestGateway, socket: object): Promise<Frame> => {
    const { client, response } = await connect(gateway.url, { device: false, auth: false, socket })
    await client.close()
    return response.error.details
  }
  const closed = await startGateway(t, { config: proxyMode({ allowLoopback: false }) })
  t.match(await refusal(closed, asUser('root')), { code: 'AUTH_UNAUTHORIZED', authReason: 'trusted_proxy_loopback_source' })
  const unforwarded = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-User: root\r\n${upgradeHeaders}\r\n`
  t.match(await rawAnswer(closed.port, unforwarded), /^HTTP\/1\.1 403 /, 'without a client behind it, it speaks for nobody')
  const strict = await startGateway(t, { config: proxyMode({ requiredHeaders: ['X-Proxy-Proof'] }) })
  t.match(await refusal(strict, asUser('root')), { code: 'AUTH_IDENTITY_HEADER_REQUIRED' })
  t.match(await refusal(strict, asUser('root', { 'x-proxy-proof': '  ' })), { code: 'AUTH_IDENTITY_HEADER_REQUIRED' })
  const token = await startGateway(t, { config: behindProxy })
  t.match(await refusal(token, asUser('root')), { code: 'DEVICE_IDENTITY_REQUIRED' }, 'in token mode the header means nothing at all')
})

t.test('CVE-2026-53817: nothing that came through somebody else looks local', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  for (const headers of [
    { 'x-forwarded-for': remote }, { 'x-forwarded-for': `${remote}, 127.0.0.1` }, { via: '1.1 proxy' }, { 'cf-connecting-ip': remote }, { 'true-client-ip': remote },
    { host: 'gateway.example' }, { host: 'localhost.gateway.example' }, { host: '127.0.0.1@evil.example' }
  ] as Array<{ [name: string]: string }>) {
    const { client, response } = await connect(gateway.url, { socket: { headers } })
    t.match(response, { ok: false, error: { details: { code: 'PAIRING_REQUIRED' } } }, JSON.stringify(headers))
    await client.close()
    const bare = await admitted(gateway.url, { device: false, socket: { headers } })
    t.same(bare.hello.auth.scopes, [], `${JSON.stringify(headers)}: the name of the official CLI is worth nothing`)
    await closeClient(bare.client)
    const administrator = await connect(gateway.url, { auth: { token: gateway.adminToken }, socket: { headers } })
    t.equal(administrator.response.error.details.code, 'AUTH_TOKEN_MISMATCH', 'nor is the credential of local administration')
    await administrator.client.close()
  }
  t.equal(gateway.gateway.rooms.devices.stats().paired, 0, 'and no token was minted')
})

t.test('CVE-2026-25593: before connect no method works, from this machine neither', async t => {
  const gateway = await startGateway(t)
  for (const method of [...Object.keys(methods), 'config.apply', 'no.such.method', '__proto__']) {
    const { client } = await challenged(gateway.url)
    client.send({ type: 'req', id: '1', method, params: {} })
    const { code, reason } = await client.close()
    const answers = client.frames.filter(frame => frame.type === 'res')
    if (code !== 1008 || reason !== 'invalid handshake: first request must be connect' || answers.length !== 1 || answers[0]!.error.details.code !== 'INVALID_HANDSHAKE') {
      t.fail(`${method}: ${code} ${reason} ${JSON.stringify(answers)}`)
    }
  }
  t.pass(`${Object.keys(methods).length} methods refused`)
})

t.test('a recorded connect is worth nothing on another socket, and nothing on its own a second time', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const device = createDeviceIdentity()
  let recorded: Frame | undefined
  const first = await admitted(gateway.url, { device, adjust: params => { recorded = params; return params } })
  const replay = await challenged(gateway.url)
  replay.client.send({ type: 'req', id: 'connect', method: 'connect', params: recorded })
  t.match(await replay.client.frame(frame => frame.type === 'res'), { error: { details: { code: 'DEVICE_AUTH_NONCE_MISMATCH' } } })
  first.client.send({ type: 'req', id: 'again', method: 'connect', params: recorded })
  t.match(await first.client.frame(frame => frame.id === 'again'), { ok: false }, 'connect is no method once connected')

  const spliced = await challenged(gateway.url)
  const params = { ...recorded!, device: { ...recorded!.device, nonce: spliced.challenge.nonce } }
  spliced.client.send({ type: 'req', id: 'connect', method: 'connect', params })
  t.match(await spliced.client.frame(frame => frame.type === 'res'), { error: { details: { code: 'DEVICE_AUTH_SIGNATURE_INVALID' } } }, 'an old signature under a new nonce')

  const issued = await (await fetch(`${gateway.http}/api/device/nonce`)).json() as { nonce: string, ts: number }
  const sign = (params: Frame): Frame => ({ ...params, device: signedDevice(device, params, issued) })
  const both = await Promise.all(Array.from({ length: 8 }, () => connect(gateway.url, { device, adjust: sign })))
  t.equal(both.filter(({ response }) => response.ok).length, 1, 'a nonce over HTTP lets one of eight in')
  for (const { response } of both) if (!response.ok) t.equal(response.error.details.code, 'DEVICE_AUTH_NONCE_MISMATCH')
  for (const { client } of [first, replay, spliced, ...both]) await closeClient(client)
})

t.test('every signed field is signed: one changed character of any of them is a broken proof', async t => {
  const gateway = await startGateway(t)
  const changes: Array<(params: Frame) => Frame> = [
    params => ({ ...params, scopes: ['operator.read', 'operator.admin'] }),
    params => ({ ...params, scopes: [] }),
    params => ({ ...params, scopes: ['operator.read,operator.write'] }),
    params => ({ ...params, role: 'node', scopes: ['operator.read'] }),
    params => ({ ...params, client: { ...params.client, id: 'gateway-client' } }),
    params => ({ ...params, client: { ...params.client, mode: 'backend' } }),
    params => ({ ...params, client: { ...params.client, platform: 'macos' } }),
    params => ({ ...params, device: { ...params.device, signedAt: params.device.signedAt + 1 } })
  ]
  for (const change of changes) {
    const { client, response } = await connect(gateway.url, { scopes: ['operator.read'], adjust: change })
    t.equal(response.error?.details.code, 'DEVICE_AUTH_SIGNATURE_INVALID', String(change))
    await client.close()
  }
  const swapped = await connect(gateway.url, { auth: { token: 'wrong' }, adjust: params => ({ ...params, auth: { token: testToken } }) })
  t.equal(swapped.response.error.details.code, 'DEVICE_AUTH_SIGNATURE_INVALID', 'the secret takes part in the signature')
  await swapped.client.close()
})
