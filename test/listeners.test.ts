import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import type { BindTargets } from '../src/lib/bind-address.ts'
import { canListen } from '../src/lib/free-port.ts'
import { openListeners, type Listeners } from '../src/listeners.ts'
import { freePort } from './fixtures/free-port.ts'

const loopback: BindTargets = { bind: 'loopback', hosts: ['127.0.0.1'], optionalHosts: [], beyondLoopback: false }

async function open (t: Test, bind = loopback, port = 0): Promise<Listeners> {
  const listeners = await openListeners(bind, port)
  t.teardown(listeners.close)
  return listeners
}

/** What comes back for these bytes until the other side hangs up. */
async function raw (port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', chunk => { answer += chunk })
  socket.on('error', () => {}).write(text)
  await once(socket, 'close')
  return answer
}

const get = (port: number, path: string, headers = ''): Promise<string> =>
  raw(port, `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${headers}\r\n`)
const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

t.test('until there is a gateway every door answers, and names a time to come back', async t => {
  const { port } = await open(t)
  t.match(await get(port, '/health'), /^HTTP\/1\.1 200 [^]*\{"ok":true,"status":"live"\}$/)
  t.match(await get(port, '/readyz'), /^HTTP\/1\.1 503 [^]*\{"ready":false\}$/)
  t.match(await get(port, '/startupz?x=1'), /^HTTP\/1\.1 503 [^]*\{"ok":false,"status":"starting"\}$/)
  const other = await get(port, '/v1/models')
  t.match(other, /^HTTP\/1\.1 503 /)
  t.match(other, /^retry-after: 1\r$/m)
  t.match(other, /"code":"STARTING"/)
  const socket = await raw(port, `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n${upgrade}\r\n`)
  t.match(socket, /^HTTP\/1\.1 503 [^]*retry-after: 1\r\n[^]*"code":"STARTING"/)
})

/** Stands for the gateway's own server, which listens nowhere. */
function gatewayServer (answer: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer(answer)
  server.on('upgrade', (_request, socket) => { socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n') })
  server.on('clientError', (_error, socket) => { socket.end('HTTP/1.1 400 Of Our Own\r\n\r\n') })
  return server
}

t.test('afterwards requests, upgrades and broken bytes reach the gateway as if they had arrived there', async t => {
  const { port, lead } = await open(t)
  lead(gatewayServer((request, response) => response.end(`you asked for ${request.url}`)), () => {})
  t.match(await get(port, '/health'), /you asked for \/health$/)
  t.match(await raw(port, `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n${upgrade}\r\n`), /^HTTP\/1\.1 101 /)
  t.match(await raw(port, 'no http at all\r\n\r\n'), /^HTTP\/1\.1 400 Of Our Own/)
})

t.test('the limits of the gateway hold at every door', async t => {
  const { port, lead } = await open(t)
  const server = gatewayServer((_request, response) => response.end())
  server.keepAliveTimeout = 7_000
  lead(server, () => {})
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
  const [answer] = await once(socket.setEncoding('utf8'), 'data')
  t.match(answer, /keep-alive: timeout=7/i)
})

t.test('closing frees the port at once, lets an answer under way finish and hangs up on everybody else', async t => {
  const listeners = await open(t)
  const { port } = listeners
  const { promise: begun, resolve: begin } = Promise.withResolvers<() => void>()
  listeners.lead(gatewayServer((_request, response) => {
    response.write('first half, ')
    begin(() => response.end('second half'))
  }), () => {})
  const silent = connect(port, '127.0.0.1')
  await once(silent, 'connect')
  const asked = connect(port, '127.0.0.1')
  await once(asked, 'connect')
  asked.destroy()
  const answer = get(port, '/slow')
  // Whoever is answered came after the two others: they were taken in as well.
  const finish = await begun
  const closed = listeners.close()
  t.ok(await canListen(port), 'somebody else could listen now')
  finish()
  t.match(await answer, 'first half')
  t.match(await answer, 'second half')
  if (!silent.closed) await once(silent, 'close')
  await closed
  await listeners.close()
})

t.test('an answer that nobody takes does not hold up the close for ever', async t => {
  const listeners = await open(t)
  listeners.lead(gatewayServer((_request, response) => { response.write('x'.repeat(64)) }), () => {})
  const socket = connect(listeners.port, '127.0.0.1')
  socket.on('error', () => {}).write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
  await once(socket, 'data')
  await listeners.close()
  if (!socket.closed) await once(socket, 'close')
  t.pass('both ends are gone')
})

t.test('whoever was silent so far and wants a socket while it closes is told to come back', async t => {
  const listeners = await open(t)
  listeners.lead(gatewayServer((_request, response) => response.end()), () => {})
  const late = connect(listeners.port, '127.0.0.1')
  await once(late, 'connect')
  await get(listeners.port, '/after-it')
  const closed = listeners.close()
  late.setEncoding('utf8').write(`GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n${upgrade}\r\n`)
  const [answer] = await once(late, 'data')
  t.match(answer, /^HTTP\/1\.1 503 [^]*"code":"STOPPING"/)
  await closed
})

/** A port that somebody has at 127.0.0.2, and nobody at 127.0.0.1. */
async function takenBeside (t: Test): Promise<number> {
  const port = await freePort()
  const other = createTcpServer().listen(port, '127.0.0.2')
  await once(other, 'listening')
  t.teardown(() => other.close())
  return port
}

t.test('when one of the addresses is taken, none of them stays open', async t => {
  const port = await takenBeside(t)
  await t.rejects(openListeners({ ...loopback, hosts: ['127.0.0.1', '127.0.0.2'] }, port), { code: 'EADDRINUSE', address: '127.0.0.2' })
  t.ok(await canListen(port, '127.0.0.1'))
})

t.test('an optional address may be missing or taken, and only the latter is told', async t => {
  const port = await takenBeside(t)
  const listeners = await open(t, { ...loopback, optionalHosts: ['127.0.0.2', '192.0.2.77'] }, port)
  t.same(listeners.addresses, [`127.0.0.1:${port}`])
  t.same(listeners.missed, [`127.0.0.2:${port}`])
})
