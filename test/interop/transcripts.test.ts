/**
 * What clients sent to the existing gateway (2026.9.6) is sent to ours, with fresh keys, and the answers are compared. `theirs` is what
 * was recorded. `ours` stands where we answer otherwise on purpose, with the reason.
 */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import {
  admitted, challenged, closeClient, connect, signedDevice, startGateway, TestClient, testToken, type ConnectOptions, type Frame, type TestGateway
} from '../helper.ts'

const scopes = ['operator.read', 'operator.write', 'operator.admin', 'operator.approvals', 'operator.pairing']

interface Answer {
  readonly code?: string
  readonly message: string
  readonly details?: { readonly [name: string]: unknown }
  readonly close: number
  /** Where it is not the message. */
  readonly reason?: string
}

interface Deviation extends Answer {
  readonly because: string
}

interface Case {
  readonly name: string
  readonly send: ConnectOptions
  readonly theirs: Answer
  readonly ours?: Deviation
}

const device = (change: (device: Frame) => Frame): ConnectOptions => ({ adjust: params => ({ ...params, device: change(params.device) }) })
/** Signed like everything else, but with another time. */
const signedAt = (shiftMs: number): ConnectOptions => {
  const identity = createDeviceIdentity()
  return { device: identity, adjust: params => ({ ...params, device: signedDevice(identity, params, { nonce: params.device.nonce, ts: params.device.signedAt + shiftMs }) }) }
}

const unauthorized = (message: string, code: string, authReason: string, recommendedNextStep: string, canRetryWithDeviceToken = false): Answer =>
  ({ message: `unauthorized: ${message}`, details: { code, authReason, canRetryWithDeviceToken, recommendedNextStep }, close: 1008 })
const wrongToken = "gateway token mismatch (use this gateway's gateway.auth.token or pair the device)"

