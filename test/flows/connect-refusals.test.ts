/** Every way to be refused at the door, over a real socket: the answer first, then the close, both as the contract has them. */
import t, { type TAP } from 'tap'
import { createDeviceIdentity, signDevicePayload } from '../../src/lib/device-identity.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, challenged, closeClient, connect, signedDevice, startGateway, testToken, type ConnectOptions, type Frame, type TestClient } from '../helper.ts'

interface Expected {
  code: string
  detail: string
  close: number
  reason: string | RegExp
  details?: Frame
}

/** The refusal and the close, in this order, and nothing more. */
async function refused (t: Pick<TAP, 'equal' | 'match' | 'type'>, client: TestClient, response: Frame, expected: Expected): Promise<void> {
  t.equal(response.ok, false)
  t.match(response.error, { code: expected.code, details: { code: expected.detail, ...expected.details } })
  t.type(response.error.details.nextStep, 'string', 'says what to do next')
  const closed = await client.close()
  t.equal(closed.code, expected.close)
  t.match(closed.reason, expected.reason)
  t.equal(client.frames.at(-1)?.type, 'res', 'the answer was the last word')
}

t.test('connect refusals that need no special gateway', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { rateLimit: { exemptLoopback: true } } } } })

  const cases: Array<[string, ConnectOptions, Expected]> = [
    ['a wrong token', { auth: { token: 'wrong' } }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_TOKEN_MISMATCH', close: 1008, reason: /^unauthorized: gateway token mismatch/,
      details: { authReason: 'token_mismatch', canRetryWithDeviceToken: true, recommendedNextStep: 'retry_with_device_token' }
    }],
    ['a wrong secret in the password field', { auth: { password: 'wrong' } }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_TOKEN_MISMATCH', close: 1008, reason: /^unauthorized: gateway token mismatch/,
      details: { canRetryWithDeviceToken: false, recommendedNextStep: 'update_auth_credentials' }
    }],
    ['a signed device without any credential', { auth: false }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_TOKEN_MISSING', close: 1008, reason: /^unauthorized: gateway token missing/,
      details: { recommendedNextStep: 'update_auth_configuration' }
    }],
    ['an unknown setup code', { auth: { bootstrapToken: 'nope' } }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_BOOTSTRAP_TOKEN_INVALID', close: 1008, reason: /^unauthorized: setup code invalid/,
      details: { authReason: 'bootstrap_token_invalid', recommendedNextStep: 'review_auth_configuration' }
    }],
    ['an unknown device token', { auth: { deviceToken: 'garbage' } }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_DEVICE_TOKEN_MISMATCH', close: 1008, reason: /^unauthorized: device token mismatch/
    }],
    ['a node without a device', { device: false, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } }, {
      code: 'NOT_PAIRED', detail: 'DEVICE_IDENTITY_REQUIRED', close: 1008, reason: 'device identity required'
    }],
    ['nothing at all', { device: false, auth: false }, {
      code: 'NOT_PAIRED', detail: 'DEVICE_IDENTITY_REQUIRED', close: 1008, reason: 'device identity required'
    }],
    ['a wrong token without a device', { device: false, auth: { token: 'wrong' } }, {
      code: 'INVALID_REQUEST', detail: 'AUTH_TOKEN_MISMATCH', close: 1008, reason: /^unauthorized/
    }],
    ['a control UI without a device', {
      device: false, client: { id: 'openclaw-control-ui', mode: 'ui' }, socket: { origin: '' }
    }, {
      code: 'INVALID_REQUEST', detail: 'CONTROL_UI_ORIGIN_NOT_ALLOWED', close: 1008, reason: /^origin not allowed/, details: { reason: 'origin missing or invalid' }
    }],
    ['a terminal UI without a device', { device: false, client: { id: 'openclaw-tui', mode: 'ui' } }, {
      code: 'INVALID_REQUEST', detail: 'CONTROL_UI_DEVICE_IDENTITY_REQUIRED', close: 1008, reason: /^control ui requires device identity/
    }],
    ['a foreign origin', { socket: { origin: 'https://evil.example' } }, {
      code: 'INVALID_REQUEST', detail: 'CONTROL_UI_ORIGIN_NOT_ALLOWED', close: 1008, reason: /^origin not allowed/, details: { reason: 'origin not allowed' }
    }],
    ['an unknown client id', { client: { id: 'evil' } }, {
      code: 'INVALID_REQUEST', detail: 'INVALID_PARAMS', close: 1008, reason: 'invalid connect params: at /client/id: must be equal to one of the allowed values'
    }],
    ['an unknown field', { adjust: params => ({ ...params, bogus: 1 }) }, {
      code: 'INVALID_REQUEST', detail: 'INVALID_PARAMS', close: 1008, reason: "invalid connect params: at root: unexpected property 'bogus'"
    }],
    ['an unknown role', { role: 'superuser' }, {
      code: 'INVALID_REQUEST', detail: 'INVALID_ROLE', close: 1008, reason: 'invalid role'
    }],
    ['a protocol from the future', { adjust: params => ({ ...params, minProtocol: 5, maxProtocol: 9 }) }, {
      code: 'INVALID_REQUEST', detail: 'PROTOCOL_MISMATCH', close: 1002, reason: 'protocol mismatch',
      details: { clientMinProtocol: 5, clientMaxProtocol: 9, expectedProtocol: 4, minimumProbeProtocol: 3 }
    }],
    ['a protocol from the past', { adjust: params => ({ ...params, minProtocol: 1, maxProtocol: 2 }) }, {
      code: 'INVALID_REQUEST', detail: 'PROTOCOL_MISMATCH', close: 1002, reason: 'protocol mismatch'
    }]
  ]

  for (const [name, options, expected] of cases) {
    await t.test(name, async t => {
      const { client, response } = await connect(gateway.url, options)
      await refused(t, client, response, expected)
    })
  }
})

