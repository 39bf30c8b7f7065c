import t from 'tap'
import { createServer, get, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createIngress, type Ingress, type IngressFacts, type IngressOptions } from '../../src/auth/ingress.ts'

const ingress = (facts: IngressFacts, options: Partial<IngressOptions> = {}): Ingress =>
  createIngress({ trustedProxies: ['10.0.0.0/8', '127.0.0.1'], allowRealIpFallback: false, port: 18_789, ...options })(facts)

const from = (remoteAddress: string | undefined, headers: IncomingHttpHeaders = {}, options: Partial<IngressOptions> = {}): Ingress =>
  ingress({ remoteAddress, headers }, options)

t.test('a program on this machine is local, in every spelling of loopback', async t => {
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
    t.match(from(address, { host: 'localhost:18789' }), { kind: 'direct-local', local: true }, address)
  }
  t.match(from('127.0.0.1'), { kind: 'direct-local', local: true }, 'without a Host header')
  t.equal(from('::ffff:127.0.0.1').clientAddress, '127.0.0.1')
})

t.test('a caller from elsewhere is itself', async t => {
  t.match(from('203.0.113.7', { host: 'localhost' }), { kind: 'direct-remote', clientAddress: '203.0.113.7', peerAddress: '203.0.113.7', local: false })
  t.equal(from('::ffff:203.0.113.7').clientAddress, '203.0.113.7')
  t.equal(from('2001:DB8::1').clientAddress, '2001:db8::1')
})

t.test('a socket without an address is a stranger in a bucket shared with all of its kind', async t => {
  for (const address of [undefined, '', 'nonsense']) {
    t.match(from(address, { host: 'localhost' }), { kind: 'direct-remote', clientAddress: 'unknown', peerAddress: 'unknown', local: false })
  }
})

t.test('any trace of a proxy ends locality', async t => {
  const traces = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-user', 'forwarded', 'x-real-ip', 'tailscale-user-login', 'tailscale-user-name',
    'tailscale-user-profile-pic', 'tailscale-headers-info', 'tailscale-funnel-request', 'via', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip']
  for (const name of traces) {
    const verdict = from('127.0.0.1', { host: 'localhost', [name]: '127.0.0.1' }, { trustedProxies: [] })
    t.equal(verdict.local, false, name)
    t.equal(verdict.clientAddress, '127.0.0.1')
  }
})

t.test('proxy headers from a peer that is no trusted proxy cannot be attributed', async t => {
  for (const name of ['forwarded', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'tailscale-user-login']) {
    for (const peer of ['203.0.113.7', '127.0.0.2', undefined]) {
      t.match(from(peer, { [name]: '198.51.100.1' }), { kind: 'unattributable-proxy', local: false }, `${name} from ${peer}`)
    }
  }
  t.equal(from('203.0.113.7', { 'x-forwarded-for': '198.51.100.1' }).clientAddress, '203.0.113.7', 'what the stranger claims counts for nothing')
})

t.test('behind a trusted proxy the client is the rightmost hop that is neither a proxy of ours nor loopback nor noise', async t => {
  const chains: { [chain: string]: string } = {
    '198.51.100.1': '198.51.100.1',
    '1.1.1.1, 198.51.100.1': '198.51.100.1',
    '1.1.1.1, 198.51.100.1, 10.2.2.2': '198.51.100.1',
    '198.51.100.1, 127.0.0.1, ::1, ::ffff:127.0.0.1, 10.0.0.9': '198.51.100.1',
    '198.51.100.1:55123': '198.51.100.1',
    '[2001:db8::9]:443': '2001:db8::9',
    '::ffff:198.51.100.1': '198.51.100.1',
    '198.51.100.1, unknown, _hidden,,': '198.51.100.1',
    ' 198.51.100.1 ': '198.51.100.1'
  }
  for (const [chain, client] of Object.entries(chains)) {
    t.match(from('10.0.0.1', { 'x-forwarded-for': chain }), { kind: 'trusted-proxy', clientAddress: client, peerAddress: '10.0.0.1', local: false }, chain)
  }
})

t.test('what a client writes in front of the chain changes nothing', async t => {
  for (let round = 0; round < 50; round++) {
    t.equal(from('10.0.0.1', { 'x-forwarded-for': `192.0.2.${round}, 198.51.100.1` }).clientAddress, '198.51.100.1')
  }
})

t.test('a forged loopback hop never makes a proxied caller local', async t => {
  for (const hop of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '[::1]:80', '127.0.0.1:80', 'localhost', '10.0.0.3']) {
    for (const peer of ['10.0.0.1', '127.0.0.1']) {
      const verdict = from(peer, { host: 'localhost', 'x-forwarded-for': hop })
      t.match(verdict, { kind: 'unattributable-proxy', local: false }, `${hop} through ${peer}`)
      t.match(from(peer, { host: 'localhost', 'x-forwarded-for': `${hop}, 198.51.100.1` }), { kind: 'trusted-proxy', clientAddress: '198.51.100.1', local: false })
    }
  }
})