const refusals: readonly Case[] = [
  {
    name: 'protocol 3 to 3',
    send: { adjust: params => ({ ...params, minProtocol: 3, maxProtocol: 3 }) },
    theirs: { message: 'protocol mismatch', details: { code: 'PROTOCOL_MISMATCH', clientMinProtocol: 3, clientMaxProtocol: 3, expectedProtocol: 4, minimumProbeProtocol: 3 }, close: 1002 },
    ours: { because: 'version 3 loses an operator nothing here, so such clients are let in', message: '', close: 0 }
  },
  {
    name: 'nonce omitted',
    send: device(({ nonce, ...rest }) => rest),
    theirs: { message: "invalid connect params: at /device: must have required property 'nonce'", close: 1008 },
    ours: {
      because: 'the documents promise a code for it',
      message: 'device nonce required',
      details: { code: 'DEVICE_AUTH_NONCE_REQUIRED', reason: 'device-nonce-missing' },
      close: 1008
    }
  },
  {
    name: 'nonce of blanks',
    send: device(rest => ({ ...rest, nonce: '  ' })),
    theirs: { message: 'device nonce required', details: { code: 'DEVICE_AUTH_NONCE_REQUIRED', reason: 'device-nonce-missing' }, close: 1008 }
  },
  {
    name: 'nonce wrong',
    send: device(rest => ({ ...rest, nonce: '00000000-0000-4000-8000-000000000000' })),
    theirs: { message: 'device nonce mismatch', details: { code: 'DEVICE_AUTH_NONCE_MISMATCH', reason: 'device-nonce-mismatch' }, close: 1008 }
  },
  {
    name: 'signed 20 minutes ago',
    send: signedAt(-20 * 60_000),
    theirs: { message: 'device signature expired', details: { code: 'DEVICE_AUTH_SIGNATURE_EXPIRED', reason: 'device-signature-stale' }, close: 1008 }
  },
  {
    name: 'signature wrong',
    send: device(rest => ({ ...rest, signature: Buffer.alloc(64, 7).toString('base64url') })),
    theirs: { message: 'device signature invalid', details: { code: 'DEVICE_AUTH_SIGNATURE_INVALID', reason: 'device-signature' }, close: 1008 }
  },
  {
    name: 'id of another device',
    send: device(rest => ({ ...rest, id: '0'.repeat(64) })),
    theirs: { message: 'device identity mismatch', details: { code: 'DEVICE_AUTH_DEVICE_ID_MISMATCH', reason: 'device-id-mismatch' }, close: 1008 }
  },
  {
    name: 'public key malformed',
    send: device(rest => ({ ...rest, publicKey: 'not-a-key' })),
    theirs: { message: 'device identity mismatch', details: { code: 'DEVICE_AUTH_DEVICE_ID_MISMATCH', reason: 'device-id-mismatch' }, close: 1008 },
    ours: { because: 'the documents promise a code for it', message: 'device public key invalid', details: { code: 'DEVICE_AUTH_PUBLIC_KEY_INVALID' }, close: 1008 }
  },
  {
    name: 'unknown client id',
    send: { client: { id: 'evil' } },
    theirs: { message: 'invalid connect params: at /client/id: must be equal to one of the allowed values', close: 1008 }
  },
  { name: 'unknown role', send: { role: 'superuser' }, theirs: { message: 'invalid role', close: 1008 } },
  {
    name: 'wrong token',
    send: { auth: { token: 'wrong' } },
    theirs: unauthorized(wrongToken, 'AUTH_TOKEN_MISMATCH', 'token_mismatch', 'retry_with_device_token', true)
  },
  {
    name: 'wrong secret in auth.password',
    send: { auth: { password: 'wrong' } },
    theirs: unauthorized(wrongToken, 'AUTH_TOKEN_MISMATCH', 'token_mismatch', 'update_auth_credentials')
  },
  {
    name: 'no credentials',
    send: { auth: false },
    theirs: unauthorized("gateway token missing (use this gateway's gateway.auth.token or pair the device)", 'AUTH_TOKEN_MISSING', 'token_missing', 'update_auth_configuration')
  },
  {
    name: 'invalid bootstrap token',
    send: { auth: { bootstrapToken: 'nope' } },
    theirs: unauthorized(
      'setup code invalid, expired, revoked, or already used (create a new code; review `openclaw devices list`)',
      'AUTH_BOOTSTRAP_TOKEN_INVALID', 'bootstrap_token_invalid', 'review_auth_configuration'
    )
  },
  {
    name: 'unknown device token',
    send: { auth: { deviceToken: 'garbage' } },
    theirs: unauthorized('device token mismatch (rotate/reissue device token)', 'AUTH_DEVICE_TOKEN_MISMATCH', 'device_token_mismatch', 'update_auth_credentials')
  },
  {
    name: 'node without a device',
    send: { device: false, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } },
    theirs: { code: 'NOT_PAIRED', message: 'device identity required', details: { code: 'DEVICE_IDENTITY_REQUIRED' }, close: 1008 }
  },
  {
    name: 'foreign browser origin',
    send: { socket: { origin: 'https://evil.example' } },
    theirs: {
      message: 'origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)',
      details: { code: 'CONTROL_UI_ORIGIN_NOT_ALLOWED', reason: 'origin not allowed' },
      close: 1008
    }
  }
]

t.test('refused connects are answered and closed as recorded', async t => {
  const gateway = await startGateway(t)
  for (const { name, send, theirs, ours } of refusals) {
    await t.test(ours ? `${name}: otherwise, because ${ours.because}` : name, async t => {
      const { client, response } = await connect(gateway.url, { scopes, ...send })
      const expected: Answer = ours ?? theirs
      if (expected.close === 0) {
        t.match(response, { ok: true })
        return closeClient(client)
      }
      t.match(response, { ok: false, error: { code: expected.code ?? 'INVALID_REQUEST', message: expected.message, details: expected.details ?? {} } })
      t.equal(response.error.message, expected.message)
      t.same(await client.close(), { code: expected.close, reason: expected.reason ?? expected.message })
    })
  }
})

