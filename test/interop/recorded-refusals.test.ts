/**
 * The connects that the existing gateway (2026.9.6) refused are sent to ours, with fresh keys, and the answers are compared. `theirs` is
 * what was recorded. `ours` stands where we answer otherwise on purpose, with the reason.
 */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { closeClient, connect, signedDevice, startGateway, type ConnectOptions, type Frame } from '../helper.ts'
import { scopes, unauthorized, type Answer } from './recorded-answers.ts'

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
