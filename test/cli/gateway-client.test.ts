import t from 'tap'
import { createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { connectGateway, GatewayClientError, type GatewayClientOptions } from '../../src/cli/gateway-client.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { deviceAuthPayloadV3 } from '../../src/protocol/device-auth.ts'
import { freePort } from '../fixtures/free-port.ts'
import { selfSigned } from '../fixtures/self-signed.ts'
import { challenge, refused, startScripted } from './scripted-gateway.ts'

const options = (url: string, more: Partial<GatewayClientOptions> = {}): GatewayClientOptions =>
  ({ url, client: { id: 'cli', mode: 'cli', version: '1.2.3' }, connectTimeoutMs: 15_000, requestTimeoutMs: 15_000, ...more })

async function failure (promise: Promise<unknown>): Promise<GatewayClientError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof GatewayClientError) return error
    throw error
  }
  throw new Error('it succeeded')
}

t.test('the connect request answers the challenge with a signature over exactly what it sends', async t => {
  const peer = await startScripted(t)
  const identity = createDeviceIdentity()
  const client = await connectGateway(options(peer.url, { identity, auth: { token: 'shared' }, scopes: ['operator.read', 'operator.write'] }))
  t.teardown(() => client.close())
  t.equal(client.hello.server.version, '2026.9.6')
  t.equal(client.deviceId, identity.deviceId)
  const params = peer.connects[0]
  t.match(params, { minProtocol: 4, maxProtocol: 4, role: 'operator', scopes: ['operator.read', 'operator.write'], auth: { token: 'shared' } })
  t.match(params.device, { id: identity.deviceId, publicKey: identity.publicKey, nonce: challenge.nonce, signedAt: challenge.ts })
  const payload = deviceAuthPayloadV3({
    deviceId: params.device.id,
    clientId: params.client.id,
    clientMode: params.client.mode,
    role: params.role,
    scopes: params.scopes,
    signedAtMs: params.device.signedAt,
    token: 'shared',
    nonce: params.device.nonce,
    platform: params.client.platform
  })
  t.ok(verify(null, Buffer.from(payload), createPublicKey(identity.publicKeyPem), Buffer.from(params.device.signature, 'base64url')))
})

t.test('empty credentials are left out, and without an identity there is no device', async t => {
  const peer = await startScripted(t)
  const client = await connectGateway(options(peer.url, { auth: { token: '', password: 'pw' } }))
  await client.close()
  t.same(peer.connects[0].auth, { password: 'pw' })
  t.notOk('device' in peer.connects[0])
  const bare = await connectGateway(options(peer.url, { auth: {} }))
  await bare.close()
  t.notOk('auth' in peer.connects[1])
})

t.test('a probe offers the older protocol too', async t => {
  const peer = await startScripted(t)
  const client = await connectGateway(options(peer.url, { client: { id: 'openclaw-probe', mode: 'probe', version: '1' } }))
  await client.close()
  t.match(peer.connects[0], { minProtocol: 3, maxProtocol: 4 })
})

t.test('answers find their requests whatever order they come in', async t => {
  const waiting: any[] = []
  const peer = await startScripted(t, {
    request (frame, socket) {
      waiting.push(frame)
      if (waiting.length < 3) return undefined
      for (const { id, method } of waiting.reverse()) socket.send(JSON.stringify({ type: 'res', id, ok: true, payload: method }))
      return undefined
    }
  })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  t.same(await Promise.all(['a', 'b', 'c'].map(method => client.call(method))), ['a', 'b', 'c'])
})

t.test('a refused request says code, details and when to come back', async t => {
  const peer = await startScripted(t, {
    request: () => refused('FORBIDDEN', { code: 'MISSING_SCOPE', missingScope: 'operator.read' }, { retryable: true, retryAfterMs: 5 })
  })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  const error = await failure(client.call('status'))
  t.match(error, { kind: 'request', code: 'FORBIDDEN', detailCode: 'MISSING_SCOPE', retryable: true, retryAfterMs: 5 })
  t.match(error.details, { missingScope: 'operator.read' })
})

t.test('a two-stage answer is waited for when it is wanted', async t => {
  const peer = await startScripted(t, {
    request (frame, socket) {
      setTimeout(() => socket.send(JSON.stringify({ type: 'res', id: frame.id, ok: true, payload: { status: 'ok', done: true } })), 20)
      return { ok: true, payload: { status: 'accepted' } }
    }
  })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  t.same(await client.call('agent', {}, { expectFinal: true }), { status: 'ok', done: true })
  t.same(await client.call('agent', {}), { status: 'accepted' })
})

t.test('a request that is not answered ends by itself, and the connection goes on', async t => {
  const peer = await startScripted(t, { request: ({ method }) => method === 'quick' ? { ok: true, payload: 1 } : undefined })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  t.match(await failure(client.call('slow', {}, { timeoutMs: 30 })), { kind: 'transport', code: 'timeout', message: /30ms \(slow\)/ })
  t.equal(await client.call('quick'), 1)
})

t.test('events reach every listener until it leaves', async t => {
  const peer = await startScripted(t, {
    request (_frame, socket) {
      socket.send(JSON.stringify({ type: 'event', event: 'tick', payload: { ts: 1 }, seq: 7 }))
      return { ok: true }
    }
  })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  const seen: unknown[] = []
  const leave = client.onEvent(event => seen.push(event))
  await client.call('x')
  leave()
  await client.call('x')
  t.same(seen, [{ event: 'tick', payload: { ts: 1 }, seq: 7 }])
})

