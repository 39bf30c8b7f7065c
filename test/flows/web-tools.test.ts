/** The web tools of a whole gateway, called by a program. */
import t from 'tap'
import { startWebServer } from '../fixtures/web-server.ts'
import { startGateway } from '../helper.ts'
import { invoke } from './tool-call.ts'

t.test('a program reads a page through the gateway, and the gateway itself is out of its reach', async t => {
  const site = await startWebServer(t, ({ url }, response) => {
    if (url === '/away') response.writeHead(302, { location: `http://localhost:${site.port}/secret` }).end()
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<title>T</title><h1>Heading</h1><p>Words of the page.</p>')
  })
  const gateway = await startGateway(t, { config: { tools: { web: { fetch: { ssrfPolicy: { allowedHostnames: ['127.0.0.1'] } } } } } })
  const page = await invoke(gateway, 'web_fetch', { url: site.url })
  t.match(page.details, { status: 200, finalUrl: `${site.url}/`, extractor: 'readability', text: /\n# Heading\n\nWords of the page\.\n/ })
  t.same(JSON.parse(page.text), page.details)
  t.match((await invoke(gateway, 'web_fetch', { url: `${site.url}/away` })).details, { status: 'error', error: /localhost leads to this machine/ })
  t.notOk(site.asked.some(({ url }) => url === '/secret'))
  t.equal((await invoke(gateway, 'web_fetch', { url: 7 })).status, 400)

  const closed = await startGateway(t)
  for (const url of [closed.http, closed.http.replace('127.0.0.1', 'localhost'), closed.http.replace('127.0.0.1', '0x7f.1'), site.url]) {
    t.match(await invoke(closed, 'web_fetch', { url }), { details: { status: 'error', tool: 'web_fetch' } }, url)
  }
  t.match((await invoke(gateway, 'web_fetch', { url: 'http://10.0.0.1/' }, { dryRun: true })).status, 200)
})

t.test('a program searches with the configured service, and without one learns what to set', async t => {
  const service = await startWebServer(t, (_asked, response) => {
    response.end(JSON.stringify({ web: { results: [{ title: 'A', url: 'https://a.test/', description: 'About A' }] } }))
  })
  const gateway = await startGateway(t, { config: { tools: { web: { search: { provider: 'brave', apiKey: 'secret-key', baseUrl: service.url } } } } })
  const found = await invoke(gateway, 'web_search', { query: 'a' })
  t.match(found.details, { provider: 'brave', count: 1, results: [{ url: 'https://a.test/', snippet: /About A/ }] })
  t.equal(service.asked[0]?.headers['x-subscription-token'], 'secret-key')
  t.notMatch(found.raw, /secret-key/)
})

t.test('pictures are for runs only, speech says what it lacks', async t => {
  const gateway = await startGateway(t, { config: { tts: { provider: 'own' } } })
  t.equal((await invoke(gateway, 'image', { image: 'a.png' })).status, 404)
  t.match((await invoke(gateway, 'tts', { text: 'Hello' })).details, { status: 'error', tool: 'tts', error: /tts\.providers\.own\.baseUrl/ })
})
