/** nginx and Caddy in front of a gateway, at a name of its own and below a path, with the recipes that people are given. */
import t from 'tap'
import { admitted, closeClient, connect } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, serve } from '../process/daemon.ts'
import { ask, missingProxy, outside, sites, socketOf, startProxy } from './proxies.ts'
import { auth, bearer, firstPiece, forEachProxy, startGateway } from './scene.ts'

for (const [where, site] of Object.entries(sites)) {
  forEachProxy(`pages, calls, sockets and streams go through (${where === 'own' ? 'a name of its own' : 'below a path'})`, async (t, name) => {
    const scene = await startGateway(t, site)
    const { daemon, vendor } = scene
    const proxy = await startProxy(t, name, daemon.port)

    const page = await ask(proxy, site, '/')
    t.equal(page.status, 200)
    t.match(JSON.parse(page.body), { name: 'openclaw-gateway' })
    t.equal((await ask(proxy, site, '/healthz')).status, 200)
    const ui = await ask(proxy, site, '/control-ui-config.json', { headers: bearer })
    t.match(JSON.parse(ui.body), { basePath: site.path })
    t.equal((await ask(proxy, site, '/control-ui-config.json')).status, 401, 'a proxy that is trusted does not open anything by itself')

    const origin = `https://${site.host}`
    const { url, socket } = socketOf(proxy, site)
    const { client, hello } = await admitted(url, { auth, device: false, socket: { ...socket, origin } })
    t.equal(hello.type, 'hello-ok')
    await closeClient(client)
    const stranger = await connect(url, { auth: { token: 'wrong' }, device: false, socket: { ...socket, origin } })
    t.notOk(stranger.response.ok)
    await closeClient(stranger.client)
    t.ok(await daemon.said(new RegExp(outside.replaceAll('.', '\\.'))), 'failures count for the client whom the proxy names')

    const streamed = await firstPiece(scene, proxy, site)
    t.match(streamed, { status: 200, headers: { 'content-type': /text\/event-stream/ } }, 'a piece arrives while the rest is not there yet')
    await vendor.abandoned()
    t.pass('and a client that hangs up ends the run behind the proxy')
  })
}

t.test('nginx: where it buffers, streams arrive in pieces all the same', { skip: missingProxy('nginx') }, async t => {
  const scene = await startGateway(t, sites.own)
  const proxy = await startProxy(t, 'nginx', scene.daemon.port, recipe => recipe.replaceAll('proxy_buffering    off;', 'proxy_buffering on;'))
  const { body } = await firstPiece(scene, proxy, sites.own)
  t.match(body, /first/)
})

forEachProxy('a gateway that is away leaves the proxy up, and is found again', async (t, name) => {
  const { daemon } = await startGateway(t, sites.own)
  const proxy = await startProxy(t, name, daemon.port)
  daemon.kill('SIGTERM')
  await daemon.exit()
  t.equal((await ask(proxy, sites.own, '/healthz')).status, 502)
  const home = createHome(t, { gateway: { mode: 'local', auth: { token: daemonToken }, trustedProxies: ['127.0.0.1'] } }, 'again')
  await serve(t, { home, port: daemon.port })
  const answer = await eventually(() => ask(proxy, sites.own, '/healthz'), ({ status }) => status === 200, 15_000)
  t.equal(answer.status, 200)
})