t.test('device proofs that do not hold', async t => {
  const gateway = await startGateway(t)
  const rejectDevice = (code: string, reason: string, message: string): Expected =>
    ({ code: 'INVALID_REQUEST', detail: code, close: 1008, reason: message, details: { reason } })
  const withDevice = (change: (device: Frame, params: Frame) => Frame): ConnectOptions =>
    ({ adjust: params => ({ ...params, device: change(params.device, params) }) })
  const without = (device: Frame, field: string): Frame => Object.fromEntries(Object.entries(device).filter(([key]) => key !== field))

  const cases: Array<[string, ConnectOptions, Expected]> = [
    ['no nonce', withDevice(device => without(device, 'nonce')), rejectDevice('DEVICE_AUTH_NONCE_REQUIRED', 'device-nonce-missing', 'device nonce required')],
    ['an empty nonce', withDevice(device => ({ ...device, nonce: '' })), rejectDevice('DEVICE_AUTH_NONCE_REQUIRED', 'device-nonce-missing', 'device nonce required')],
    ['a blank nonce', withDevice(device => ({ ...device, nonce: '  ' })), rejectDevice('DEVICE_AUTH_NONCE_REQUIRED', 'device-nonce-missing', 'device nonce required')],
    ['a null nonce', withDevice(device => ({ ...device, nonce: null })), rejectDevice('DEVICE_AUTH_NONCE_REQUIRED', 'device-nonce-missing', 'device nonce required')],
    ['a nonce of nobody', withDevice(device => ({ ...device, nonce: '00000000-0000-4000-8000-000000000000' })),
      rejectDevice('DEVICE_AUTH_NONCE_MISMATCH', 'device-nonce-mismatch', 'device nonce mismatch')],
    ['an id that is not the hash of the key', withDevice(device => ({ ...device, id: '0'.repeat(64) })),
      rejectDevice('DEVICE_AUTH_DEVICE_ID_MISMATCH', 'device-id-mismatch', 'device identity mismatch')],
    ['a key that is no key', withDevice(device => ({ ...device, publicKey: 'not-a-key' })),
      rejectDevice('DEVICE_AUTH_PUBLIC_KEY_INVALID', 'device-public-key', 'device public key invalid')],
    ['an empty key', withDevice(device => ({ ...device, publicKey: '' })),
      rejectDevice('DEVICE_AUTH_PUBLIC_KEY_INVALID', 'device-public-key', 'device public key invalid')],
    ['a signature of something else', withDevice((device, params) => ({ ...device, signature: signDevicePayload(createDeviceIdentity(), JSON.stringify(params)) })),
      rejectDevice('DEVICE_AUTH_SIGNATURE_INVALID', 'device-signature', 'device signature invalid')],
    ['a signature that is no signature', withDevice(device => ({ ...device, signature: 'AAAA' })),
      rejectDevice('DEVICE_AUTH_SIGNATURE_INVALID', 'device-signature', 'device signature invalid')]
  ]
  for (const [name, options, expected] of cases) {
    await t.test(name, async t => {
      const { client, response } = await connect(gateway.url, options)
      await refused(t, client, response, expected)
    })
  }

  await t.test('a signature made twenty minutes ago names our time and the skew', async t => {
    const { client, challenge } = await challenged(gateway.url)
    const params: Frame = {
      minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, role: 'operator', scopes: [], auth: { token: testToken }
    }
    const ts = Date.now() - 20 * 60_000
    params.device = signedDevice(createDeviceIdentity(), params, { nonce: challenge.nonce, ts })
    client.send({ type: 'req', id: 'connect', method: 'connect', params })
    const response = await client.frame(frame => frame.type === 'res')
    await refused(t, client, response, rejectDevice('DEVICE_AUTH_SIGNATURE_EXPIRED', 'device-signature-stale', 'device signature expired'))
    t.type(response.error.details.serverTimeMs, 'number')
    t.ok(Math.abs(Math.abs(response.error.details.skewMs) - 20 * 60_000) < 60_000)
  })

  await t.test('platform and family are part of the signature', async t => {
    const options: ConnectOptions = { adjust: params => ({ ...params, client: { ...params.client, deviceFamily: 'iPhone' } }) }
    const { client, response } = await connect(gateway.url, options)
    await refused(t, client, response, rejectDevice('DEVICE_AUTH_SIGNATURE_INVALID', 'device-signature', 'device signature invalid'))
  })
})

