import t from 'tap'
import { createHash, randomBytes } from 'node:crypto'
import nacl from 'tweetnacl'
import { createDeviceKeyCache } from '../../src/auth/device-key.ts'
import { verifyDeviceProof, type DeviceProofRequest } from '../../src/auth/device-proof.ts'
import { createNonces } from '../../src/auth/nonces.ts'
import { createDeviceIdentity, signDevicePayload, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { deviceAuthPayloadV2, deviceAuthPayloadV3, signedToken, type DeviceAuthFields } from '../../src/protocol/device-auth.ts'
import { isGatewayError } from '../../src/protocol/errors.ts'

const identity = createDeviceIdentity()
const nowMs = 1_750_000_000_000
const nonceTs = nowMs - 40
const nonce = '5f3c1f0e-5f1c-4f3a-9d5e-0d6a3c1b2a90'
const client = { id: 'cli' as const, mode: 'cli' as const, platform: ' Linux ', deviceFamily: 'PC' }

interface Variation {
  who?: DeviceIdentity
  version?: 'v3' | 'v2'
  /** What is signed, where it differs from what is sent. */
  signed?: Partial<DeviceAuthFields>
  device?: { [key: string]: unknown }
  request?: Partial<DeviceProofRequest>
  signedAtMs?: number
}

function request ({ who = identity, version = 'v3', signed = {}, device = {}, request = {}, signedAtMs = nonceTs }: Variation = {}): DeviceProofRequest {
  const base = { client, role: 'operator', scopes: ['operator.write', 'operator.read'], auth: { token: 'shared' }, now: nowMs, ...request }
  const fields: DeviceAuthFields = {
    deviceId: who.deviceId,
    clientId: base.client.id,
    clientMode: base.client.mode,
    role: base.role,
    scopes: base.scopes,
    signedAtMs,
    token: signedToken(base.auth),
    nonce,
    platform: base.client.platform,
    deviceFamily: base.client.deviceFamily,
    ...signed
  }
  const signature = signDevicePayload(who, version === 'v3' ? deviceAuthPayloadV3(fields) : deviceAuthPayloadV2(fields))
  return {
    ...base,
    device: { id: who.deviceId, publicKey: who.publicKey, signature, signedAt: signedAtMs, nonce, ...device } as DeviceProofRequest['device'],
    takeNonce: request.takeNonce ?? (given => given === nonce ? { ts: nonceTs } : undefined)
  }
}

const refusal = (variation: Variation) => {
  try {
    verifyDeviceProof(request(variation))
    return { code: 'accepted', details: {} }
  } catch (error) {
    if (!isGatewayError(error)) throw error
    return error
  }
}
const code = (variation: Variation): string => refusal(variation).code

t.test('a device that signed this connect is who it says', async t => {
  const proof = { deviceId: identity.deviceId, publicKey: identity.publicKey }
  t.same(verifyDeviceProof(request()), { ...proof, payloadVersion: 'v3' })
  t.same(verifyDeviceProof(request({ version: 'v2' })), { ...proof, payloadVersion: 'v2' })
})

t.test('keys and signatures are taken as PEM and in either base64, and stored in one form', async t => {
  const standard = (text: string): string => Buffer.from(text, 'base64url').toString('base64')
  for (const publicKey of [identity.publicKeyPem, standard(identity.publicKey), `${identity.publicKey}=`]) {
    t.equal(verifyDeviceProof(request({ device: { publicKey } })).publicKey, identity.publicKey)
  }
  const { signature } = request().device
  for (const spelled of [standard(signature), `${signature}==`]) {
    t.equal(verifyDeviceProof(request({ device: { signature: spelled } })).deviceId, identity.deviceId)
  }
})

t.test('a client that signs with tweetnacl is understood', async t => {
  const pair = nacl.sign.keyPair()
  const deviceId = createHash('sha256').update(pair.publicKey).digest('hex')
  const payload = `v3|${deviceId}|cli|cli|operator|operator.write,operator.read|${nonceTs}|shared|${nonce}|linux|pc`
  const device = {
    id: deviceId,
    publicKey: Buffer.from(pair.publicKey).toString('base64url'),
    signature: Buffer.from(nacl.sign.detached(Buffer.from(payload), pair.secretKey)).toString('base64url')
  }
  t.equal(verifyDeviceProof(request({ device })).deviceId, deviceId)
})

t.test('without a nonce nothing else is asked', async t => {
  for (const blank of [undefined, null, '', '   ', '\t\n']) {
    t.equal(code({ device: { nonce: blank, publicKey: 'nonsense', id: 'nonsense' } }), 'DEVICE_AUTH_NONCE_REQUIRED', JSON.stringify(blank))
  }
})

t.test('an unusable key is named before the id that cannot match it', async t => {
  const wrong = ['', 'nonsense', '!!!', randomBytes(31).toString('base64url'), randomBytes(33).toString('base64url'),
    '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', Buffer.alloc(32).toString('base64url')]
  for (const publicKey of wrong) t.equal(code({ device: { publicKey } }), 'DEVICE_AUTH_PUBLIC_KEY_INVALID', JSON.stringify(publicKey))
  const short = randomBytes(31)
  const id = createHash('sha256').update(short).digest('hex')
  t.equal(code({ device: { publicKey: short.toString('base64url'), id } }), 'DEVICE_AUTH_PUBLIC_KEY_INVALID', 'also when the id is its hash')
})

t.test('the id must be the hash of the key, in lower case', async t => {
  const other = createDeviceIdentity()
  for (const id of ['x', other.deviceId, identity.deviceId.toUpperCase(), ` ${identity.deviceId}`]) {
    t.equal(code({ device: { id } }), 'DEVICE_AUTH_DEVICE_ID_MISMATCH', id)
  }
  t.equal(code({ device: { publicKey: other.publicKey } }), 'DEVICE_AUTH_DEVICE_ID_MISMATCH')
})

t.test('a nonce of another connection is refused, ours may be padded', async t => {
  t.equal(code({ device: { nonce: 'another' } }), 'DEVICE_AUTH_NONCE_MISMATCH')
  t.equal(code({ device: { nonce: nonce.toUpperCase() } }), 'DEVICE_AUTH_NONCE_MISMATCH')
  t.equal(verifyDeviceProof(request({ device: { nonce: ` ${nonce} ` } })).deviceId, identity.deviceId)
})

t.test('a proof that was overheard is worth nothing on a second connection', async t => {
  const nonces = createNonces({ now: () => nowMs })
  const issued = nonces.issue()
  const signed = { nonce: issued.nonce }
  const overheard = request({ signed, device: signed, signedAtMs: issued.ts, request: { takeNonce: nonces.take } })
  t.equal(verifyDeviceProof(overheard).deviceId, identity.deviceId)
  t.throws(() => verifyDeviceProof(overheard), { code: 'DEVICE_AUTH_NONCE_MISMATCH' })
})

t.test('the time of the nonce is always fresh, whatever the clocks say', async t => {
  for (const now of [nowMs - 10 * 86_400_000, nowMs, nowMs + 10 * 86_400_000]) {
    t.equal(verifyDeviceProof(request({ request: { now } })).deviceId, identity.deviceId)
  }
})

t.test('another time must lie within two minutes of ours, and the refusal says how far off it is', async t => {
  for (const skewMs of [-120_000, -1, 0, 1, 120_000]) t.equal(code({ signedAtMs: nowMs + skewMs }), 'accepted', String(skewMs))
  for (const skewMs of [-120_001, 120_001, 3_600_000]) {
    t.match(refusal({ signedAtMs: nowMs + skewMs }), { code: 'DEVICE_AUTH_SIGNATURE_EXPIRED', details: { serverTimeMs: nowMs, skewMs } }, String(skewMs))
  }
  t.equal(code({ signedAtMs: 0 }), 'DEVICE_AUTH_SIGNATURE_EXPIRED')
})

t.test('whatever is changed after signing breaks the signature', async t => {
  const changes: { [field: string]: Partial<DeviceAuthFields> } = {
    deviceId: { deviceId: 'other' },
    clientId: { clientId: 'openclaw-macos' },
    clientMode: { clientMode: 'ui' },
    role: { role: 'node' },
    scopes: { scopes: ['operator.write', 'operator.read', 'operator.admin'] },
    'order of scopes': { scopes: ['operator.read', 'operator.write'] },
    signedAt: { signedAtMs: nonceTs - 1 },
    token: { token: 'another' },
    nonce: { nonce: 'another' }
  }
  for (const version of ['v3', 'v2'] as const) {
    for (const [name, signed] of Object.entries(changes)) t.equal(code({ version, signed }), 'DEVICE_AUTH_SIGNATURE_INVALID', `${name} in ${version}`)
  }
  t.equal(code({ signed: { platform: 'macos' } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
  t.equal(code({ signed: { deviceFamily: 'iphone' } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
})

t.test('the signed token is the first that is sent', async t => {
  const cases = [[{ token: 'a', deviceToken: 'b', bootstrapToken: 'c' }, 'a'], [{ deviceToken: 'b', bootstrapToken: 'c' }, 'b'], [{ bootstrapToken: 'c' }, 'c'],
    [{ password: 'p' }, ''], [undefined, '']] as const
  for (const [auth, token] of cases) t.equal(code({ request: { auth }, signed: { token } }), 'accepted', JSON.stringify(auth))
})

t.test('no other signature will do', async t => {
  const good = Buffer.from(request().device.signature, 'base64url')
  const zero = Buffer.alloc(64)
  for (const signature of ['', 'nonsense', '!', good.subarray(1).toString('base64url'), Buffer.concat([good, zero]).toString('base64url'), zero.toString('base64url'),
    good.toString('hex'), 'A'.repeat(100_000)]) {
    t.equal(code({ device: { signature } }), 'DEVICE_AUTH_SIGNATURE_INVALID', signature.slice(0, 20))
  }
  const other = createDeviceIdentity()
  t.equal(code({ device: { id: other.deviceId, publicKey: other.publicKey } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
})

t.test('the order of refusals is fixed', async t => {
  const wrong = { publicKey: 'nonsense', id: 'x', nonce: 'x', signature: 'x', signedAt: 0 }
  const good = request().device
  t.equal(code({ device: { ...wrong, nonce: '' } }), 'DEVICE_AUTH_NONCE_REQUIRED')
  t.equal(code({ device: wrong }), 'DEVICE_AUTH_PUBLIC_KEY_INVALID')
  t.equal(code({ device: { ...wrong, publicKey: good.publicKey } }), 'DEVICE_AUTH_DEVICE_ID_MISMATCH')
  t.equal(code({ device: { ...wrong, publicKey: good.publicKey, id: good.id } }), 'DEVICE_AUTH_NONCE_MISMATCH')
  t.equal(code({ device: { ...good, signedAt: 0, signature: 'x' } }), 'DEVICE_AUTH_SIGNATURE_EXPIRED')
  t.equal(code({ device: { ...good, signature: 'x' } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
})

t.test('only keys that proved themselves are remembered, and a remembered key proves nothing by itself', async t => {
  const keys = createDeviceKeyCache()
  t.equal(code({ device: { signature: 'x' }, request: { keys } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
  t.equal(keys.size(), 0)
  for (let round = 0; round < 3; round++) t.equal(code({ request: { keys } }), 'accepted')
  t.equal(keys.size(), 1)
  t.equal(code({ device: { id: createDeviceIdentity().deviceId }, request: { keys } }), 'DEVICE_AUTH_DEVICE_ID_MISMATCH')
  t.equal(code({ device: { signature: 'x' }, request: { keys } }), 'DEVICE_AUTH_SIGNATURE_INVALID')
})

t.test('a thousand devices leave at most 256 keys in memory', async t => {
  const keys = createDeviceKeyCache()
  for (let device = 0; device < 300; device++) verifyDeviceProof(request({ who: createDeviceIdentity(), request: { keys } }))
  t.equal(keys.size(), 256)
})

const clock = (startMs = 1_000_000) => {
  let nowMs = startMs
  return { now: () => nowMs, advance: (ms: number) => { nowMs += ms } }
}

t.test('a nonce works once and remembers when it was issued', async t => {
  const { now } = clock()
  const nonces = createNonces({ now })
  const { nonce, ts, expiresAtMs } = nonces.issue()
  t.equal(ts, now())
  t.equal(expiresAtMs, ts + 120_000)
  t.same(nonces.take(nonce), { ts })
  t.equal(nonces.take(nonce), undefined)
})

t.test('a nonce ends with its time, and strangers have none', async t => {
  const { now, advance } = clock()
  const nonces = createNonces({ now, ttlMs: 1_000 })
  const early = nonces.issue().nonce
  const late = nonces.issue().nonce
  advance(999)
  t.ok(nonces.take(early))
  advance(1)
  t.equal(nonces.take(late), undefined)
  for (const nonce of ['', 'x', early.toUpperCase(), ` ${early}`]) t.equal(nonces.take(nonce), undefined)
})

t.test('the oldest nonce gives way, and what has expired takes no place', async t => {
  const { now, advance } = clock()
  const nonces = createNonces({ now, ttlMs: 1_000, max: 3 })
  const [first, second] = [nonces.issue().nonce, nonces.issue().nonce]
  for (let round = 0; round < 2; round++) nonces.issue()
  t.equal(nonces.size(), 3)
  t.equal(nonces.take(first), undefined)
  t.ok(nonces.take(second))
  for (let round = 0; round < 10_000; round++) nonces.issue()
  t.equal(nonces.size(), 3)
  advance(1_000)
  nonces.issue()
  t.equal(nonces.size(), 1)
})
