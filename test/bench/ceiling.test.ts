import t, { type Test } from 'tap'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createCeiling } from '../../bench/ceiling.ts'
import { defaultProfile } from '../../bench/profile.ts'
import { handshake, mustConnect } from '../../bench/wire/handshake.ts'
import { createIdentity, createSigner } from '../../bench/wire/identity.ts'

const token = 'the-token'

async function listening (t: Test) {
  const server = createCeiling({ token })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

t.test('a signed handshake gets a hello-ok of the size of the profile and health is answered', async t => {
  const endpoint = await listening(t)
  const { socket, hello } = await mustConnect({ endpoint, signer: createSigner(createIdentity()), secret: { token } })
  const frame = JSON.parse(hello.toString()) as { id: string, ok: boolean, payload: { type: string, features: object } }
  t.match(frame, { id: 'connect-1', ok: true, payload: { type: 'hello-ok', features: defaultProfile.hello.features as object } })
  t.ok(hello.length >= JSON.stringify(defaultProfile.hello).length)
  const answer = new Promise<Buffer>(resolve => { socket.onText = resolve })
  socket.send('{"type":"req","id":"1","method":"health"}')
  t.same(JSON.parse((await answer).toString()), { type: 'res', id: '1', ok: true, payload: defaultProfile.health })
  socket.close()
})

t.test('a signature by another key is refused before the close', async t => {
  const endpoint = await listening(t)
  const forged = { identity: createIdentity(), key: createSigner(createIdentity()).key }
  const outcome = await handshake({ endpoint, signer: forged, secret: { token } })
  t.match(outcome, { ok: false, reason: 'DEVICE_AUTH_SIGNATURE_INVALID' })
})

t.test('a public key that is not the one of the device id is refused', async t => {
  const endpoint = await listening(t)
  const other = createIdentity()
  const claimed = { identity: { ...other, deviceId: createIdentity().deviceId }, key: createSigner(other).key }
  t.match(await handshake({ endpoint, signer: claimed, secret: { token } }), { ok: false, reason: 'DEVICE_AUTH_SIGNATURE_INVALID' })
})

t.test('a wrong token is refused', async t => {
  const endpoint = await listening(t)
  const outcome = await handshake({ endpoint, signer: createSigner(createIdentity()), secret: { token: 'another' } })
  t.match(outcome, { ok: false, reason: 'AUTH_TOKEN_MISMATCH' })
})