t.test('first frames that are no connect', async t => {
  const gateway = await startGateway(t)

  await t.test('another method is answered, then refused', async t => {
    const { client } = await challenged(gateway.url)
    client.send({ type: 'req', id: '1', method: 'health', params: {} })
    const response = await client.frame(frame => frame.type === 'res')
    await refused(t, client, response, {
      code: 'INVALID_REQUEST', detail: 'INVALID_HANDSHAKE', close: 1008, reason: 'invalid handshake: first request must be connect'
    })
  })

  for (const [name, frame, code, reason] of [
    ['an event', { type: 'event', event: 'x', payload: {} }, 1008, 'invalid request frame'],
    ['a response', { type: 'res', id: '1', ok: true }, 1008, 'invalid request frame'],
    ['a request without an id', { type: 'req', method: 'connect' }, 1008, 'invalid request frame'],
    ['an array', [], 1008, 'invalid request frame'],
    ['a number', 7, 1008, 'invalid request frame'],
    ['no JSON', 'not json', 1000, ''],
    ['an empty frame', '', 1000, '']
  ] as const) {
    await t.test(`${name} ends the connection without an answer`, async t => {
      const { client } = await challenged(gateway.url)
      client.send(frame)
      t.same(await client.close(), { code, reason })
      t.equal(client.frames.length, 1, 'nothing but the challenge was said')
    })
  }

  await t.test('64 KiB are read, one byte more is too large', async t => {
    const fits = await challenged(gateway.url)
    fits.client.send('x'.repeat(65_536))
    t.same(await fits.client.close(), { code: 1000, reason: '' }, 'it was parsed, and was no JSON')
    const over = await challenged(gateway.url)
    over.client.send('x'.repeat(65_537))
    t.same(await over.client.close(), { code: 1009, reason: '' })
  })

  await t.test('a frame that only claims to be huge is cut off while it arrives', async t => {
    const { client } = await challenged(gateway.url)
    const chunk = Buffer.alloc(16_384, 'x')
    for (let i = 0; i < 8; i++) client.socket.send(chunk, { fin: false, binary: false })
    t.equal((await client.close()).code, 1009)
  })

  await t.test('binary frames with valid JSON are served like text', async t => {
    const { client } = await challenged(gateway.url)
    client.socket.send(Buffer.from(JSON.stringify({ type: 'req', id: '1', method: 'health' })), { binary: true })
    t.match(await client.frame(frame => frame.type === 'res'), { error: { details: { code: 'INVALID_HANDSHAKE' } } })
  })
})

t.test('a silent client is shown out when the handshake time is over', async t => {
  const gateway = await startGateway(t, { config: { gateway: { handshakeTimeoutMs: 300 } } })
  const { client } = await challenged(gateway.url)
  t.same(await client.close(), { code: 1000, reason: '' })
})

t.test('too many frames behind an unfinished handshake', async t => {
  const gateway = await startGateway(t)
  const { client } = await challenged(gateway.url)
  const params = { minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, auth: { token: 'wrong' } }
  client.send({ type: 'req', id: 'connect', method: 'connect', params })
  for (let i = 0; i < 20; i++) client.send({ type: 'req', id: `${i}`, method: 'health' })
  t.same(await client.close(), { code: 1008, reason: 'too many pending handshake frames' })
})

