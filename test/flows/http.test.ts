import { connect as tcpConnect } from 'node:net'
import t from 'tap'
import { startGateway, testToken } from '../helper.ts'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Sends raw bytes and collects the answer until the other side hangs up. */
function raw (port: number, text: string, timeoutMs = 5_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    const timer = setTimeout(() => { socket.destroy(); reject(new Error(`still open after ${timeoutMs} ms: ${answer}`)) }, timeoutMs)
    socket.on('data', chunk => { answer += chunk })
    socket.on('error', () => {})
    socket.on('close', () => { clearTimeout(timer); resolve(answer) })
  })
}

t.test('probes answer everyone with the least and this machine with details', async t => {
  const gateway = await startGateway(t)

  for (const path of ['/health', '/healthz']) {
    const response = await fetch(gateway.http + path)
    t.equal(response.status, 200)
    t.equal(await response.text(), '{"ok":true,"status":"live"}')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.match(response.headers.get('content-type'), /^application\/json/)
    for (const [name, value] of [['x-content-type-options', 'nosniff'], ['referrer-policy', 'no-referrer'], ['permissions-policy', 'camera=(), microphone=(self), geolocation=()']]) {
      t.equal(response.headers.get(name!), value)
    }
  }
  t.match(await (await fetch(gateway.http + '/ready')).json(), { ready: true, failing: [], uptimeMs: Number, eventLoop: { degraded: Boolean } })
  t.match(await (await fetch(gateway.http + '/startupz')).json(), { ok: true, status: 'started', version: '0.0.0-test' })
  t.equal((await fetch(gateway.http + '/readyz', { method: 'HEAD' })).status, 200)
  t.equal((await fetch(gateway.http + '/health/x')).status, 404)
  for (const path of ['/health', '/readyz', '/startup']) {
    const refused = await fetch(gateway.http + path, { method: 'POST' })
    t.equal(refused.status, 405)
    t.equal(refused.headers.get('allow'), 'GET, HEAD')
    t.equal(await refused.text(), 'Method Not Allowed')
  }
})

t.test('whoever is not beyond doubt local gets no details from a probe', async t => {
  const gateway = await startGateway(t, { config: { gateway: { trustedProxies: ['127.0.0.1'] } } })
  const ready = async (headers: { [name: string]: string }) => (await fetch(gateway.http + '/readyz', { headers })).json()
  t.match(await ready({}), { failing: [] })
  t.same(await ready({ 'x-forwarded-for': '203.0.113.9' }), { ready: true })
  t.match(await ready({ 'x-forwarded-for': '203.0.113.9', ...bearer(testToken) }), { ready: true, failing: [] }, 'a caller with the secret')
  const wrong = await fetch(gateway.http + '/readyz', { headers: { 'x-forwarded-for': '203.0.113.9', ...bearer('wrong') } })
  t.same(await wrong.json(), { ready: true })
})

t.test('a guess at a probe counts like any other guess', async t => {
  const gateway = await startGateway(t, { config: { gateway: { trustedProxies: ['127.0.0.1'] } } })
  const from = { 'x-forwarded-for': '203.0.113.77' }
  for (let i = 0; i < 10; i++) await fetch(gateway.http + '/readyz', { headers: { ...from, ...bearer(`guess-${i}`) } })
  const locked = await fetch(gateway.http + '/control-ui-config.json', { headers: { ...from, ...bearer(testToken) } })
  t.equal(locked.status, 429)
  t.ok(Number(locked.headers.get('retry-after')) > 200)
  t.match(await locked.json(), { error: { message: 'Too many failed authentication attempts. Please try again later.', type: 'rate_limited' } })
  const neighbour = await fetch(gateway.http + '/control-ui-config.json', { headers: { 'x-forwarded-for': '203.0.113.78', ...bearer(testToken) } })
  t.equal(neighbour.status, 200)
})

