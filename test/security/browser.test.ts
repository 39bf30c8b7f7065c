/**
 * Published attacks of web pages on a local gateway (browser → gateway), each as the attack.
 *
 * Here:   GHSA-jmmg-jqc7-5qf4, PR #16485, PR #112288, GHSA-5wcw-8jjv-m286, CVE-2026-26317 / GHSA-3fqr-4cg8-h96q, CVE-2026-32034
 * Later:  CVE-2026-25253 / GHSA-g8p2-7wf7-98mq   gatewayUrl of a link: there is no page of ours yet that could obey it (control UI)
 *         CVE-2026-66421, CVE-2026-66418         stored XSS through names: needs a page that shows names (control UI)
 *         CVE-2026-26327 / GHSA-pv58-549p-qh99   rogue mDNS record: gateway discover only lists, nothing connects by it
 */
import t, { type TAP } from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect, startGateway, testToken, type ConnectOptions, type TestGateway } from '../helper.ts'
import { behindProxy, bearer, rawAnswer, routesOf, socketFrom } from './attacker.ts'

const controlUi = { id: 'openclaw-control-ui', mode: 'ui' }

async function originRefused (t: Pick<TAP, 'match' | 'equal'>, gateway: TestGateway, options: ConnectOptions, name: string): Promise<void> {
  const { client, response } = await connect(gateway.url, options)
  t.match(response, { ok: false, error: { details: { code: 'CONTROL_UI_ORIGIN_NOT_ALLOWED' } } }, name)
  t.equal((await client.close()).code, 1008, name)
}

t.test('GHSA-jmmg-jqc7-5qf4: a page of anywhere is refused before its credential is looked at', async t => {
  const gateway = await startGateway(t)
  for (const origin of ['https://evil.example', 'http://evil.example:18789', 'null', 'file://', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop', `http://127.0.0.1.evil.example:${gateway.port}`]) {
    await originRefused(t, gateway, { socket: { origin } }, `${origin} with the right token`)
    await originRefused(t, gateway, { socket: { origin }, auth: { token: 'wrong' } }, `${origin} with a wrong one`)
    await originRefused(t, gateway, { socket: { origin }, client: controlUi }, `${origin} as the control UI`)
  }
  const { client } = await admitted(gateway.url)
  await closeClient(client)
})

t.test('GHSA-jmmg-jqc7-5qf4: a listed page on loopback is limited after ten of a hundred guesses, and a right password pairs nothing', async t => {
  const origin = 'https://pages.example'
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: [origin] }, auth: { mode: 'password', token: null, password: 'correct horse' } } } })
  const paired = await connect(gateway.url, { socket: { origin }, auth: { password: 'correct horse' } })
  t.match(paired.response.error, { code: 'NOT_PAIRED', details: { code: 'PAIRING_REQUIRED', reason: 'not-paired' } }, 'pending, not approved')
  await paired.client.close()
  const codes: string[] = []
  for (let guess = 0; guess < 100; guess++) {
    const { client, response } = await connect(gateway.url, { socket: { origin }, auth: { password: `guess ${guess}` }, device: guess % 2 ? undefined : false })
    codes.push(response.error.details.code)
    await client.close()
  }
  t.same(codes, codes.map((_code, guess) => guess < 10 ? 'AUTH_PASSWORD_MISMATCH' : 'AUTH_RATE_LIMITED'))
  const right = await connect(gateway.url, { socket: { origin }, auth: { password: 'correct horse' } })
  t.equal(right.response.error.details.code, 'AUTH_RATE_LIMITED')
  await right.client.close()
})

t.test('PR #16485: a page on another port of this machine is a stranger', async t => {
  const gateway = await startGateway(t)
  for (const host of ['localhost', '127.0.0.1', '[::1]', 'app.localhost']) {
    for (const port of [9999, gateway.port + 1, '']) {
      const origin = `http://${host}${port && `:${port}`}`
      await originRefused(t, gateway, { socket: { origin }, client: controlUi }, origin)
    }
  }
  const own = await admitted(gateway.url, { socket: { origin: `http://127.0.0.1:${gateway.port}` }, client: controlUi })
  t.ok(own.hello.auth.deviceToken, 'our own port is no stranger')
  await closeClient(own.client)
})

