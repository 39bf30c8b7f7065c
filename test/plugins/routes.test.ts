import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { startGateway, testToken, type TestGateway } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const routes = registering(`
  const route = (path, handle, more = {}) => api.registerHttpRoute({ path, handle, ...more })
  route('echo', request => ({ method: request.method, path: request.path, query: request.query, body: request.body.toString(), header: request.headers['x-a'], secret: request.headers.authorization ?? request.headers.cookie ?? null }))
  route('deep', request => 'deep ' + request.path, { match: 'prefix' })
  route('deep/exact', () => 'exact')
  route('only', () => 'ok', { methods: ['GET', 'PUT'] })
  route('small', request => String(request.body.length), { bodyLimit: 10 })
  route('json', request => request.json())
  route('text', () => 'plain')
  route('bytes', () => new Uint8Array([1, 2, 3]))
  route('nothing', () => undefined)
  route('made', () => ({ status: 201, headers: { 'x-made': 'yes', 'content-type': 'text/html' }, body: '<p>' }))
  route('data', () => ({ status: 'open', body: 'of data', more: 1 }))
  route('throws', () => { throw new Error('secret-of-the-plugin') })
  route('rejects', async () => { await null; throw 5 })
  route('cycle', () => { const a = {}; a.a = a; return a })
  route('bigint', () => ({ n: 1n }))
  route('header', () => ({ headers: { 'x-a': 'a\\r\\nb: c' }, body: '' }))
  route('function', () => ({ body: () => 1 }))
  route('wire', () => ({ headers: { 'Content-Length': '1', 'transfer-encoding': 'chunked' }, body: 'whole' }))
  route('status', () => ({ status: 99, body: '' }))
  route('refuses', () => { throw new sdk.GatewayError('NOT_FOUND', { message: 'no such thing here' }) })
  route('waits', async (request, { signal }) => { globalThis.waiting = true; await new Promise(go => signal.addEventListener('abort', go)); globalThis.gone = true })
  api.registerHttpRoute({ path: '/acme/hook', auth: 'plugin', handler (req, res) { if (req.headers['x-signature'] !== 'good') { res.statusCode = 401; res.end('who are you') } else res.end('thanks for ' + req.body) } })
  api.registerHttpRoute({ path: '/acme/stream', auth: 'plugin', async handler (req, res) { res.writeHead(200, { 'content-type': 'text/event-stream' }); for (let n = 0; n < 3; n++) { res.write('data: ' + n + '\\n\\n'); await new Promise(go => setTimeout(go, 10)) } res.end() } })
  api.registerHttpRoute({ path: '/acme/later', auth: 'plugin', handler (req, res) { setTimeout(() => res.end('later'), 50) } })
  api.registerHttpRoute({ path: '/acme/read', auth: 'plugin', async handler (req, res) { let n = 0; for await (const piece of req) n += piece.length; res.end(String(n)) } })
  api.registerHttpRoute({ path: '/acme/throws', auth: 'plugin', handler () { throw new Error('secret-of-the-plugin') } })
  api.registerHttpRoute({ path: '/acme/half', auth: 'plugin', handler (req, res) { res.write('half'); throw new Error('x') } })
  api.registerHttpRoute({ path: '/acme/not-mine', auth: 'plugin', handler: () => false })
`)

const start = async (t: Parameters<typeof startGateway>[0], gateway: object = {}): Promise<TestGateway> => {
  const started = await startGateway(t, { config: { gateway, plugins: { load: { paths: [writePlugin(pluginDirectory(t), 'web', routes)] } } } })
  await started.gateway.rooms.plugins.report()
  return started
}

const headers = { authorization: `Bearer ${testToken}` }

