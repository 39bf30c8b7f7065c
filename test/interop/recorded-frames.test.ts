/** First frames, good handshakes, failing requests and the end, as they were recorded of the existing gateway (2026.9.6). */
import t from 'tap'
import { admitted, challenged, closeClient, startGateway, testToken, type TestClient } from '../helper.ts'
import { scopes } from './recorded-answers.ts'

t.test('odd first frames are answered and closed as recorded', async t => {
  const patient = await startGateway(t)
  const hurried = await startGateway(t, { config: { gateway: { handshakeTimeoutMs: 500 } } })
  const rows: readonly [name: string, frame: string | undefined, answered: boolean, close: { code: number, reason: string }][] = [
    ['not connect', '{"type":"req","id":"1","method":"health","params":{}}', true, { code: 1008, reason: 'invalid handshake: first request must be connect' }],
    ['an event', '{"type":"event","event":"x","payload":{}}', false, { code: 1008, reason: 'invalid request frame' }],
    ['no JSON', 'hello', false, { code: 1000, reason: '' }],
    ['65537 bytes', 'x'.repeat(65_537), false, { code: 1009, reason: '' }],
    ['nothing at all', undefined, false, { code: 1000, reason: '' }]
  ]
  for (const [name, frame, answered, close] of rows) {
    const { client } = await challenged((frame === undefined ? hurried : patient).url)
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

t.test('the end is announced and closed as recorded', async t => {
  const gateway = await startGateway(t)
  const clients = [await admitted(gateway.url, { scopes }), await admitted(gateway.url, { scopes: [], auth: { token: testToken } })]
  await gateway.gateway.stop()
  for (const { client } of clients) {
    t.match((await client.event('shutdown')).payload, { reason: 'gateway stopping' })
    t.same(await client.close(), { code: 1012, reason: 'service restart' })
  }
})