t.test('a proxy that nobody listed is refused with the sentence that names the fix, on every path but liveness', async t => {
  const gateway = await startGateway(t)
  for (const path of ['/readyz', '/startupz', '/', '/nosuch', '/api/device/nonce']) {
    const response = await fetch(gateway.http + path, { headers: { 'x-forwarded-for': '203.0.113.9' } })
    t.equal(response.status, 403, path)
    t.match(await response.json(), { error: { type: 'proxy_attribution_required', message: /^Proxy client attribution is required\. The peer 127\.0\.0\.1 .*trustedProxies/ } })
  }
  for (const header of ['forwarded', 'x-real-ip', 'x-forwarded-proto', 'tailscale-user-login']) {
    t.equal((await fetch(gateway.http + '/health', { headers: { [header]: 'x' } })).status, 200)
    t.equal((await fetch(gateway.http + '/readyz', { headers: { [header]: 'x' } })).status, 403, header)
  }
})

t.test('a bearer credential is accepted in any spelling of the scheme and in no other form', async t => {
  const gateway = await startGateway(t)
  const call = (headers: { [name: string]: string }, query = '') => fetch(`${gateway.http}/control-ui-config.json${query}`, { headers })
  t.match(await (await call(bearer(testToken))).json(), { serverVersion: '0.0.0-test', assistantAgentId: 'main' })
  t.equal((await call({ authorization: `bEaReR   ${testToken}` })).status, 200, 'the scheme is case-insensitive')
  const missing = await call({})
  t.equal(missing.status, 401)
  t.match(await missing.json(), { error: { message: 'Unauthorized', type: 'unauthorized', nextStep: /\S/ } })
  for (const header of ['Bearer', 'Bearer ', `Basic ${testToken}`, `Bearer ${testToken}x`, 'Bearer undefined']) t.equal((await call({ authorization: header })).status, 401, header)
  t.equal((await call(bearer(gateway.adminToken))).status, 200, 'the credential of local administration')
})

t.test('a token in the URL works for callers of this machine only, and is never logged', async t => {
  const gateway = await startGateway(t, { config: { gateway: { trustedProxies: ['127.0.0.1'] } } })
  const call = (token: string, headers = {}) => fetch(`${gateway.http}/control-ui-config.json?token=${token}`, { headers })
  t.equal((await call(testToken)).status, 200)
  t.equal((await call('wrong')).status, 401)
  const remote = await call(testToken, { 'x-forwarded-for': '203.0.113.9' })
  t.equal(remote.status, 400)
  t.match(await remote.json(), { error: { nextStep: /Authorization: Bearer/ } })
  t.notMatch(gateway.log.join('\n'), testToken)
  const off = await startGateway(t, { config: { gateway: { auth: { urlToken: 'off' } } } })
  t.equal((await fetch(`${off.http}/control-ui-config.json?token=${testToken}`)).status, 400)
})

