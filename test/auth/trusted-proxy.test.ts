import t from 'tap'
import type { IncomingHttpHeaders } from 'node:http'
import { createIngress } from '../../src/auth/ingress.ts'
import { createOriginPolicy } from '../../src/auth/origin.ts'
import { createTrustedProxyCheck, readDeclaredScopes, type TrustedProxySettings } from '../../src/auth/trusted-proxy.ts'

const trustedProxies = ['10.0.0.1', '192.168.1.5', '127.0.0.1', '::1']
const attribute = createIngress({ trustedProxies, allowRealIpFallback: false, port: 18_789 })

interface Variation {
  peer?: string
  settings?: TrustedProxySettings
  ownAddresses?: () => string[]
  http?: boolean
}

const check = (headers: IncomingHttpHeaders, { peer = '10.0.0.1', settings = {}, ownAddresses = () => ['192.168.1.5'], http = false }: Variation = {}) => {
  const origins = createOriginPolicy({ allowedOrigins: ['https://ui.example.com'], port: 18_789, hostHeaderFallback: false, ownAddresses })
  const config = { trustedProxies, auth: { trustedProxy: { userHeader: 'X-Forwarded-User', ...settings } } }
  return createTrustedProxyCheck({ config, ownAddresses, origins })(attribute({ remoteAddress: peer, headers }), headers, { http })
}

const identity = { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-user': 'ann@example.com' }

t.test('a trusted proxy names the user', async t => {
  t.same(check(identity), { ok: true, user: 'ann@example.com' })
  t.same(check({ ...identity, 'x-forwarded-user': '  ann ' }), { ok: true, user: 'ann' })
  const settings = { userHeader: 'X-Auth-User' }
  t.same(check({ 'x-forwarded-for': '198.51.100.1', 'x-auth-user': 'bob' }, { settings }), { ok: true, user: 'bob' })
  t.same(check(identity, { peer: '::ffff:10.0.0.1' }), { ok: true, user: 'ann@example.com' })
})

t.test('nobody else names anybody', async t => {
  t.same(check(identity, { peer: '203.0.113.7' }), { ok: false, reason: 'trusted_proxy_untrusted_source' })
  t.same(check(identity, { peer: '10.0.0.2' }), { ok: false, reason: 'trusted_proxy_untrusted_source' })
})

t.test('a program on this machine cannot forge an identity unless loopback proxies are allowed', async t => {
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
    t.same(check(identity, { peer }), { ok: false, reason: 'trusted_proxy_loopback_source' }, peer)
    t.same(check(identity, { peer, settings: { allowLoopback: true } }), { ok: true, user: 'ann@example.com' }, peer)
  }
  t.same(check({ 'x-forwarded-user': 'ann' }, { peer: '127.0.0.1', settings: { allowLoopback: true } }),
    { ok: false, reason: 'trusted_proxy_client_unattributable' }, 'even then a proxy says for whom it speaks')
  t.same(check(identity, { peer: '192.168.1.5' }), { ok: false, reason: 'trusted_proxy_local_interface_source' })
  const ownAddresses = (): string[] => { throw new Error('no interfaces') }
  t.same(check(identity, { ownAddresses }), { ok: false, reason: 'trusted_proxy_local_interface_check_failed' })
})

t.test('every required header must say something', async t => {
  const settings = { requiredHeaders: ['X-Forwarded-Proto', 'x-sso'] }
  t.same(check({ ...identity, 'x-forwarded-proto': 'https', 'x-sso': '1' }, { settings }), { ok: true, user: 'ann@example.com' })
  t.same(check({ ...identity, 'x-sso': '1' }, { settings }), { ok: false, reason: 'trusted_proxy_missing_header_x-forwarded-proto' })
  t.same(check({ ...identity, 'x-forwarded-proto': 'https', 'x-sso': ' ' }, { settings }), { ok: false, reason: 'trusted_proxy_missing_header_x-sso' })
})

t.test('a user must be named and, where users are listed, be exactly one of them', async t => {
  t.same(check({ 'x-forwarded-for': '198.51.100.1' }), { ok: false, reason: 'trusted_proxy_user_missing' })
  t.same(check({ ...identity, 'x-forwarded-user': ' ' }), { ok: false, reason: 'trusted_proxy_user_missing' })
  t.same(check(identity, { settings: { userHeader: ' ' } }), { ok: false, reason: 'trusted_proxy_user_missing' })
  const settings = { allowUsers: ['ann@example.com'] }
  t.equal(check(identity, { settings }).ok, true)
  for (const user of ['Ann@example.com', 'bob', 'ann@example.com, bob', 'ann@example.com.evil.example']) {
    t.same(check({ ...identity, 'x-forwarded-user': user }, { settings }), { ok: false, reason: 'trusted_proxy_user_not_allowed' }, user)
  }
})

t.test('the client behind the proxy must be known', async t => {
  for (const chain of ['127.0.0.1', '::1', 'unknown', '10.0.0.1']) {
    t.same(check({ ...identity, 'x-forwarded-for': chain }), { ok: false, reason: 'trusted_proxy_client_unattributable' }, chain)
  }
})

t.test('over HTTP a page of a foreign origin is refused although the proxy vouches for its user', async t => {
  const foreign = { ...identity, origin: 'https://evil.example' }
  t.same(check(foreign, { http: true }), { ok: false, reason: 'trusted_proxy_origin_not_allowed' })
  t.equal(check({ ...identity, origin: 'https://ui.example.com' }, { http: true }).ok, true)
  t.equal(check(identity, { http: true }).ok, true, 'no page, no origin')
  t.equal(check(foreign).ok, true, 'on a socket the handshake asks the origin policy itself')
})

t.test('the first thing that is wrong is the answer', async t => {
  const settings = { requiredHeaders: ['x-sso'], allowUsers: ['bob'] }
  const wrong = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-user': 'ann', origin: 'https://evil.example' }
  const judge = (repaired: IncomingHttpHeaders, peer = '10.0.0.1') => check({ ...wrong, ...repaired }, { peer, settings, http: true })
  const known = { 'x-sso': '1', 'x-forwarded-user': 'bob' }
  t.match(judge({}, '203.0.113.7'), { reason: 'trusted_proxy_untrusted_source' })
  t.match(judge({}), { reason: 'trusted_proxy_missing_header_x-sso' })
  t.match(judge({ 'x-sso': '1' }), { reason: 'trusted_proxy_user_not_allowed' })
  t.match(judge(known), { reason: 'trusted_proxy_client_unattributable' })
  t.match(judge({ ...known, 'x-forwarded-for': '198.51.100.1' }), { reason: 'trusted_proxy_origin_not_allowed' })
})

t.test('declared scopes narrow: absent is no statement, empty is none', async t => {
  t.equal(readDeclaredScopes({}), undefined)
  t.same(readDeclaredScopes({ 'x-openclaw-scopes': '' }), [])
  t.same(readDeclaredScopes({ 'x-openclaw-scopes': ' , ' }), [])
  t.same(readDeclaredScopes({ 'x-openclaw-scopes': 'operator.read, operator.write' }), ['operator.read', 'operator.write'])
  t.same(check({ ...identity, 'x-openclaw-scopes': 'operator.read' }), { ok: true, user: 'ann@example.com', declaredScopes: ['operator.read'] })
  t.same(check({ ...identity, 'x-openclaw-scopes': '' }), { ok: true, user: 'ann@example.com', declaredScopes: [] })
})
