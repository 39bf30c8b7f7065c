/** TLS on the gateway's own port: a certificate of one's own or one that is made, pinned by those who call, renewed without a restart. */
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { dirname, join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import t from 'tap'
import { admitted, closeClient, connect } from '../fixtures/client.ts'
import { selfSigned } from '../fixtures/self-signed.ts'
import { createHome, daemonToken, eventually, runCommand, serve, stop, type Daemon, type Home } from '../process/daemon.ts'

const gatewayWith = (tls: object, more: object = {}) =>
  ({ gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, tls: { enabled: true, ...tls }, ...more } })
const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase()

/** What is shown to whoever shakes hands now. */
const shown = (port: number): Promise<X509Certificate> => new Promise((resolve, reject) => {
  const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerX509Certificate()!)
    socket.destroy()
  })
  socket.on('error', reject)
})

const getTrusting = (port: number, ca: string, path: string): Promise<number> => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', port, path, ca, agent: false }, response => {
    response.resume()
    resolve(response.statusCode!)
  }).on('error', reject).end()
})

const announced = (daemon: Daemon): string | undefined => /fingerprint sha256 ([0-9a-f]{64})/.exec(daemon.output())?.[1]

const ownFile = ({ stateDir }: Home): string => join(stateDir, 'tls', 'gateway.pem')

function givenPair (home: Home) {
  const files = { certPath: join(home.directory, 'cert.pem'), keyPath: join(home.directory, 'key.pem') }
  const write = (): string => {
    const { cert, key, fingerprint } = selfSigned()
    writeFileSync(files.keyPath, key, { mode: 0o600 })
    writeFileSync(files.certPath, cert)
    return plain(fingerprint)
  }
  return { files, write }
}

t.test('a certificate is made when none is given, kept, shown, and good for this machine', async t => {
  const home = createHome(t, gatewayWith({}))
  const daemon = await serve(t, { home })
  const pem = readFileSync(ownFile(home), 'utf8')
  t.equal(statSync(ownFile(home)).mode & 0o777, 0o600)
  const certificate = new X509Certificate(pem)
  t.equal(announced(daemon), plain(certificate.fingerprint256))
  t.ok(certificate.checkIP('127.0.0.1') && certificate.checkIP('::1') && certificate.checkHost('localhost'))
  t.equal(await getTrusting(daemon.port, pem, '/healthz'), 200, 'who is given the certificate needs no exception')
  t.notMatch(daemon.output(), 'PRIVATE KEY')
  await stop(daemon)
  const again = await serve(t, { home })
  t.equal(announced(again), plain(certificate.fingerprint256), 'a pin holds over restarts')
})

t.test('sockets are encrypted, and nothing is served without', async t => {
  const home = createHome(t, gatewayWith({}))
  const daemon = await serve(t, { home })
  const { client, hello } = await admitted(`wss://127.0.0.1:${daemon.port}`, { auth: { token: daemonToken }, socket: { rejectUnauthorized: false } })
  t.equal(hello.type, 'hello-ok')
  await closeClient(client)
  const page = await admitted(`wss://127.0.0.1:${daemon.port}`, {
    auth: { token: daemonToken }, device: false, socket: { rejectUnauthorized: false, origin: `https://localhost:${daemon.port}` }
  })
  await closeClient(page.client)
  await t.rejects(fetch(`http://127.0.0.1:${daemon.port}/healthz`))
  await t.rejects(connect(`ws://127.0.0.1:${daemon.port}`))
  await t.rejects(fetch(`https://127.0.0.1:${daemon.port}/healthz`), 'a stranger sees that nobody vouches for it')
})

t.test('commands of this machine pin what lies beside their configuration', async t => {
  const home = createHome(t, gatewayWith({}))
  const daemon = await serve(t, { home })
  const env = { OPENCLAW_GATEWAY_PORT: String(daemon.port) }
  const health = await runCommand(t, home, ['health', '--json'], env)
  t.equal(health.code, 0, health.stderr)
  // Beside a configuration of its own, since the gateway would take over what is written beside its.
  const elsewhere = createHome(t, gatewayWith({}), 'elsewhere')
  const { cert, key } = selfSigned()
  mkdirSync(dirname(ownFile(elsewhere)), { mode: 0o700 })
  writeFileSync(ownFile(elsewhere), cert + key, { mode: 0o600 })
  const other = await runCommand(t, elsewhere, ['health', '--json', '--timeout', '30000'], env)
  t.not(other.code, 0)
  t.match(other.stdout + other.stderr, /TLS fingerprint mismatch/)
})

t.test('a certificate of one\'s own is served, and a renewed one without a restart', async t => {
  const home = createHome(t)
  const { files, write } = givenPair(home)
  const first = write()
  writeFileSync(home.configPath, JSON.stringify(gatewayWith(files)))
  const daemon = await serve(t, { home })
  t.equal(plain((await shown(daemon.port)).fingerprint256), first)
  const { client } = await admitted(`wss://127.0.0.1:${daemon.port}`, { auth: { token: daemonToken }, socket: { rejectUnauthorized: false } })
  writeFileSync(files.certPath, 'half a certificate')
  await daemon.said(/the certificate has changed and cannot be used, the old one stays/)
  t.equal(plain((await shown(daemon.port)).fingerprint256), first)
  const second = write()
  const renewed = await eventually(async () => plain((await shown(daemon.port)).fingerprint256), fingerprint => fingerprint === second, 60_000)
  t.equal(renewed, second)
  t.equal((await client.request('health')).ok, true, 'who was connected stays so')
  await closeClient(client)
})