t.test('names that others could point at us get nothing without a credential', async t => {
  const gateway = await startGateway(t, { config: { gateway: { http: { allowedHosts: ['gateway.example'] } } } })
  const get = (host: string, path = '/', headers = '') => raw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}connection: close\r\n\r\n`)
  t.match(await get('evil.example'), /^HTTP\/1\.1 403 .*host_not_allowed/s)
  t.match(await get('evil.example', '/control-ui-config.json'), /^HTTP\/1\.1 403/)
  t.match(await get('127.evil.com'), /^HTTP\/1\.1 403/)
  t.match(await get('evil.example', '/health'), /^HTTP\/1\.1 200/, 'liveness answers whoever asks')
  t.match(await get('evil.example', '/readyz'), /\{"ready":true\}/, 'probes answer, without details')
  t.match(await get(`127.0.0.1:${gateway.port}`), /^HTTP\/1\.1 200/)
  t.match(await get(`localhost:${gateway.port}`), /^HTTP\/1\.1 200/)
  t.match(await get('gateway.example'), /^HTTP\/1\.1 200/)
  t.match(await get('evil.example', '/control-ui-config.json', `authorization: Bearer ${testToken}\r\n`), /^HTTP\/1\.1 200/, 'who has the secret was not lured')
})

t.test('cross-site writes are refused, and so is a body that a form can send', async t => {
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: ['https://ui.example'] } } } })
  const post = (headers: { [name: string]: string }, body?: string) => fetch(`${gateway.http}/api/device/nonce`, { method: 'POST', headers, body })
  t.equal((await post({})).status, 200)
  const cross = await post({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
  t.equal(cross.status, 403)
  t.match(await cross.json(), { error: { type: 'cross_site_request' } })
  t.equal((await post({ 'sec-fetch-site': 'cross-site', origin: 'https://ui.example' })).status, 200, 'a page that is listed')
  t.equal((await post({ 'content-type': 'text/plain' }, '{}')).status, 415)
  t.equal((await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'a=1')).status, 415)
})

t.test('pages of listed origins may read the named routes, all others may not', async t => {
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: ['https://ui.example', '*'] } } } })
  const preflight = (path: string, origin: string) => fetch(gateway.http + path, {
    method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  })
  const listed = await preflight('/control-ui-config.json', 'https://ui.example')
  t.equal(listed.status, 204)
  t.equal(listed.headers.get('access-control-allow-origin'), 'https://ui.example')
  t.equal(listed.headers.get('access-control-allow-credentials'), null)
  for (const [path, origin] of [['/control-ui-config.json', 'https://evil.example'], ['/readyz', 'https://ui.example'], ['/health', 'https://ui.example']]) {
    t.not((await preflight(path!, origin!)).headers.get('access-control-allow-origin'), origin, `${path} ${origin}`)
  }
  const get = await fetch(gateway.http + '/api/device/nonce', { headers: { origin: 'https://evil.example' } })
  t.equal(get.headers.get('access-control-allow-origin'), null)
})

t.test('nonces are issued at a bounded rate per client', async t => {
  const gateway = await startGateway(t, { config: { gateway: { http: { rateLimit: { max: 5, windowMs: 60_000 } } } } })
  const ask = () => fetch(`${gateway.http}/api/device/nonce`)
  const nonces = new Set<string>()
  for (let i = 0; i < 5; i++) nonces.add(((await (await ask()).json()) as { nonce: string }).nonce)
  t.equal(nonces.size, 5)
  const refused = await ask()
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { error: { code: 'TOO_MANY_REQUESTS', type: 'rate_limited', nextStep: /\S/ } })
  t.equal((await fetch(gateway.http + '/health')).status, 200, 'other routes are not limited by it')
})

t.test('a body is not read before its sender is known', async t => {
  const gateway = await startGateway(t)
  const answer = await raw(gateway.port, [
    'GET /control-ui-config.json HTTP/1.1', `Host: 127.0.0.1:${gateway.port}`, 'Authorization: Bearer wrong', 'Content-Type: application/json', 'Content-Length: 1000000000', '', '{"a":'
  ].join('\r\n'))
  t.match(answer, /^HTTP\/1\.1 401 /)
})

t.test('broken requests end at once', async t => {
  const gateway = await startGateway(t)
  t.match(await raw(gateway.port, 'NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400/)
  t.match(await raw(gateway.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`), /^HTTP\/1\.1 4(00|31)/)
  for (const headers of [
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n',
    'Upgrade: h2c\r\nConnection: Upgrade\r\n'
  ]) t.match(await raw(gateway.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\n${headers}\r\n`), /^HTTP\/1\.1 4\d\d/, headers)
})

t.test('unknown routes answer in JSON and say so', async t => {
  const gateway = await startGateway(t)
  const response = await fetch(gateway.http + '/api/nosuch', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  t.equal(response.status, 404)
  t.match(await response.json(), { error: { type: 'not_found', message: 'no route for POST /api/nosuch' } })
})

t.test('mode none serves this machine and turns rebound names and foreign pages away', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { mode: 'none', token: null } } } })
  t.equal((await fetch(gateway.http + '/control-ui-config.json')).status, 200)
  t.match(await raw(gateway.port, 'GET /control-ui-config.json HTTP/1.1\r\nHost: evil.example\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 403/)
  const foreign = await fetch(gateway.http + '/control-ui-config.json', { headers: { origin: 'https://evil.example' } })
  t.equal(foreign.status, 403)
  t.match(await foreign.json(), { error: { type: 'origin_not_allowed' } })
  t.equal((await fetch(gateway.http + '/control-ui-config.json', { headers: { 'x-openclaw-scopes': '' } })).status, 403, 'an empty list of scopes is no scope')
})
