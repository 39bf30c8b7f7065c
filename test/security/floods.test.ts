/**
 * Attacks by too much: of bytes, of frames, of words, of requests. The list is that of exhaustion.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, challenged, closeClient, connect, signedDevice, startGateway, testToken, type TestClient, type TestGateway } from '../helper.ts'
import { behindProxy, isLong, rawAnswer, rawSocket, routesOf, seeded, socketFrom, upgradeHeaders, type RawSocket } from './attacker.ts'

const counts = ({ gateway }: TestGateway) => gateway.rooms.connections.counts()

const upgrade = (port: number, path = '/', headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}${upgradeHeaders}\r\n`

const slowStore = (store: Store, delayMs: number): Store => ({
  ...store,
  async commit (ops) {
    await sleep(delayMs)
    return store.commit(ops)
  }
})

t.test('GHSA-vw3h-q6xq-jjm5: nothing beyond 64 KiB of a stranger is kept, in whatever pieces it comes', async t => {
  const gateway = await startGateway(t)
  const frameHeader = (first: number, length: number): Buffer => {
    const header = Buffer.alloc(14)
    header[0] = first
    header[1] = 0x80 | 127
    header.writeBigUInt64BE(BigInt(length), 2)
    return header
  }
  const megabyte = Buffer.alloc(1024 * 1024, 0x78)
  const floods: { [name: string]: (raw: RawSocket) => Iterable<Buffer> } = {
    * 'one frame that announces twenty megabytes' () { yield frameHeader(0x81, 20 * 1024 * 1024); for (let i = 0; i < 20; i++) yield megabyte },
    * 'a message in fragments without an end' () { for (let i = 0; i < 20; i++) { yield frameHeader(i ? 0x00 : 0x01, megabyte.length); yield megabyte } },
    * 'a flood of pings' () { for (let i = 0; i < 20_000; i++) yield Buffer.from([0x89, 0x80 | 4, 0, 0, 0, 0, 1, 2, 3, 4]) },
    * 'a flood of empty fragments' () { yield Buffer.from([0x01, 0x80, 0, 0, 0, 0]); for (let i = 0; i < 20_000; i++) yield Buffer.from([0x00, 0x80, 0, 0, 0, 0]) }
  }
  for (const [name, flood] of Object.entries(floods)) {
    const attackers: RawSocket[] = []
    for (let i = 0; i < 8; i++) attackers.push(await rawSocket(gateway.port, upgrade(gateway.port)))
    await eventually(() => attackers.every(({ answer }) => answer.includes('connect.challenge')), all => all)
    const kept = (): number => gateway.gateway.rooms.connections.all().reduce((sum, { socket }) => {
      const { _messageLength = 0, _bufferedBytes = 0 } = (socket as unknown as { _receiver?: { _messageLength?: number, _bufferedBytes?: number } })._receiver ?? {}
      return sum + _messageLength + _bufferedBytes
    }, 0)
    let most = 0
    for (const raw of attackers) {
      let written = 0
      for (const chunk of flood(raw)) {
        raw.socket.write(chunk)
        if (++written % 64 === 0 || chunk.length > 1000) await new Promise(resolve => setImmediate(resolve))
        most = Math.max(most, kept())
        if (raw.socket.destroyed || !raw.socket.writable) break
      }
    }
    t.ok(most <= attackers.length * 256 * 1024, `${name}: at most ${most} bytes were kept`)
    // Unmasked close frames: 0x88, length, 0x03f1 = 1009.
    await eventually(() => attackers.filter(({ answer, socket }) => answer.includes('\x88\x02\x03\xf1') || socket.destroyed).length, closed => closed === attackers.length)
    t.pass(`${name}: every socket was closed`)
    for (const { socket } of attackers) socket.destroy()
    await eventually(() => counts(gateway).introducing, introducing => introducing === 0)
  }
  const { client } = await admitted(gateway.url)
  await closeClient(client)
})

t.test('GHSA-vw3h-q6xq-jjm5: no compression is spoken, so nothing small becomes something big', async t => {
  const gateway = await startGateway(t)
  const raw = await rawSocket(gateway.port, upgrade(gateway.port, '/', 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n'))
  await eventually(() => raw.answer, answer => answer.includes('connect.challenge'))
  t.notMatch(raw.answer, /sec-websocket-extensions/i)
  raw.socket.write(Buffer.from([0xc1, 0x81, 0, 0, 0, 0, 0x78]))
  await eventually(() => raw.answer, answer => answer.includes('\x88\x02\x03\xea'))
  t.pass('a compressed frame ends the connection with 1002')
  raw.socket.destroy()
})

t.test('CVE-2026-28478, CVE-2026-32980: no body is read of somebody unknown, none beyond its limit, none for ever', async t => {
  const gateway = await startGateway(t, { config: { gateway: { http: { bodyLimitBytes: 10_000 }, auth: { rateLimit: { exemptLoopback: false, maxAttempts: 1000 } } } } })
  const request = (method: string, path: string, headers: string): string => `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${headers}\r\n{"a":`
  const hurried = await startGateway(t, { config: { gateway: { http: { requestTimeoutMs: 400 } } } })
  const dripping = async (text: string, drop: string): Promise<string> => {
    const slow = await rawSocket(hurried.port, text)
    const drip = setInterval(() => slow.socket.write(drop), 50)
    const answer = await slow.ended(60_000)
    clearInterval(drip)
    return answer
  }
  // Those who take too long are looked for now and then: meanwhile the others have their turn.
  const dripped = Promise.all([
    dripping(request('POST', '/api/device/nonce', 'Content-Length: 1000\r\n'), ' '),
    dripping('POST /api/device/nonce HTTP/1.1\r\nHost: 127.0.0.1\r\n', 'X-A: b\r\n')
  ])
  const huge = 'Content-Length: 1000000000\r\n'
  for (const { path, methods } of routesOf(gateway)) {
    await Promise.all(methods.filter(name => name !== 'OPTIONS' && name !== 'HEAD').map(async method => {
      const wrong = await rawSocket(gateway.port, request(method, path.replace('*', 'nosuch'), `Authorization: Bearer wrong\r\n${huge}`))
      await eventually(() => wrong.answer, answer => answer.startsWith('HTTP/1.1 '))
      wrong.socket.destroy()
    }))
  }
  t.match(await rawAnswer(gateway.port, request('GET', '/control-ui-config.json', `Authorization: Bearer wrong\r\n${huge}`)), /^HTTP\/1\.1 401 .*connection: close/s)
  t.match(await rawAnswer(gateway.port, request('POST', '/api/device/nonce', huge)), /^HTTP\/1\.1 413 /, 'announced too large')
  const chunks = `${'800\r\n' + 'x'.repeat(0x800) + '\r\n'}`.repeat(4)
  const chunked = await rawAnswer(gateway.port, `POST /api/device/nonce HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
  t.match(chunked, /^HTTP\/1\.1 413 /, 'too large in pieces')
  const [body] = await dripped
  t.match(body, /^HTTP\/1\.1 4\d\d /, 'neither a body nor headers that never end are waited for')
})

t.test('a client that leaves while its connect is decided is not counted among those who are in', async t => {
  const gateway = await startGateway(t, { store: slowStore(createMemoryStore(), 20) })
  const watcher = await admitted(gateway.url)
  for (let i = 0; i < (isLong ? 200 : 20); i++) {
    const { client } = await challenged(gateway.url)
    void connectLater(client)
    await sleep(i % 24)
    client.socket.terminate()
  }
  await sleep(100)
  await eventually(() => counts(gateway), ({ connected, introducing }) => connected === 1 && introducing === 0)
  t.match((await watcher.client.request('status', {})).payload, { clients: { connected: 1, introducing: 0 } })
  await closeClient(watcher.client)

  async function connectLater (client: TestClient): Promise<void> {
    const params = {
      minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, role: 'operator', scopes: ['operator.read'], auth: { token: testToken }
    }
    const { payload } = await client.event('connect.challenge')
    client.send({ type: 'req', id: 'connect', method: 'connect', params: { ...params, device: signedDevice(createDeviceIdentity(), params, payload) } })
  }
})

t.test('refused strangers cannot fill the log, whatever words they choose', async t => {
  const gateway = await startGateway(t)
  const random = seeded(7)
  const before = gateway.log.join('').length
  const knocks = isLong ? 5_000 : 200
  for (let i = 0; i < knocks; i++) {
    const { client } = await challenged(gateway.url)
    const word = random().toString(36).repeat(200)
    client.send(i % 3 === 0
      ? { type: 'req', id: word, method: 'connect', params: { minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, [word]: 1 } }
      : i % 3 === 1 ? { type: 'req', id: '1', method: word } : `{"${word}"`)
    await client.close()
  }
  const lines = gateway.log.filter(line => line.includes('refused a connection'))
  t.ok(lines.length <= 3 * Math.ceil(knocks / 100 + 3), `${lines.length} lines for ${knocks} refusals`)
  t.ok(gateway.log.join('').length - before < knocks * 200, 'much less than was said')
})

t.test('pairing requests of strangers are bounded, and everybody beyond is told to wait', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, pairing: { maxPending: 30, maxPendingPerAddress: 4 } } } })
  const codes: { [code: string]: number } = {}
  for (let i = 0; i < 60; i++) {
    const { client, response } = await connect(gateway.url, { socket: socketFrom(`198.51.100.${i % 12}`) })
    const { code } = response.error.details
    codes[code] = (codes[code] ?? 0) + 1
    if (code === 'PAIRING_QUEUE_FULL') t.match(response.error, { retryable: true, retryAfterMs: Number })
    await client.close()
  }
  t.same(codes, { PAIRING_REQUIRED: 30, PAIRING_QUEUE_FULL: 30 })
  const { client } = await admitted(gateway.url)
  t.equal((await client.request('device.pair.list', {})).payload.pending.length, 30)
  await closeClient(client)
})
