import t from 'tap'
import { createPublicKey, verify } from 'node:crypto'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import nacl from 'tweetnacl'
import { createDeviceIdentity, deviceIdOf, loadOrCreateDeviceIdentity, signDevicePayload } from '../../src/lib/device-identity.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

t.test('a new identity signs so that tweetnacl and node:crypto both accept it', async t => {
  const identity = createDeviceIdentity()
  const payload = 'v3|a|cli|cli|operator||1||nonce|linux|'
  const signature = Buffer.from(signDevicePayload(identity, payload), 'base64url')
  const raw = Buffer.from(identity.publicKey, 'base64url')
  t.equal(raw.length, 32)
  t.ok(nacl.sign.detached.verify(Buffer.from(payload), signature, raw))
  t.ok(verify(null, Buffer.from(payload), createPublicKey(identity.publicKeyPem), signature))
  t.notOk(nacl.sign.detached.verify(Buffer.from(payload + '!'), signature, raw))
})

t.test('the device id is the hex hash of the raw key, whatever alphabet carries it', async t => {
  const raw = Buffer.from('a3d8ecc495f76fe2b94cf3000d8e2ec31afe'.padEnd(64, 'f'), 'hex')
  t.match(deviceIdOf(raw), /^[0-9a-f]{64}$/)
  t.equal(deviceIdOf(raw.toString('base64url')), deviceIdOf(raw))
  t.equal(deviceIdOf(raw.toString('base64')), deviceIdOf(raw))
  // A pair recorded from the wire of the existing gateway.
  t.equal(deviceIdOf('YancqmZq5cwx_2YPflgTn18FwuJJadeAkAizLYpJ9kc'), 'e5b29e5f98cd04c1997f4e0fa0cf2636718e2d2003f850ad99c68ca6c58706d2')
})

t.test('an identity is kept in a private file and found again', async t => {
  const file = join(ownDirectory(t, {}), 'identity', 'device.json')
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const first = await loadOrCreateDeviceIdentity(file)
  const again = await loadOrCreateDeviceIdentity(file)
  t.same(again, first)
  t.equal(await mode(file), '600')
  t.equal(await mode(join(file, '..')), '700')
  t.same(Object.keys(JSON.parse(await readFile(file, 'utf8'))), ['version', 'deviceId', 'publicKeyPem', 'privateKeyPem'])
})

t.test('programs that start at the same moment end up with one identity', async t => {
  const file = join(ownDirectory(t, {}), 'identity', 'device.json')
  const identities = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateDeviceIdentity(file)))
  t.equal(new Set(identities.map(identity => identity.deviceId)).size, 1)
  t.same(await readdir(join(file, '..')), ['device.json'], 'no temporary file is left')
})

for (const [what, text] of [['an empty', ''], ['a truncated', '{"version":1,"privateKeyPem":"-----BEGIN PRI'], ['a keyless', '{"version":1}']] as const) {
  t.test(`${what} identity file is set aside with its content and replaced`, async t => {
    const directory = join(ownDirectory(t, {}), 'identity')
    await mkdir(directory)
    await writeFile(join(directory, 'device.json'), text)
    const aside: string[] = []
    const identity = await loadOrCreateDeviceIdentity(join(directory, 'device.json'), { onQuarantine: path => aside.push(path) })
    t.equal(aside.length, 1)
    t.equal(await readFile(aside[0]!, 'utf8'), text)
    t.same(await loadOrCreateDeviceIdentity(join(directory, 'device.json')), identity)
  })

  t.test(`${what} identity file is replaced even when nobody listens to what became of it`, async t => {
    const file = join(ownDirectory(t, { 'device.json': text }), 'device.json')
    const identity = await loadOrCreateDeviceIdentity(file)
    t.same(await loadOrCreateDeviceIdentity(file), identity)
  })
}

t.test('a key of another kind is not taken for an identity', async t => {
  const { generateKeyPairSync } = await import('node:crypto')
  const privateKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const directory = ownDirectory(t, { 'device.json': JSON.stringify({ version: 1, privateKeyPem }) })
  const aside: string[] = []
  const identity = await loadOrCreateDeviceIdentity(join(directory, 'device.json'), { onQuarantine: path => aside.push(path) })
  t.equal(aside.length, 1)
  t.match(identity.deviceId, /^[0-9a-f]{64}$/)
})