t.test('a route gets the request as it was sent, except for the secrets of the gateway', async t => {
  const { http } = await start(t)
  const post = await fetch(`${http}/plugins/web/echo?a=1&b=%20`, {
    method: 'POST', headers: { ...headers, cookie: 'a=b', 'x-a': 'x', 'content-type': 'application/x-www-form-urlencoded' }, body: 'raw=1&'
  })
  t.same(await post.json(), { method: 'POST', path: '/plugins/web/echo', query: { a: '1', b: ' ' }, body: 'raw=1&', header: 'x', secret: null })
  const byUrl = await fetch(`${http}/plugins/web/echo?token=${testToken}&a=1`)
  t.match(await byUrl.json(), { query: { a: '1', token: undefined } }, 'not by the URL either')
  t.equal(post.headers.get('cache-control'), 'no-store')
  t.equal(post.headers.get('x-content-type-options'), 'nosniff')
  for (const method of ['PUT', 'PATCH', 'DELETE']) t.match(await (await fetch(`${http}/plugins/web/echo`, { method, headers, body: '{' })).json(), { method, body: '{' })
  t.equal((await fetch(`${http}/plugins/web/echo`, { method: 'HEAD', headers })).status, 200)
})

t.test('answers take the form that the plugin gives them', async t => {
  const { http } = await start(t)
  const get = (path: string) => fetch(`${http}/plugins/web/${path}`, { headers })
  const text = await get('text')
  t.same([await text.text(), text.headers.get('content-type')], ['plain', 'text/plain; charset=utf-8'])
  t.same([...Buffer.from(await (await get('bytes')).arrayBuffer())], [1, 2, 3])
  t.equal((await get('nothing')).status, 204)
  t.equal(await (await get('wire')).text(), 'whole', 'a plugin cannot say where its answer ends')
  const made = await get('made')
  t.same([made.status, made.headers.get('x-made'), made.headers.get('content-type'), await made.text()], [201, 'yes', 'text/html', '<p>'])
  t.same(await (await get('data')).json(), { status: 'open', body: 'of data', more: 1 }, 'data is data, whatever its fields are called')
  t.equal(await (await get('deep/exact')).text(), 'exact')
  t.equal(await (await get('deep/er/still')).text(), 'deep /plugins/web/deep/er/still')
  t.equal(await (await get('deep')).text(), 'deep /plugins/web/deep')
})

t.test('what goes wrong in a route is refused in our shape, and says nothing of its inside', async t => {
  const { http, log } = await start(t)
  for (const path of ['throws', 'rejects', 'cycle', 'bigint', 'header', 'status', 'function']) {
    const answer = await fetch(`${http}/plugins/web/${path}`, { headers })
    t.equal(answer.status, 502, path)
    const body = await answer.json() as { error: { details: { errorId: string } } }
    t.match(body, { error: { code: 'PLUGIN_FAILED', message: /the plugin web failed/, details: { pluginId: 'web', errorId: String } } })
    t.notMatch(JSON.stringify(body), 'secret-of-the-plugin')
    t.ok(log.some(line => line.includes(body.error.details.errorId)), 'the log has the cause under the same id')
  }
  t.match(await (await fetch(`${http}/plugins/web/refuses`, { headers })).json(), { error: { code: 'NOT_FOUND', message: 'no such thing here' } })
  t.match(await (await fetch(`${http}/plugins/web/json`, { method: 'POST', headers, body: '{' })).json(), { error: { code: 'INVALID_PARAMS', message: 'the body must be JSON' } })
  const raw = await fetch(`${http}/acme/throws`, { method: 'POST' })
  t.equal(raw.status, 502)
  t.notMatch(await raw.text(), 'secret-of-the-plugin')
  await t.rejects(fetch(`${http}/acme/half`).then(answer => answer.text()), 'an answer that broke off is cut, not ended')
  t.equal((await fetch(`${http}/acme/not-mine`)).status, 404)
  t.equal((await fetch(`${http}/health`)).status, 200)
})

t.test('bodies have a limit, whether their length is said or not', async t => {
  const { http, port } = await start(t)
  const send = (body: string) => fetch(`${http}/plugins/web/small`, { method: 'POST', headers, body })
  t.equal(await (await send('0123456789')).text(), '10')
  t.match(await (await send('0123456789a')).json(), { error: { code: 'PAYLOAD_TOO_LARGE', details: { limitBytes: 10 } } })
  const chunked = httpRequest({ port, path: '/plugins/web/small', method: 'POST', headers: { ...headers, 'transfer-encoding': 'chunked' } })
  chunked.write('01234')
  chunked.end('56789abc')
  const [answer] = await once(chunked, 'response')
  t.equal(answer.statusCode, 413)
  answer.resume()
  const unsaid = connect(port, '127.0.0.1')
  unsaid.write('POST /plugins/web/small HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n')
  const [first] = await once(unsaid, 'data')
  t.match(String(first), /^HTTP\/1\.1 401 /, 'nobody without a credential gets as far as a body')
  unsaid.destroy()
})

