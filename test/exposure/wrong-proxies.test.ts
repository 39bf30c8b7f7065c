/** Proxies that were set up wrongly: each is refused, with the sentence that names the line that is missing. */
import t from 'tap'
import WebSocket from 'ws'
import { closeClient, connect } from '../fixtures/client.ts'
import { ask, missingProxy, sites, socketOf, startProxy, type Proxy, type Site } from './proxies.ts'
import { auth, bearer, forEachProxy, startGateway } from './scene.ts'

/** The status that a handshake ends with. */
const upgradeStatus = (proxy: Proxy, site: Site): Promise<number | undefined> => new Promise((resolve, reject) => {
  const { url, socket } = socketOf(proxy, site)
  const client = new WebSocket(url, socket)
  client.on('open', () => { client.terminate(); resolve(101) })
  client.on('unexpected-response', (_request, response) => { response.resume(); resolve(response.statusCode) })
  client.on('error', reject)
})

forEachProxy('one that is not in trustedProxies is refused, and is told where to be written', async (t, name) => {
  const { daemon } = await startGateway(t, sites.own, { trustedProxies: [] })
  const proxy = await startProxy(t, name, daemon.port)
  const { status, body } = await ask(proxy, sites.own, '/control-ui-config.json', { headers: bearer })
  t.equal(status, 403)
  t.match(JSON.parse(body), {
    error: { message: /The peer 127\.0\.0\.1 sends forwarding headers but is not in gateway\.trustedProxies/, nextStep: /Add the address of the proxy to gateway\.trustedProxies/ }
  })
  t.equal(await upgradeStatus(proxy, sites.own), 403, 'sockets likewise')
  t.equal((await ask(proxy, sites.own, '/healthz')).status, 200, 'liveness is for everybody')
})

forEachProxy('a client on its own machine is not taken for somebody else, and the answer says so', async (t, name) => {
  const { daemon } = await startGateway(t, sites.own)
  const proxy = await startProxy(t, name, daemon.port)
  const { status, body } = await ask(proxy, sites.own, '/control-ui-config.json', { headers: { ...bearer, 'x-forwarded-for': '127.0.0.1' } })
  t.equal(status, 403)
  t.match(JSON.parse(body), { error: { message: /does not say who its client is, or names only this machine/, nextStep: /X-Forwarded-For/ } })
})

forEachProxy('a page of another origin is refused with the setting that would allow it', async (t, name) => {
  const { daemon } = await startGateway(t, sites.own)
  const proxy = await startProxy(t, name, daemon.port)
  const { url, socket } = socketOf(proxy, sites.own)
  const { client, response } = await connect(url, { auth, device: false, socket: { ...socket, origin: 'https://evil.example' } })
  t.match(response, { ok: false, error: { details: { code: 'CONTROL_UI_ORIGIN_NOT_ALLOWED', nextStep: /gateway\.controlUi\.allowedOrigins/ } } })
  await closeClient(client)
})

forEachProxy('a name that the gateway was not told of is refused with the setting that would allow it', async (t, name) => {
  const { daemon } = await startGateway(t, sites.own, { publicOrigin: undefined, controlUi: {} })
  const proxy = await startProxy(t, name, daemon.port)
  const { status, body } = await ask(proxy, sites.own, '/')
  t.equal(status, 403)
  t.match(JSON.parse(body), { error: { message: 'host not allowed: gateway.example.com', nextStep: /gateway\.http\.allowedHosts/ } })
})

forEachProxy('below a path that the gateway was not told of the answer names the key', async (t, name) => {
  const { daemon } = await startGateway(t, sites.below, { controlUi: {}, http: {} })
  const proxy = await startProxy(t, name, daemon.port)
  for (const path of ['/', '/health', '/v1/models']) {
    const { status, body } = await ask(proxy, sites.below, path, { headers: bearer })
    t.equal(status, 404)
    t.match(JSON.parse(body), { error: { code: 'NOT_FOUND', message: /set gateway\.controlUi\.basePath to "\/openclaw"/ } }, path)
  }
  const off = await fetch(`http://127.0.0.1:${daemon.port}/v1/models`, { headers: bearer })
  t.match(await off.json(), { error: { message: /gateway\.http\.endpoints\.chatCompletions\.enabled/ } }, 'what is switched off says by which key')
  const none = await (await fetch(`http://127.0.0.1:${daemon.port}/api/v1/gateway`, { headers: bearer })).json() as { error: { message: string } }
  t.notMatch(none.error.message, /basePath/, 'a path of ours is no path of a proxy')
})

forEachProxy('what a client says of itself does not get through', async (t, name) => {
  const site = sites.own
  const { daemon } = await startGateway(t, site, { auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-forwarded-user', allowLoopback: true } } })
  const proxy = await startProxy(t, name, daemon.port)
  const headers = { 'x-forwarded-user': 'alice@example.com' }
  const { status } = await ask(proxy, site, '/control-ui-config.json', { headers })
  t.equal(status, 401)
})

t.test('nginx: without Upgrade the answer names the two lines that are missing', { skip: missingProxy('nginx') }, async t => {
  const { daemon } = await startGateway(t, sites.own)
  const proxy = await startProxy(t, 'nginx', daemon.port, recipe => recipe.replaceAll(/proxy_set_header (Upgrade|Connection) .*/g, ''))
  t.equal(await upgradeStatus(proxy, sites.own), 426)
  const { status, body } = await ask(proxy, sites.own, '/', { headers: { 'sec-websocket-key': 'x', 'sec-websocket-version': '13' } })
  t.equal(status, 426)
  t.match(JSON.parse(body), { error: { code: 'UPGRADE_HEADERS_MISSING', nextStep: /proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection/ } })
})
