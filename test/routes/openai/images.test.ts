/** Pictures that programs send along, and those that they name by URL. */
import t from 'tap'
import { startWebServer } from '../../fixtures/web-server.ts'
import { startScene } from './scene.ts'

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const picture = `data:image/png;base64,${pixel}`

const showing = (...urls: string[]): object => ({
  model: 'openclaw',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, ...urls.map(url => ({ type: 'image_url', image_url: { url, detail: 'low' } }))] }]
})

const endpoint = (more: object): { [section: string]: unknown } => ({
  gateway: { http: { endpoints: { chatCompletions: { enabled: true, ...more } } } },
  tools: { web: { fetch: { ssrfPolicy: { allowedHostnames: ['127.0.0.1'] } } } }
})

t.test('a picture goes to the model as it came', async t => {
  const { post, vendor } = await startScene(t)
  t.equal((await post('/v1/chat/completions', showing(picture))).status, 200)
  t.same(vendor.requests[0]!.body.messages.at(-1).content, [{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url: picture } }])
  t.equal((await post('/v1/chat/completions', { ...showing(picture), user: 'ada' })).status, 200)
  t.match(vendor.requests[1]!.body.messages.at(-1).content.at(-1), { image_url: { url: picture } }, 'also in a session')
})

t.test('what is no picture, or too much of it, is refused by name', async t => {
  const { post } = await startScene(t, endpoint({ maxImageParts: 2, maxTotalImageBytes: 150, images: { maxBytes: 100 } }))
  const cases: ReadonlyArray<readonly [urls: string[], message: RegExp, param?: string]> = [
    [[picture, picture, picture], /more than 2 images/, 'messages[0].content[3]'],
    [[picture, `data:image/png;base64,${'A'.repeat(120)}`], /together are larger than 150 bytes/],
    [[`data:image/png;base64,${'A'.repeat(400)}`], /larger than 100 bytes/],
    [['data:text/html;base64,AAAA'], /Images of type "text\/html" are not taken/],
    [['data:image/png,AAAA'], /must be data:<type>;base64/],
    [['data:image/png;base64,AAAA'], /is no picture/, undefined],
    [['https://example.com/a.png'], /allowUrl/]
  ]
  for (const [urls, message, param] of cases) {
    const response = await post('/v1/chat/completions', showing(...urls))
    t.match([response.status, await response.json()], [400, { error: { message, ...(param ? { param } : {}) } }], String(message))
  }
})

t.test('a URL is fetched when it may be, and only from where it may be', async t => {
  const web = await startWebServer(t, ({ url }, response) => {
    if (url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
    else if (url === '/page') response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
    else if (url === '/missing') response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from(pixel, 'base64'))
  })
  const open = await startScene(t, endpoint({ images: { allowUrl: true } }))
  t.equal((await open.post('/v1/chat/completions', showing(`${web.url}/a.png`))).status, 200)
  t.match(open.vendor.requests[0]!.body.messages.at(-1).content.at(-1), { image_url: { url: picture } })
  for (const [path, message] of [['/page', /type "text\/html"/], ['/missing', /answered 404/], ['/away', /metadata service/]] as const) {
    const response = await open.post('/v1/chat/completions', showing(`${web.url}${path}`))
    t.match([response.status, await response.json()], [400, { error: { message } }], path)
  }
  const narrow = await startScene(t, endpoint({ images: { allowUrl: true, urlAllowlist: ['pictures.example.com'] } }))
  t.match(await (await narrow.post('/v1/chat/completions', showing(`${web.url}/a.png`))).json(), { error: { message: /is not among the hosts/ } })
})