t.test('PR #112288: a name that was pointed at us is not our name, on the socket and over HTTP', async t => {
  const gateway = await startGateway(t)
  for (const name of ['evil.example', '10.11.12.13', '192.168.77.77', 'other-machine.local', 'localhost.evil.example', '127.0.0.1.nip.io', '2130706433', '0x7f000001', '[fd12:3456::1]']) {
    const host = `${name}:${gateway.port}`
    await originRefused(t, gateway, { socket: { origin: `http://${host}`, headers: { host } }, client: controlUi }, host)
    for (const path of ['/', '/control-ui-config.json', '/api/device/nonce']) {
      t.match(await rawAnswer(gateway.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nconnection: close\r\n\r\n`), /^HTTP\/1\.1 403 /, `${host}${path}`)
    }
  }
})

t.test('PR #112288: a socket under a foreign name is not local, so nothing is approved by itself', async t => {
  const gateway = await startGateway(t)
  for (const host of ['evil.example', '10.11.12.13']) {
    const { client, response } = await connect(gateway.url, { socket: { headers: { host } } })
    t.match(response.error, { details: { code: 'PAIRING_REQUIRED' } }, host)
    await client.close()
    const bare = await admitted(gateway.url, { device: false, socket: { headers: { host } } })
    t.same(bare.hello.auth.scopes, [], `${host}: the name of the official CLI is worth nothing there`)
    await closeClient(bare.client)
  }
})

t.test('GHSA-5wcw-8jjv-m286: no mode of authentication forgets the origin', async t => {
  const modes: { [mode: string]: { config: object, options: ConnectOptions } } = {
    token: { config: {}, options: {} },
    password: { config: { auth: { mode: 'password', token: null, password: 'correct horse' } }, options: { auth: { password: 'correct horse' } } },
    none: { config: { auth: { mode: 'none', token: null } }, options: { auth: false } },
    'trusted-proxy': {
      config: { trustedProxies: ['127.0.0.1'], auth: { mode: 'trusted-proxy', token: null, trustedProxy: { userHeader: 'x-forwarded-user', allowLoopback: true } } },
      options: { auth: false, socket: socketFrom('203.0.113.5', { 'x-forwarded-user': 'alice@example.com' }) }
    }
  }
  for (const [mode, { config, options }] of Object.entries(modes)) {
    await t.test(mode, async t => {
      const gateway = await startGateway(t, { config: { gateway: config } })
      for (const client of [controlUi, { id: 'webchat', mode: 'webchat' }, { id: 'cli', mode: 'cli' }]) {
        for (const device of [undefined, false] as const) {
          await originRefused(t, gateway, { ...options, device, client, socket: { ...options.socket, origin: 'https://evil.example' } }, `${client.id} ${device === false ? 'without' : 'with'} a device`)
        }
      }
      if (mode === 'token' || mode === 'password') return
      const headers = { ...options.socket?.headers as { [name: string]: string }, origin: 'https://evil.example' }
      t.equal((await fetch(`${gateway.http}/control-ui-config.json`, { headers })).status, mode === 'none' ? 403 : 401, 'over HTTP')
    })
  }
})

t.test('CVE-2026-26317: a page of another site changes nothing, whatever route it posts to and however it spells the body', async t => {
  const gateway = await startGateway(t)
  const writes = routesOf(gateway).flatMap(({ path, methods }) => methods.filter(method => !['GET', 'HEAD', 'OPTIONS'].includes(method)).map(method => ({ path, method })))
  t.ok(writes.some(({ path }) => path === '/api/device/nonce'), 'the list of routes is not empty')
  for (const { path, method } of writes) {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, origin: 'https://evil.example', ...bearer(testToken) }
      const { status } = await fetch(gateway.http + path, { method, headers })
      t.ok(status === 403 || status === 405, `${method} ${path} ${site}: ${status}`)
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const { status } = await fetch(gateway.http + path, { method, headers: { 'content-type': type, ...bearer(testToken) }, body: '{}' })
      // 404: the surface is switched off. Bridges name any type, and are told apart from pages by what is asked above.
      const isRefused = status === 415 || status === 405 || status === 404 || (path.startsWith('/v1/gateway/') && status === 400)
      t.ok(isRefused, `${method} ${path} ${type}: ${status}`)
    }
  }
  for (const { path } of routesOf(gateway)) {
    const preflight = await fetch(gateway.http + path.replace('*', 'x'), {
      method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    })
    t.equal(preflight.headers.get('access-control-allow-origin'), null, `${path} gives no permission`)
  }
})

t.test('CVE-2026-32034: a control UI without a device key is refused with the sentence about secure contexts, wherever it comes from', async t => {
  const origin = 'http://gateway.example:18789'
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, controlUi: { allowedOrigins: [origin], allowInsecureAuth: true } } } })
  for (const socket of [{ origin }, { ...socketFrom('203.0.113.9'), origin }]) {
    const { client, response } = await connect(gateway.url, { device: false, client: controlUi, socket })
    t.match(response.error, { details: { code: 'CONTROL_UI_DEVICE_IDENTITY_REQUIRED', nextStep: /https:\/\// } })
    await client.close()
  }
  const device = createDeviceIdentity()
  const { client, response } = await connect(gateway.url, { device, client: controlUi, socket: { ...socketFrom('203.0.113.9'), origin } })
  t.equal(response.error.details.code, 'PAIRING_REQUIRED', 'with a key it still has to be approved')
  await client.close()
})