t.test('password mode has words of its own', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { mode: 'password', token: null, password: 'correct horse battery' } } } })
  const wrong = await connect(gateway.url, { auth: { password: 'wrong' } })
  await refused(t, wrong.client, wrong.response, { code: 'INVALID_REQUEST', detail: 'AUTH_PASSWORD_MISMATCH', close: 1008, reason: /password mismatch/ })
  const missing = await connect(gateway.url, { auth: false })
  await refused(t, missing.client, missing.response, { code: 'INVALID_REQUEST', detail: 'AUTH_PASSWORD_MISSING', close: 1008, reason: /password missing/ })
  const { client } = await admitted(gateway.url, { auth: { password: 'correct horse battery' } })
  await closeClient(client)
  const other = await admitted(gateway.url, { auth: { token: 'correct horse battery' } })
  await closeClient(other.client)
})

t.test('a page of another origin is locked out after ten guesses, even with the right token, and nobody else is', async t => {
  const origin = 'https://pages.example'
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: [origin, 'https://other.example'] } } } })
  for (let i = 0; i < 10; i++) {
    const { client, response } = await connect(gateway.url, { auth: { token: `guess-${i}` }, socket: { origin } })
    t.equal(response.error.details.code, 'AUTH_TOKEN_MISMATCH')
    await client.close()
  }
  const locked = await connect(gateway.url, { socket: { origin } })
  await refused(t, locked.client, locked.response, {
    code: 'INVALID_REQUEST', detail: 'AUTH_RATE_LIMITED', close: 1008, reason: /^unauthorized: too many failed authentication attempts/,
    details: { recommendedNextStep: 'wait_then_retry' }
  })
  t.equal(locked.response.error.retryable, true)
  t.ok(locked.response.error.retryAfterMs > 200_000 && locked.response.error.retryAfterMs <= 300_000)
  const other = await connect(gateway.url, { socket: { origin: 'https://other.example' } })
  t.equal(other.response.error.details.code, 'PAIRING_REQUIRED', 'another page gets past the secret, and must be paired')
  await closeClient((await admitted(gateway.url)).client)
})

t.test('a gateway that is full says so to whoever could come in, and serves those who are in', async t => {
  const gateway = await startGateway(t, { config: { gateway: { limits: { maxConnections: 1 } } } })
  const { client: first } = await admitted(gateway.url)
  const late = await connect(gateway.url)
  await refused(t, late.client, late.response, { code: 'UNAVAILABLE', detail: 'BUSY', close: 1013, reason: 'too many connections' })
  t.match(late.response.error, { retryable: true, retryAfterMs: Number })
  const guess = await connect(gateway.url, { auth: { token: 'wrong' } })
  t.equal(guess.response.error.details.code, 'AUTH_TOKEN_MISMATCH', 'and nothing to whoever could not')
  t.equal((await first.request('health')).ok, true)
  await closeClient(first)
  const comesIn = async (): Promise<boolean> => {
    const { client, response } = await connect(gateway.url)
    await closeClient(client)
    return response.ok
  }
  t.ok(await eventually(comesIn), 'the place is free again')
})

t.test('what goes wrong inside the gateway has an id to report and ends as an internal error', async t => {
  const store = createMemoryStore()
  const gateway = await startGateway(t, { store: { ...store, commit: async () => { throw new Error('the memory is out of order') } } })
  const { client, response } = await connect(gateway.url)
  await refused(t, client, response, { code: 'UNAVAILABLE', detail: 'INTERNAL', close: 1011, reason: 'internal error', details: { errorId: String } })
  t.notMatch(JSON.stringify(client.frames), 'out of order', 'the cause is for the log')
})

for (const [mode, detail] of [['token', 'AUTH_TOKEN_NOT_CONFIGURED'], ['password', 'AUTH_PASSWORD_NOT_CONFIGURED']] as const) {
  t.test(`a gateway in ${mode} mode that has none says that it is the gateway that lacks it`, async t => {
    const gateway = await startGateway(t, { config: { gateway: { auth: { mode, token: null } } } })
    const { client, response } = await connect(gateway.url, { auth: { [mode]: 'anything' } })
    await refused(t, client, response, {
      code: 'INVALID_REQUEST', detail, close: 1008, reason: `unauthorized: gateway ${mode} not configured on the gateway`,
      details: { authReason: `${mode}_missing_config`, recommendedNextStep: 'update_auth_configuration' }
    })
  })
}
