/** How the vendors' transports reach a vendor: certificates and proxies of the configuration. */
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { selfSigned } from '../fixtures/self-signed.ts'
import { anthropic, stage, type Vendor } from './sdk-step.ts'

const { key, cert } = selfSigned()

/** The vendor behind a certificate that nobody knows. */
const sealed = (t: Test): Vendor => ({
  ...anthropic,
  start: async () => {
    const server = await anthropic.start()
    const port = Number(new URL(server.url).port)
    const door = createServer({ key, cert }, socket => {
      const inner = connect(port, '127.0.0.1')
      socket.on('error', () => inner.destroy())
      inner.on('error', () => socket.destroy())
      socket.pipe(inner).pipe(socket)
    })
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    t.teardown(() => { door.close() })
    return Object.assign(server, { url: `https://127.0.0.1:${(door.address() as AddressInfo).port}` })
  }
})

t.test('a certificate of the house is trusted when the configuration names it, and only then', async t => {
  const known = await stage(t, sealed(t), { settings: { options: { request: { tls: { ca: cert, serverName: 'gateway.test' } } } } })
  t.equal((await known.step({})).stopReason, 'stop')
  const unknown = await stage(t, sealed(t))
  t.match(await unknown.failure({}), { kind: 'network', message: /certificate is not trusted/ })
  t.equal(unknown.server.requests.length, 0)
})

t.test('a proxy of the configuration is asked in place of the vendor', async t => {
  const { step, server } = await stage(t, {
    ...anthropic,
    create: settings => anthropic.create({
      ...settings, baseUrl: 'http://vendor.invalid', options: { request: { proxy: { mode: 'explicit-proxy', url: settings.baseUrl } } }
    })
  })
  t.equal((await step({})).stopReason, 'stop')
  t.equal(server.requests[0]?.headers.host, 'vendor.invalid')
})
