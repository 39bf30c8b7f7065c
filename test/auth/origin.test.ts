import t from 'tap'
import type { IncomingHttpHeaders } from 'node:http'
import { createIngress } from '../../src/auth/ingress.ts'
import { createHostPolicy, createOriginPolicy, isCrossSite, type HostPolicyOptions, type OriginPolicyOptions } from '../../src/auth/origin.ts'

const port = 18_789
const ownAddresses = (): string[] => ['127.0.0.1', '192.168.1.5', '203.0.113.20', '::1', 'fd00::5', 'fe80::1%eth0']
const attribute = createIngress({ trustedProxies: ['10.0.0.1'], allowRealIpFallback: false, port })

const judge = (remoteAddress: string, headers: IncomingHttpHeaders, options: Partial<OriginPolicyOptions> = {}, required = false) =>
  createOriginPolicy({ allowedOrigins: [], port, hostHeaderFallback: false, ownAddresses, hostname: 'Box.lan', ...options })(
    attribute({ remoteAddress, headers }), { required })

t.test('no Origin is no page, and browser clients must be one', async t => {
  t.same(judge('127.0.0.1', {}), { ok: true, reason: 'absent' })
  t.same(judge('127.0.0.1', {}, {}, true), { ok: false, reason: 'origin missing or invalid' })
})