t.test('X-Real-IP counts only when allowed, only from a trusted proxy, only without a usable chain, and never as loopback', async t => {
  const realIp = { 'x-real-ip': '198.51.100.1' }
  t.equal(from('10.0.0.1', realIp).kind, 'unattributable-proxy')
  const allowRealIpFallback = true
  t.match(from('10.0.0.1', realIp, { allowRealIpFallback }), { kind: 'trusted-proxy', clientAddress: '198.51.100.1' })
  t.equal(from('10.0.0.1', { ...realIp, 'x-forwarded-for': '192.0.2.1' }, { allowRealIpFallback }).clientAddress, '192.0.2.1')
  t.equal(from('10.0.0.1', { 'x-real-ip': '127.0.0.1' }, { allowRealIpFallback }).kind, 'unattributable-proxy')
  t.equal(from('203.0.113.7', realIp, { allowRealIpFallback }).kind, 'unattributable-proxy')
})

t.test('a trusted proxy that names nobody cannot be attributed, except a plain program on loopback', async t => {
  t.equal(from('10.0.0.1').kind, 'unattributable-proxy')
  t.match(from('127.0.0.1'), { kind: 'direct-local', local: true })
})

t.test('a foreign Host over loopback stays direct, but is not local', async t => {
  for (const host of ['gw.example.com', 'evil.example:18789', '127.evil.com', 'localhost.evil.com', '127.1', '2130706433', '192.168.1.5:18789', 'a b', '']) {
    t.match(from('127.0.0.1', { host }), { kind: 'direct-local', local: false }, JSON.stringify(host))
  }
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:18789', '[::1]:18789']) t.equal(from('127.0.0.1', { host }).local, true, host)
})

t.test('a page of another origin over loopback is not local, our own page is', async t => {
  for (const origin of ['http://localhost:18789', 'http://127.0.0.1:18789', 'https://[::1]:18789', 'HTTP://LOCALHOST:18789']) {
    t.equal(from('127.0.0.1', { host: 'localhost:18789', origin }).local, true, origin)
  }
  for (const origin of ['http://localhost:9999', 'http://localhost', 'https://evil.example', 'http://127.evil.com:18789', 'null', '', 'file://', 'tauri://localhost:18789',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop', 'http://localhost:18789, http://localhost:18789']) {
    t.equal(from('127.0.0.1', { host: 'localhost:18789', origin }).local, false, JSON.stringify(origin))
  }
})

t.test('the port may be known only after listening', async t => {
  let port = 0
  const attribute = createIngress({ trustedProxies: [], allowRealIpFallback: false, port: () => port })
  const facts = { remoteAddress: '127.0.0.1', headers: { origin: 'http://localhost:4711' } }
  t.equal(attribute(facts).local, false)
  port = 4_711
  t.equal(attribute(facts).local, true)
})

t.test('a loopback source address on another interface is not local', async t => {
  t.match(ingress({ remoteAddress: '127.0.0.1', localAddress: '192.168.1.5', headers: {} }, { trustedProxies: [] }), { kind: 'direct-remote', local: false })
  t.match(ingress({ remoteAddress: '127.0.0.1', localAddress: '::ffff:127.0.0.1', headers: {} }), { kind: 'direct-local', local: true })
})

t.test('a proxy list with a wrong entry is refused by name', async t => {
  t.throws(() => from('127.0.0.1', {}, { trustedProxies: ['10.0.0.0/8', 'nginx.internal'] }), /"nginx.internal"/)
})

t.test('real requests are attributed from their sockets and headers', async t => {
  const server = createServer((request, response) => {
    const { remoteAddress, localAddress } = request.socket
    const attribute = createIngress({ trustedProxies: [], allowRealIpFallback: false, port: (server.address() as AddressInfo).port })
    response.end(JSON.stringify(attribute({ remoteAddress, localAddress, headers: request.headers })))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const ask = async (headers: { [name: string]: string | string[] }): Promise<Ingress> => {
    const [response] = await once(get({ port, host: '127.0.0.1', headers }), 'response')
    return JSON.parse((await response.toArray()).join(''))
  }
  t.match(await ask({}), { kind: 'direct-local', local: true, clientAddress: '127.0.0.1', host: `127.0.0.1:${port}` })
  t.match(await ask({ Origin: `http://localhost:${port}` }), { local: true })
  t.match(await ask({ Origin: 'http://localhost:1' }), { kind: 'direct-local', local: false, origin: 'http://localhost:1' })
  t.match(await ask({ 'X-Forwarded-For': ['127.0.0.1', '::1'] }), { kind: 'unattributable-proxy', local: false })
  t.match(await ask({ Host: 'rebound.example' }), { kind: 'direct-local', local: false })
})