t.test('methods that a route does not have, and paths that could mean two things', async t => {
  const { http, port } = await start(t)
  const refused = await fetch(`${http}/plugins/web/only`, { method: 'POST', headers })
  t.equal(refused.status, 405)
  t.equal(refused.headers.get('allow'), 'GET, PUT, HEAD')
  const raw = async (path: string): Promise<number> => {
    const asked = httpRequest({ port, path, headers })
    asked.end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    return answer.statusCode
  }
  for (const path of [
    '/plugins/web/echo/', '/plugins/web//echo', '/plugins/web/deep/%2e%2e/echo', '/plugins/web/deep/../echo', '/plugins/web/deep%2fexact', '/plugins/web/deep/%5cexact',
    '/plugins/web/deep/a%00b', '/plugins/WEB/echo', '/plugins/web', '/plugins/web/nope', '/plugins/other/echo', '/acme', '/acme/hook/more'
  ]) t.equal(await raw(path), 404, path)
  t.equal(await raw('/plugins/web/%65cho'), 200, 'a letter that was written in another way is the same letter')
})

t.test('routes in the form of Node work, streams too', async t => {
  const { http } = await start(t)
  const signed = { 'x-signature': 'good' }
  t.equal(await (await fetch(`${http}/acme/hook`, { method: 'POST', headers: signed, body: '{"a":1}' })).text(), 'thanks for {"a":1}')
  t.equal((await fetch(`${http}/acme/hook`, { method: 'POST' })).status, 401)
  const stream = await fetch(`${http}/acme/stream`)
  t.equal(stream.headers.get('x-content-type-options'), 'nosniff', 'our headers are on it')
  t.equal(await stream.text(), 'data: 0\n\ndata: 1\n\ndata: 2\n\n')
  t.equal(await (await fetch(`${http}/acme/later`)).text(), 'later')
  t.equal(await (await fetch(`${http}/acme/read`, { method: 'POST', body: 'x'.repeat(500_000) })).text(), '500000')
})

t.test('guesses at what a plugin looks at itself are counted', async t => {
  const { http } = await start(t, { auth: { rateLimit: { maxAttempts: 3, exemptLoopback: false } } })
  const guess = () => fetch(`${http}/acme/hook`, { method: 'POST', headers: { 'x-signature': 'guess' } })
  for (let attempt = 0; attempt < 3; attempt++) t.equal((await guess()).status, 401)
  await eventually(async () => (await guess()).status === 429)
  const late = await fetch(`${http}/acme/hook`, { method: 'POST', headers: { 'x-signature': 'good' } })
  t.equal(late.status, 429)
  t.ok(Number(late.headers.get('retry-after')) > 0)
  t.equal((await fetch(`${http}/plugins/web/text`, { headers })).status, 200, 'other doors stay open')
})

t.test('a client that leaves ends the work for it', async t => {
  const { port } = await start(t)
  const asked = httpRequest({ port, path: '/plugins/web/waits', headers })
  asked.on('error', () => {})
  asked.end()
  const seen = globalThis as { waiting?: boolean, gone?: boolean }
  await eventually(() => seen.waiting)
  t.notOk(seen.gone)
  asked.destroy()
  await eventually(() => seen.gone)
  t.ok(seen.gone)
})

t.test('without a plugin there is no such door', async t => {
  const { http, gateway } = await startGateway(t)
  t.equal(gateway.fastify.hasRoute({ method: 'POST', url: '/*' }), false)
  t.equal((await fetch(`${http}/plugins/web/echo`, { method: 'POST', headers })).status, 404)
  t.same(await gateway.rooms.plugins.report(), { states: [], unreadable: [] })
})