t.test('odd first frames are answered and closed as recorded', async t => {
  const gateway = await startGateway(t, { config: { gateway: { handshakeTimeoutMs: 500 } } })
  const rows: readonly [name: string, frame: string | undefined, answered: boolean, close: { code: number, reason: string }][] = [
    ['not connect', '{"type":"req","id":"1","method":"health","params":{}}', true, { code: 1008, reason: 'invalid handshake: first request must be connect' }],
    ['an event', '{"type":"event","event":"x","payload":{}}', false, { code: 1008, reason: 'invalid request frame' }],
    ['no JSON', 'hello', false, { code: 1000, reason: '' }],
    ['65537 bytes', 'x'.repeat(65_537), false, { code: 1009, reason: '' }],
    ['nothing at all', undefined, false, { code: 1000, reason: '' }]
  ]
  for (const [name, frame, answered, close] of rows) {
    const { client } = await challenged(gateway.url)
    if (frame !== undefined) client.send(frame)
    t.same(await client.close(), close, name)
    const answers = client.frames.filter(({ type }) => type === 'res')
    t.match(answers, answered ? [{ id: '1', ok: false, error: { code: 'INVALID_REQUEST', message: close.reason } }] : [], name)
    t.equal(answers.length, answered ? 1 : 0, name)
  }
})

t.test('helpers without a device get the recorded scopes', async t => {
  const gateway = await startGateway(t)
  const helper = await admitted(gateway.url, { scopes, device: false, client: { id: 'gateway-client', mode: 'backend' } })
  t.match(helper.hello.auth, { role: 'operator', scopes })
  t.equal(helper.hello.auth.deviceToken, undefined)
  const other = await admitted(gateway.url, { scopes, device: false, client: { id: 'test', mode: 'backend' } })
  t.same(other.hello.auth.scopes, [])
  await closeClient(helper.client)
  await closeClient(other.client)
})

t.test('a good handshake has every field that was recorded, but those of things we do not have', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url, { scopes })
  t.match(hello, {
    type: 'hello-ok',
    protocol: 4,
    server: { version: String, bootId: String, connId: String },
    features: { methods: Array, events: Array, capabilities: Array },
    snapshot: {
      suspension: { phase: 'accepting' },
      presence: [{ mode: 'gateway', reason: 'self', text: /^Gateway: / }],
      health: { ok: true, defaultAgentId: 'main', agents: [{ agentId: 'main', isDefault: true }], sessions: { count: 0 }, eventLoop: { degraded: Boolean } },
      stateVersion: { presence: Number, health: Number },
      uptimeMs: Number,
      sessionDefaults: { defaultAgentId: 'main', mainKey: 'main', mainSessionKey: 'agent:main:main', scope: 'per-sender' },
      authMode: 'token',
      configPath: String,
      stateDir: String
    },
    auth: { role: 'operator', scopes, deviceToken: /^[\w-]{43}$/, issuedAtMs: Number },
    policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000, attachments: { maxBytes: 19_464_192, maxImageBytes: 6_291_456 } }
  })
  const recordedEvents = ['connect.challenge', 'presence', 'tick', 'shutdown', 'health', 'device.pair.requested', 'device.pair.resolved', 'node.pair.requested', 'node.pair.resolved']
  t.same(recordedEvents.filter(event => !hello.features.events.includes(event)), [])
  // No web UI is served, no plugin has a surface, and there is no second way of recovery to name. The published schema has no place
  // for the recorded `auth.method`.
  t.hasOwnProps(hello, ['type', 'protocol', 'server', 'features', 'snapshot', 'auth', 'policy'])
  t.notHas(hello.server, { buildId: String })
  await closeClient(client)
})

