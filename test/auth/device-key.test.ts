import t from 'tap'
import { createHash, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import nacl from 'tweetnacl'
import { createDeviceKeyCache, decodeBase64, readDeviceKey } from '../../src/auth/device-key.ts'

const groupOrder = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n
const fieldPrime = 2n ** 255n - 19n

const littleEndian = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
const readLittleEndian = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)

/** All encodings of points of small order, as published: the proper ones, with either sign, and those that exceed the field. */
const smallOrderPoints = [0n, 1n, fieldPrime - 1n, fieldPrime, fieldPrime + 1n,
  readLittleEndian(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  readLittleEndian(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex'))
].flatMap(y => [littleEndian(y), littleEndian(y + 2n ** 255n)])

t.test('a key is read in every form in which clients send it', async t => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const expected = { deviceId: createHash('sha256').update(raw).digest('hex'), publicKey: raw.toString('base64url') }
  const forms = [raw.toString('base64url'), raw.toString('base64'), `${raw.toString('base64url')}=`, ` ${raw.toString('base64')}\n`,
    pem, pem.trim(), pem.replaceAll('\n', '\r\n'), `\n${pem}`]
  for (const form of forms) t.match(readDeviceKey(form), expected, JSON.stringify(form))
})

t.test('what is no Ed25519 public key is refused', async t => {
  const pem = (type: 'x25519' | 'ed448'): string => generateKeyPairSync(type as 'x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const good = generateKeyPairSync('ed25519')
  const goodPem = good.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const wrong = ['', ' ', 'not a key', 'AAAA', randomBytes(31).toString('base64url'), randomBytes(33).toString('base64url'), `!${randomBytes(32).toString('base64url')}`,
    `${randomBytes(32).toString('base64url')}====`, randomBytes(32).toString('hex'), pem('x25519'), pem('ed448'), goodPem.replace('BEGIN PUBLIC', 'BEGIN RSA'),
    goodPem.replace('-----END PUBLIC KEY-----', ''), goodPem.replace(/\n[^\n]+\n/, '\n\n'), goodPem + goodPem, 'A'.repeat(100_000),
    good.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()]
  for (const text of wrong) t.equal(readDeviceKey(text), undefined, JSON.stringify(text.slice(0, 60)))
})

t.test('a key under which anybody could sign is refused', async t => {
  t.equal(new Set(smallOrderPoints.map(point => point.toString('hex'))).size, 14)
  const identity = littleEndian(1n)
  const forged = Buffer.concat([identity, Buffer.alloc(32)])
  t.equal(nacl.sign.detached.verify(Buffer.from('anything'), forged, identity), true, 'such keys exist')
  for (const point of smallOrderPoints) t.equal(readDeviceKey(point.toString('base64url')), undefined, point.toString('hex'))
})

t.test('a key that is not written the one proper way is refused', async t => {
  for (let above = 2n; above < 19n; above++) t.equal(readDeviceKey(littleEndian(fieldPrime + above).toString('base64url')), undefined)
  t.ok(readDeviceKey(littleEndian(fieldPrime - 2n).toString('base64url')), 'the largest proper number is a key')
})

t.test('base64 is decoded strictly', async t => {
  t.same(decodeBase64('_-8='), Buffer.from([0xff, 0xef]))
  t.same(decodeBase64('/+8'), Buffer.from([0xff, 0xef]))
  for (const text of ['', '=', 'a', 'ab=c', 'ab c', 'ab\n\nc!', 'a===', 'äb']) t.equal(decodeBase64(text), undefined, JSON.stringify(text))
})

interface Vector { name: string, message: Buffer, signature: Uint8Array, publicKey: Uint8Array }

const flipped = (bytes: Uint8Array, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

function vectors (): Vector[] {
  const all: Vector[] = []
  for (let seed = 0; seed < 12; seed++) {
    const pair = nacl.sign.keyPair.fromSeed(createHash('sha256').update(`seed ${seed}`).digest())
    const message = Buffer.from(`message ${seed}`.repeat(seed))
    const signature = nacl.sign.detached(message, pair.secretKey)
    const good = { message, signature, publicKey: pair.publicKey }
    const add = (name: string, change: Partial<Vector>): void => { all.push({ name: `${name} ${seed}`, ...good, ...change }) }
    add('good', {})
    add('another message', { message: Buffer.from('another') })
    add('flipped R', { signature: flipped(signature, seed * 17) })
    add('flipped S', { signature: flipped(signature, 256 + seed * 17) })
    add('flipped key', { publicKey: flipped(pair.publicKey, seed * 21) })
    add('key with the other sign', { publicKey: flipped(pair.publicKey, 255) })
    add('zero signature', { signature: new Uint8Array(64) })
    add('S above the group order', {
      signature: Buffer.concat([signature.subarray(0, 32), littleEndian(readLittleEndian(signature.subarray(32)) + groupOrder)])
    })
    add('S = order', { signature: Buffer.concat([signature.subarray(0, 32), littleEndian(groupOrder)]) })
    add('high bits of S', { signature: flipped(signature, 511) })
    add('R of small order', { signature: Buffer.concat([littleEndian(1n), signature.subarray(32)]) })
    add('short signature', { signature: signature.subarray(0, 63) })
    add('long signature', { signature: Buffer.concat([signature, Buffer.from([0])]) })
    add('short key', { publicKey: pair.publicKey.subarray(0, 31) })
    add('long key', { publicKey: Buffer.concat([pair.publicKey, Buffer.from([0])]) })
  }
  for (const [index, publicKey] of smallOrderPoints.entries()) {
    all.push({ name: `small-order key ${index}`, message: Buffer.from('m'), signature: Buffer.concat([littleEndian(1n), Buffer.alloc(32)]), publicKey })
  }
  return all
}

const ours = ({ message, signature, publicKey }: Vector): boolean => {
  const key = readDeviceKey(Buffer.from(publicKey).toString('base64url'))
  return key !== undefined && verify(null, message, key.keyObject, signature)
}

const theirs = ({ message, signature, publicKey }: Vector): boolean => {
  try {
    return nacl.sign.detached.verify(message, signature, publicKey)
  } catch {
    return false
  }
}

t.test('node:crypto and tweetnacl agree, and where they do not, ours is the stricter one', async t => {
  const all = vectors()
  t.same(all.filter(vector => ours(vector) && !theirs(vector)).map(vector => vector.name), [], 'we accept nothing that tweetnacl refuses')
  const stricter = all.filter(vector => theirs(vector) && !ours(vector)).map(vector => vector.name)
  t.same(stricter.filter(name => !/^(S above the group order|small-order key)/.test(name)), [])
  t.equal(stricter.filter(name => name.startsWith('S above')).length > 0, true, 'tweetnacl takes a second form of the same signature')
  t.equal(all.filter(ours).length, 12, 'the good ones are good')
})

t.test('the cache keeps the keys that were used last', async t => {
  const cache = createDeviceKeyCache(3)
  const texts = Array.from({ length: 4 }, () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '')
  const remember = (index: number): void => cache.remember(texts[index] ?? '', readDeviceKey(texts[index] ?? '')!)
  remember(0)
  remember(1)
  remember(2)
  t.ok(cache.get(texts[0] ?? ''))
  remember(3)
  t.equal(cache.size(), 3)
  t.equal(cache.get(texts[1] ?? ''), undefined)
  for (const index of [0, 2, 3]) t.equal(cache.get(texts[index] ?? '')?.publicKey, texts[index])
  for (let round = 0; round < 10; round++) remember(round % 4)
  t.equal(cache.size(), 3)
  t.equal(createDeviceKeyCache().size(), 0)
})