t.test('everything that waits is told why the connection ended', async t => {
  const peer = await startScripted(t, { request: (_frame, socket) => { socket.close(1012, 'service restart'); return undefined } })
  const client = await connectGateway(options(peer.url))
  const errors = await Promise.all(['a', 'b'].map(method => failure(client.call(method))))
  for (const error of errors) {
    t.match(error, { kind: 'transport', code: 'closed', closeCode: 1012, reason: 'service restart', retryable: true })
  }
  t.same(await client.closed, { code: 1012, reason: 'service restart' })
  t.match(await failure(client.call('later')), { closeCode: 1012 })
})

t.test('garbage between the frames does no harm', async t => {
  const peer = await startScripted(t, {
    request (frame, socket) {
      for (const garbage of ['', '{', 'null', '[]', '"x"', '{"type":"res"}', '{"type":"event"}', '{"type":"res","id":"nobody","ok":true}']) socket.send(garbage)
      return { ok: true, payload: frame.method }
    }
  })
  const client = await connectGateway(options(peer.url))
  t.teardown(() => client.close())
  t.equal(await client.call('x'), 'x')
})

t.test('a refused connect carries what the gateway said, not only that it hung up', async t => {
  const details = { code: 'AUTH_TOKEN_MISMATCH', authReason: 'token_mismatch', canRetryWithDeviceToken: true, nextStep: 'take the current one' }
  const peer = await startScripted(t, { connect: () => refused('INVALID_REQUEST', details) })
  const error = await failure(connectGateway(options(peer.url)))
  t.match(error, { kind: 'request', code: 'INVALID_REQUEST', detailCode: 'AUTH_TOKEN_MISMATCH' })
  t.match(error.details, details)
})

t.test('a peer that hangs up without a word is a transport failure with its close frame', async t => {
  const peer = await startScripted(t, { opened: socket => socket.close(1008, 'too many pending handshake frames') })
  t.match(await failure(connectGateway(options(peer.url))),
    { kind: 'transport', code: 'closed', closeCode: 1008, reason: 'too many pending handshake frames' })
})

t.test('a peer that opens the socket and says nothing is left after the timeout', async t => {
  const peer = await startScripted(t, { opened: () => {} })
  t.match(await failure(connectGateway(options(peer.url, { connectTimeoutMs: 60 }))), { kind: 'transport', code: 'timeout', message: /60ms/ })
})

t.test('a listener that is no web server at all is left after the timeout', async t => {
  const server = createServer(socket => { socket.on('error', () => {}) })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.match(await failure(connectGateway(options(`ws://127.0.0.1:${port}`, { connectTimeoutMs: 80 }))), { kind: 'transport', code: 'timeout' })
})

t.test('an upgrade that is refused over HTTP is told with its status and sentence', async t => {
  const body = JSON.stringify({ error: { message: 'Proxy client attribution is required.', type: 'proxy_attribution_required' } })
  const proxied = await startScripted(t, { upgrade: () => ({ status: 403, body }) })
  t.match(await failure(connectGateway(options(proxied.url))),
    { kind: 'transport', code: 'refused', httpStatus: 403, retryable: false, message: 'Proxy client attribution is required. (HTTP 403)' })
  const limited = await startScripted(t, { upgrade: () => ({ status: 429, headers: { 'retry-after': '7' }, body: 'slow down' }) })
  t.match(await failure(connectGateway(options(limited.url))), { httpStatus: 429, retryable: true, retryAfterMs: 7000 })
  const foreign = await startScripted(t, { upgrade: () => ({ status: 404, body: 'Not Found' }) })
  t.match(await failure(connectGateway(options(foreign.url))), { httpStatus: 404, message: /answered HTTP 404: no gateway listens there/ })
})

t.test('an endless refusal is not read to its end', async t => {
  const peer = await startScripted(t, { upgrade: () => ({ status: 503, body: 'x'.repeat(5_000_000) }) })
  t.match(await failure(connectGateway(options(peer.url))), { httpStatus: 503 })
})

t.test('nobody listening is said in the words that people search for', async t => {
  const port = await freePort()
  t.match(await failure(connectGateway(options(`ws://127.0.0.1:${port}`))), {
    kind: 'transport',
    code: 'closed',
    message: `Gateway not reachable at ws://127.0.0.1:${port} (ECONNREFUSED).`,
    reason: `connect ECONNREFUSED 127.0.0.1:${port}`
  })
})

t.test('closing settles even when the peer does not answer the close', async t => {
  const peer = await startScripted(t, { request: (_frame, socket) => { socket.pause(); return undefined } })
  const client = await connectGateway(options(peer.url))
  await failure(client.call('x', {}, { timeoutMs: 20 }))
  await client.close()
  t.match(await client.closed, { code: 1006 })
})

t.test('a gateway with TLS is believed by its pinned certificate alone, and a stranger hears no secret', async t => {
  const own = selfSigned()
  const peer = await startScripted(t, { tls: own })
  t.match(await failure(connectGateway(options(peer.url))), { kind: 'transport', message: /SELF_SIGNED|self.signed/ }, 'nobody vouches for it')
  const other = await failure(connectGateway(options(peer.url, { auth: { token: 'secret' }, tls: { fingerprint: selfSigned().fingerprint } })))
  t.match(other, { kind: 'transport', code: 'refused', message: /^gateway TLS fingerprint mismatch/ })
  t.same(peer.connects, [], 'nothing was said to it')
  for (const fingerprint of [own.fingerprint, own.fingerprint.replaceAll(':', '').toLowerCase()]) {
    const client = await connectGateway(options(peer.url, { auth: { token: 'secret' }, tls: { fingerprint } }))
    await client.close()
  }
  t.equal(peer.connects.length, 2)
})
