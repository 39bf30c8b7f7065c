import t from 'tap'
import { checkAuthRules, type AuthRuleFacts } from '../../src/auth/auth-rules.ts'
import type { GatewayAuth } from '../../src/auth/gateway-auth.ts'

const auth = (more: Partial<GatewayAuth> = {}): GatewayAuth =>
  ({ mode: 'token', modeSource: 'config', token: 'a-long-secret', tokenSource: 'config', problems: [], ...more })
const check = (facts: Partial<AuthRuleFacts>) => checkAuthRules({ auth: auth(), config: {}, env: {}, bindHosts: ['127.0.0.1'], ...facts })
const texts = (facts: Partial<AuthRuleFacts>): string[] => check(facts).map(problem => problem.text)

const noToken = { token: undefined, tokenSource: undefined }
const proxyConfig = { trustedProxies: ['10.0.0.1'], auth: { trustedProxy: { userHeader: 'x-forwarded-user' } } }
const proxyAuth = auth({ mode: 'trusted-proxy', ...noToken })

t.test('sound combinations pass', async t => {
  t.same(check({}), [])
  t.same(check({ bindHosts: ['0.0.0.0'] }), [])
  t.same(check({ bindHosts: ['0.0.0.0'], auth: auth({ mode: 'password', password: 'p', ...noToken }) }), [])
  t.same(check({ bindHosts: ['127.0.0.1', '::1', 'localhost'], auth: auth(noToken) }), [], 'on loopback a token can be generated')
  t.same(check({ auth: auth({ mode: 'none' }) }), [])
  t.same(check({ bindHosts: ['0.0.0.0'], auth: proxyAuth, config: proxyConfig }), [])
  t.same(check({ config: { tailscale: { mode: 'serve' } } }), [])
  t.same(check({ config: { tailscale: { mode: 'off' } }, bindHosts: ['0.0.0.0'] }), [])
})

t.test('nothing beyond loopback without a secret that outlives the start', async t => {
  for (const bindHosts of [['0.0.0.0'], ['192.168.1.5'], ['127.0.0.1', '100.64.1.2'], ['::'], ['127.evil.com'], ['localhost.evil.com']]) {
    for (const bare of [auth({ mode: 'none' }), auth(noToken), auth({ tokenSource: 'generated' })]) {
      t.match(check({ auth: bare, bindHosts, bind: 'lan' }), [{
        text: 'Refusing to bind gateway to lan without auth.',
        next: 'Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD) or pass --token/--password.'
      }], `${bindHosts} ${bare.mode} ${bare.tokenSource}`)
    }
  }
  t.same(texts({ auth: auth({ mode: 'none' }), bindHosts: ['127.0.0.1', '192.168.1.5'] }), ['Refusing to bind gateway to 192.168.1.5 without auth.'])
})

t.test('password mode needs a password, on loopback too', async t => {
  for (const bindHosts of [['127.0.0.1'], ['0.0.0.0']]) {
    t.match(check({ auth: auth({ mode: 'password' }), bindHosts }), [{
      text: 'Gateway auth is set to password, but no password is configured.',
      next: 'Set gateway.auth.password (or OPENCLAW_GATEWAY_PASSWORD), or pass --password.'
    }])
  }
})

t.test('trusted-proxy mode needs a proxy, a header, and no token', async t => {
  t.same(texts({ auth: proxyAuth, config: { ...proxyConfig, trustedProxies: [] } }),
    ['Gateway failed to start: gateway auth mode=trusted-proxy requires gateway.trustedProxies to be configured with at least one proxy IP.'])
  for (const trustedProxy of [undefined, {}, { userHeader: ' ' }]) {
    t.match(texts({ auth: proxyAuth, config: { ...proxyConfig, auth: { trustedProxy } } }), [/requires gateway\.auth\.trustedProxy\.userHeader/])
  }
  const exclusive = 'Gateway failed to start: gateway auth mode is trusted-proxy, but a shared token is also configured; remove gateway.auth.token / OPENCLAW_GATEWAY_TOKEN because trusted-proxy and token auth are mutually exclusive.'
  t.same(texts({ auth: proxyAuth, config: proxyConfig, env: { OPENCLAW_GATEWAY_TOKEN: 'x' } }), [exclusive])
  t.same(texts({ auth: proxyAuth, config: { ...proxyConfig, auth: { ...proxyConfig.auth, token: { source: 'env', id: 'X' } } } }), [exclusive])
  t.same(texts({ auth: proxyAuth, config: proxyConfig, flags: { token: 'x' } }), [exclusive])
  t.same(texts({ auth: { ...proxyAuth, password: 'local-way-in' }, config: proxyConfig, env: { OPENCLAW_GATEWAY_TOKEN: ' ' } }), [])
})

t.test('tailscale in front needs loopback, some auth, and for the whole internet a password', async t => {
  const serve = { tailscale: { mode: 'serve' } }
  const funnel = { tailscale: { mode: 'funnel' } }
  t.match(texts({ config: serve, bindHosts: ['0.0.0.0'] }), [/^gateway\.bind must resolve to loopback when gateway\.tailscale\.mode=serve \(use /])
  t.match(texts({ config: serve, auth: auth({ mode: 'none' }) }), [/^Gateway failed to start: tailscale serve requires gateway auth/])
  t.same(texts({ config: funnel }), ['Gateway failed to start: tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD).'])
  t.same(texts({ config: funnel, auth: auth({ mode: 'password', password: 'p' }) }), [])
})

t.test('placeholders are no secrets', async t => {
  for (const token of ['change-me-now', 'undefined', '***', '__OPENCLAW_REDACTED__']) {
    t.match(check({ auth: auth({ token }) }), [{ text: /^Gateway failed to start: the gateway auth token is a placeholder/, next: /openssl rand/ }], token)
  }
  t.match(texts({ auth: auth({ mode: 'password', password: 'change-me-to-a-strong-password' }) }), [/password is a placeholder/])
  t.match(texts({ auth: { ...proxyAuth, password: 'null' }, config: proxyConfig }), [/password is a placeholder/])
  t.notMatch(JSON.stringify(check({ auth: auth({ token: 'change-me-now' }) })), /change-me-now/, 'even a bad secret is not printed')
})

t.test('a Control UI beyond loopback needs origins where the caller says which are in force', async t => {
  const facts = { bindHosts: ['0.0.0.0'], allowedOrigins: [] }
  t.match(texts(facts), [/^non-loopback Control UI requires gateway\.controlUi\.allowedOrigins/])
  t.same(texts({ ...facts, allowedOrigins: ['http://localhost:18789'] }), [])
  t.same(texts({ ...facts, bindHosts: ['127.0.0.1'] }), [])
  t.same(texts({ ...facts, config: { controlUi: { enabled: false } } }), [])
  t.same(texts({ ...facts, config: { controlUi: { dangerouslyAllowHostHeaderOriginFallback: true } } }), [])
})

t.test('what already failed while resolving is not followed by complaints that only follow from it', async t => {
  const problem = { text: 'Gateway failed to start: Invalid config: …', next: 'Repair it.' }
  t.same(check({ auth: auth({ ...noToken, problems: [problem] }), bindHosts: ['0.0.0.0'] }), [])
})