t.test('requests that fail are answered as recorded', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url, { scopes })
  const reader = await admitted(gateway.url, { scopes: ['operator.read'] })
  const nobody = await admitted(gateway.url, { scopes: [] })
  const missing = (scope: string): object =>
    ({ code: 'FORBIDDEN', message: `missing scope: ${scope}`, details: { code: 'MISSING_SCOPE', missingScope: scope, requiredScopes: [scope] } })
  const rows: readonly [TestClient, string, object, object][] = [
    [admin.client, 'no.such.method', {}, { code: 'INVALID_REQUEST', message: 'unknown method: no.such.method' }],
    [reader.client, 'chat.send', {}, missing('operator.write')],
    [reader.client, 'config.patch', {}, missing('operator.admin')],
    [reader.client, 'no.such.method', {}, missing('operator.admin')],
    [nobody.client, 'status', {}, missing('operator.read')]
  ]
  for (const [client, method, params, error] of rows) t.match((await client.request(method, params)).error, error, method)

  admin.client.send({ type: 'event', event: 'x', payload: {} })
  admin.client.send({ type: 'req', id: 'no-method' })
  t.match((await admin.client.frame(({ id }) => id === 'invalid')).error, { code: 'INVALID_REQUEST', message: /^invalid request frame: must have required property 'id'/ })
  t.match((await admin.client.frame(({ id }) => id === 'no-method')).error, { code: 'INVALID_REQUEST', message: "invalid request frame: must have required property 'method'" })
  for (const { client } of [admin, reader, nobody]) await closeClient(client)
})

t.test('a device token is reused, not widened, rotated and revoked as recorded', async t => {
  const gateway = await startGateway(t)
  const identity = createDeviceIdentity()
  const read = ['operator.read']
  const shared = await admitted(gateway.url, { device: identity, scopes: read })
  const { deviceToken, issuedAtMs } = shared.hello.auth
  const own = await admitted(gateway.url, { device: identity, scopes: read, auth: { deviceToken } })
  t.match(own.hello.auth, { scopes: read, deviceToken, issuedAtMs })
  await closeClient(own.client)

  const wider = await connect(gateway.url, { device: identity, scopes: ['operator.read', 'operator.admin'], auth: { deviceToken } })
  const scopeMismatch = unauthorized('device token scope mismatch (re-pair or approve scope upgrade)', 'AUTH_SCOPE_MISMATCH', 'scope_mismatch', 'review_auth_configuration')
  t.match(wider.response.error, { code: 'INVALID_REQUEST', message: scopeMismatch.message, details: scopeMismatch.details })
  t.same(await wider.client.close(), { code: 1008, reason: scopeMismatch.message })

  const admin = await admitted(gateway.url, { scopes })
  const target = { deviceId: identity.deviceId, role: 'operator' }
  const rotated = await admin.client.request('device.token.rotate', target)
  t.match(rotated.payload, { ...target, scopes: read, rotatedAtMs: Number, tokenDelivery: 'withheld-cross-device' })
  t.equal(rotated.payload.token, undefined)
  // Theirs says "device removed" whatever happened to the token.
  t.same(await shared.client.close(), { code: 4001, reason: 'device token rotated' })
  t.match((await admin.client.request('device.token.revoke', target)).payload, { ...target, revokedAtMs: Number })
  const revoked = await connect(gateway.url, { device: identity, scopes: read, auth: { deviceToken } })
  t.match(revoked.response.error, { message: 'unauthorized: device token mismatch (rotate/reissue device token)', details: { code: 'AUTH_DEVICE_TOKEN_MISMATCH' } })
  await closeClient(admin.client)
})

t.test('a device that rotates its own token is told the new one before it is shown out, as recorded', async t => {
  const gateway = await startGateway(t)
  const identity = createDeviceIdentity()
  const first = await admitted(gateway.url, { device: identity, scopes })
  const second = await admitted(gateway.url, { device: identity, scopes, auth: { deviceToken: first.hello.auth.deviceToken } })
  const { payload } = await second.client.request('device.token.rotate', { deviceId: identity.deviceId, role: 'operator' })
  t.match(payload, { tokenDelivery: 'in-band', token: /^[\w-]{43}$/ })
  t.same([...payload.scopes].sort(), [...scopes].sort())
  for (const { client } of [first, second]) t.same(await client.close(), { code: 4001, reason: 'device token rotated' })
  const again = await admitted(gateway.url, { device: identity, scopes, auth: { deviceToken: payload.token } })
  await closeClient(again.client)
})

async function pairingOf (gateway: TestGateway, options: ConnectOptions) {
  const { client, response } = await connect(gateway.url, options)
  const { reason } = await client.close()
  return { error: response.error, reason }
}