t.test('listed origins come in from anywhere, in whatever spelling they are listed', async t => {
  const allowedOrigins = ['https://UI.example.com:443/', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop', 'http://localhost:9999']
  for (const origin of ['https://ui.example.com', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop', 'http://localhost:9999']) {
    t.same(judge('203.0.113.7', { origin, host: 'gw.example.com' }, { allowedOrigins }), { ok: true, reason: 'listed' }, origin)
  }
  for (const origin of ['http://ui.example.com', 'https://ui.example.com:8443', 'https://ui.example.com.evil.example', 'https://evil.example']) {
    t.same(judge('203.0.113.7', { origin, host: 'gw.example.com' }, { allowedOrigins }), { ok: false, reason: 'origin not allowed' }, origin)
  }
})

t.test('"*" lets every page in, but not what is no origin', async t => {
  t.match(judge('203.0.113.7', { origin: 'https://any.example' }, { allowedOrigins: ['*'] }), { ok: true, reason: 'listed' })
  t.match(judge('203.0.113.7', { origin: 'null' }, { allowedOrigins: ['*'] }), { ok: false, reason: 'origin missing or invalid' })
  t.match(judge('203.0.113.7', { origin: 'null' }, { allowedOrigins: ['null'] }), { ok: true }, 'unless it is listed itself')
})

t.test('what cannot be read as an origin is refused', async t => {
  for (const origin of ['', 'null', 'evil', 'http://a, http://b', 'http://']) {
    t.same(judge('127.0.0.1', { origin, host: 'localhost:18789' }), { ok: false, reason: 'origin missing or invalid' }, JSON.stringify(origin))
  }
})

t.test('our own loopback page comes in, whatever loopback name it was opened by', async t => {
  for (const origin of ['http://localhost:18789', 'http://127.0.0.1:18789', 'http://[::1]:18789']) {
    for (const host of ['localhost:18789', '127.0.0.1:18789', '[::1]:18789']) {
      t.same(judge('127.0.0.1', { origin, host }), { ok: true, reason: 'loopback' }, `${origin} to ${host}`)
    }
  }
})

t.test('a page on another loopback port does not drive this gateway', async t => {
  for (const origin of ['http://localhost:9999', 'http://127.0.0.1:3000', 'http://localhost', 'https://localhost']) {
    t.same(judge('127.0.0.1', { origin, host: 'localhost:18789' }), { ok: false, reason: 'origin not allowed' }, origin)
  }
})

t.test('a loopback origin proves nothing for a caller who is not on this machine', async t => {
  const origin = 'http://localhost:18789'
  t.match(judge('203.0.113.7', { origin, host: 'localhost:18789' }), { ok: false })
  t.match(judge('127.0.0.1', { origin, host: 'localhost:18789', 'x-forwarded-for': '198.51.100.1' }), { ok: false })
  t.match(judge('10.0.0.1', { origin, host: 'localhost:18789', 'x-forwarded-for': '127.0.0.1, 198.51.100.1' }), { ok: false })
  t.match(judge('127.0.0.1', { origin, host: 'evil.example:18789' }), { ok: false })
})

t.test('a name that was rebound to us is refused although Host and Origin agree', async t => {
  for (const authority of ['evil.example', 'evil.example:18789', '192.168.1.77:18789', '10.9.9.9', 'fd00::77', 'evil.local:18789', '203.0.113.20:18789', '127.evil.com:18789']) {
    const host = authority.startsWith('fd') ? `[${authority}]` : authority
    for (const peer of ['127.0.0.1', '192.168.1.9', '203.0.113.7']) {
      t.same(judge(peer, { origin: `http://${host}`, host }), { ok: false, reason: 'origin not allowed' }, `${host} from ${peer}`)
    }
  }
})

t.test('a page loaded from an address or name that can only be ours comes in', async t => {
  for (const host of ['192.168.1.5:18789', '[fd00::5]:18789', 'box.local:18789', 'box.tail1234.ts.net', 'BOX.local:18789']) {
    t.same(judge('192.168.1.9', { origin: `http://${host}`, host }), { ok: true, reason: 'same-host' }, host)
  }
  t.match(judge('192.168.1.9', { origin: 'https://box.tail1234.ts.net', host: 'box.tail1234.ts.net' }), { ok: true }, 'the port of the scheme needs no saying')
  t.match(judge('192.168.1.9', { origin: 'http://192.168.1.5:3000', host: '192.168.1.5:18789' }), { ok: false }, 'another port is another page')
  t.match(judge('192.168.1.9', { origin: 'https://192.168.1.5', host: '192.168.1.5:80' }), { ok: false })
  t.match(judge('192.168.1.9', { origin: 'http://192.168.1.5:18789', host: 'box.local:18789' }), { ok: false }, 'two names are two hosts')
  t.match(judge('192.168.1.9', { origin: 'http://box.local', host: 'box.local' }, { hostname: undefined }), { ok: false }, 'no name of ours is known')
})

t.test('the dangerous fallback lets any agreeing host in, and only agreeing ones', async t => {
  t.same(judge('203.0.113.7', { origin: 'https://gw.example.com', host: 'gw.example.com' }, { hostHeaderFallback: true }), { ok: true, reason: 'same-host' })
  t.match(judge('203.0.113.7', { origin: 'https://evil.example', host: 'gw.example.com' }, { hostHeaderFallback: true }), { ok: false })
  t.match(judge('203.0.113.7', { origin: 'https://gw.example.com' }, { hostHeaderFallback: true }), { ok: false })
  t.match(judge('203.0.113.7', { origin: 'evil://gw.example.com', host: 'gw.example.com' }, { hostHeaderFallback: true }), { ok: false })
})

const hosts = (options: Partial<HostPolicyOptions> = {}) => {
  const policy = createHostPolicy({ allowedHosts: [], allowedOrigins: [], ownAddresses, hostname: 'Box.lan', ...options })
  return (host: string | undefined): boolean => policy(attribute({ remoteAddress: '127.0.0.1', headers: { host } }))
}

t.test('an HTTP request may call us by names that can only mean us', async t => {
  const allowed = hosts()
  for (const host of [undefined, 'localhost', 'localhost:18789', '127.0.0.1:18789', '[::1]', 'ui.localhost', '192.168.1.5:18789', '203.0.113.20', '[fd00::5]:1', '[fe80::1]',
    'box', 'box.lan', 'BOX.LAN:18789', 'box.local', 'box.tail1234.ts.net', 'host.docker.internal:18789', 'localhost.']) {
    t.equal(allowed(host), true, String(host))
  }
  for (const host of ['evil.example', 'evil.example:18789', '192.168.1.77', '10.0.0.1', '127.evil.com', '127.1', '0.0.0.0:18789', '2130706433', 'evil.local', 'evil.lan', 'ts.net',
    'evilts.net', 'localhost.evil.com', 'a b', '', 'box.lan.evil.example', '[fd00::6]']) {
    t.equal(allowed(host), false, JSON.stringify(host))
  }
})

t.test('hosts are also allowed by listing them, or the origins of their pages', async t => {
  const allowed = hosts({
    allowedHosts: ['gw.example.com', '*.corp.example', '192.168.1.77', '2001:db8::7', 'Named.example:8443'],
    allowedOrigins: ['https://ui.example.com', '*'],
    publicOrigin: 'https://public.example.com'
  })
  for (const host of ['gw.example.com', 'GW.example.com:8443', 'a.corp.example', 'a.b.corp.example', '192.168.1.77', '[2001:db8::7]:80', 'named.example', 'ui.example.com',
    'public.example.com']) {
    t.equal(allowed(host), true, host)
  }
  for (const host of ['corp.example', 'evilcorp.example', 'x.gw.example.com', 'evil.example']) t.equal(allowed(host), false, host)
  t.equal(hosts({ allowedHosts: ['*'] })('evil.example'), true)
})

t.test('only what a browser says to come from another origin is cross-site', async t => {
  t.equal(isCrossSite({ 'sec-fetch-site': 'cross-site' }), true)
  t.equal(isCrossSite({ 'sec-fetch-site': 'same-site' }), true)
  t.equal(isCrossSite({ 'sec-fetch-site': 'same-origin' }), false)
  t.equal(isCrossSite({ 'sec-fetch-site': 'none' }), false)
  t.equal(isCrossSite({}), false)
})