t.test('pairing, a wider wish and another role go as recorded', async t => {
  const gateway = await startGateway(t, { config: { gateway: { nodes: { pairing: { autoApproveLocal: false } } } } })
  const identity = createDeviceIdentity()
  const { deviceId } = identity
  const admin = await admitted(gateway.url, { scopes, device: false, client: { id: 'gateway-client', mode: 'backend' } })
  const resolvedFor = (requestId: string) => admin.client.frame(({ event, payload }) => event === 'device.pair.resolved' && payload.requestId === requestId)

  const fresh = await pairingOf(gateway, { device: identity, scopes: ['operator.read'] })
  t.match(fresh.error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is not approved yet',
    details: { code: 'PAIRING_REQUIRED', reason: 'not-paired', requestId: String, deviceId, requestedRole: 'operator', requestedScopes: ['operator.read'] }
  })
  const { requestId } = fresh.error.details
  t.equal(fresh.reason, `pairing required: device is not approved yet (requestId: ${requestId})`)
  const announced = { requestId, deviceId, platform: 'linux', clientId: 'cli', clientMode: 'cli', role: 'operator', roles: ['operator'], scopes: ['operator.read'], silent: false, isRepair: false, ts: Number }
  t.match((await admin.client.event('device.pair.requested')).payload, announced)
  t.match((await admin.client.request('device.pair.list', {})).payload, { pending: [announced] })
  const approved = await admin.client.request('device.pair.approve', { requestId })
  t.match(approved.payload, { requestId, device: { deviceId, roles: ['operator'], scopes: ['operator.read'], approvedVia: 'owner', tokens: [{ role: 'operator', scopes: ['operator.read'] }] } })
  t.match((await resolvedFor(requestId)).payload, { deviceId, decision: 'approved', ts: Number })
  const { client } = await admitted(gateway.url, { device: identity, scopes: ['operator.read'] })
  await closeClient(client)

  const wider = await pairingOf(gateway, { device: identity, scopes: ['operator.read', 'operator.write'] })
  t.match(wider.error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is asking for more scopes than currently approved',
    details: { reason: 'scope-upgrade', requestedScopes: ['operator.read', 'operator.write'], approvedRoles: ['operator'], approvedScopes: ['operator.read'] }
  })
  t.ok(wider.reason.startsWith(`${wider.error.message} (requestId: `) && Buffer.byteLength(wider.reason) <= 123)
  const rejected = await admin.client.request('device.pair.reject', { requestId: wider.error.details.requestId })
  t.match(rejected.payload, { requestId: wider.error.details.requestId, deviceId })
  t.match((await resolvedFor(wider.error.details.requestId)).payload, { decision: 'rejected' })

  const node: ConnectOptions = { device: identity, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', displayName: 'Transcript Node' } }
  const role = await pairingOf(gateway, node)
  t.match(role.error, { code: 'NOT_PAIRED', message: 'pairing required: device is asking for a higher role than currently approved', details: { reason: 'role-upgrade', requestedRole: 'node', approvedRoles: ['operator'] } })
  const second = await admin.client.request('device.pair.approve', { requestId: role.error.details.requestId })
  t.match(second.payload, { device: { displayName: 'Transcript Node', roles: ['operator', 'node'], scopes: ['operator.read'] } })
  const asNode = await admitted(gateway.url, node)
  t.match(asNode.hello.auth, { role: 'node', scopes: [], deviceToken: /^[\w-]{43}$/ })
  t.match((await admin.client.event('node.pair.requested')).payload, { nodeId: deviceId, caps: [], commands: [], requiredApproveScopes: ['operator.pairing'] })
  await closeClient(asNode.client)
  await closeClient(admin.client)
})

t.test('the end is announced and closed as recorded', async t => {
  const gateway = await startGateway(t)
  const clients = [await admitted(gateway.url, { scopes }), await admitted(gateway.url, { scopes: [], auth: { token: testToken } })]
  await gateway.gateway.stop()
  for (const { client } of clients) {
    t.match((await client.event('shutdown')).payload, { reason: 'gateway stopping' })
    t.same(await client.close(), { code: 1012, reason: 'service restart' })
  }
})
