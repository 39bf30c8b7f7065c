/** Requests over real sockets, with a real name server whose answers change. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createOutbound, type OutboundLimits } from '../../../src/lib/outbound/outbound.ts'
import type { OutboundProblem } from '../../../src/lib/outbound/outbound-error.ts'
import { selfSigned } from '../../fixtures/self-signed.ts'
import { startDnsServer } from '../../fixtures/dns-server.ts'
import { freePort } from '../../fixtures/free-port.ts'
import { startWebServer } from '../../fixtures/web-server.ts'

const limits: OutboundLimits = { maxBytes: 100_000, whenLarger: 'refuse', totalMs: 20_000, idleMs: 10_000 }
const rules = { networks: ['loopback'] as const }
const outbound = createOutbound()
const because = (problem: OutboundProblem): { problem: OutboundProblem, message: RegExp } => ({ problem, message: /\w/ })

t.test('an answer comes with its status, headers and bytes', async t => {
  const { url, asked } = await startWebServer(t, (_asked, response) => {
    response.writeHead(404, { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] }).end('not here')
  })
  const answer = await outbound.request({ url: `${url}/x?y=1#z`, headers: { Accept: 'text/html' }, rules, limits })
  t.match(answer, { status: 404, headers: { 'content-type': 'text/plain', 'set-cookie': 'a=1, b=2' }, truncated: false, redirects: 0, url: `${url}/x?y=1#z` })
  t.equal(answer.bytes.toString(), 'not here')
  t.match(asked, [{ method: 'GET', url: '/x?y=1', headers: { accept: 'text/html', host: url.slice(7), connection: 'close' } }])
})

t.test('nothing is sent to an address that is closed', async t => {
  const { url, port, asked } = await startWebServer(t, (_asked, response) => { response.end('secret') })
  for (const target of [url, `http://localhost:${port}`, `http://[::ffff:7f00:1]:${port}`, `http://2130706433:${port}`]) {
    await t.rejects(outbound.request({ url: target, limits }), because('address'), target)
  }
  t.same(asked, [])
})

t.test('a name is looked up once, and the connection goes to the answer that was checked', async t => {
  const server = await startWebServer(t, (_asked, response) => { response.end('the first') })
  const dns = await startDnsServer(t, (_name, kind, times) => kind === 'AAAA' ? [] : [times === 1 ? '127.0.0.1' : '10.0.0.1'])
  const { request } = createOutbound({ resolve: dns.resolve })
  const url = `http://rebind.test:${server.port}/`
  const first = await request({ url, rules, limits })
  t.equal(first.bytes.toString(), 'the first')
  t.equal(server.asked[0]?.headers.host, `rebind.test:${server.port}`)
  t.same([...dns.questions].sort(), ['A rebind.test', 'AAAA rebind.test'])
  await t.rejects(request({ url, rules, limits }), { problem: 'address', message: /rebind\.test leads to a private network/ })
  t.equal(server.asked.length, 1)
})

t.test('a closed answer beside an open one, in either family, closes the name', async t => {
  const server = await startWebServer(t, (_asked, response) => { response.end() })
  const dns = await startDnsServer(t, (name, kind) =>
    kind === 'A' ? name === 'four.test' ? ['127.0.0.1', '10.0.0.1'] : ['127.0.0.1'] : name === 'six.test' ? ['fd00:ec2::254'] : [])
  const { request } = createOutbound({ resolve: dns.resolve })
  for (const name of ['four.test', 'six.test']) await t.rejects(request({ url: `http://${name}:${server.port}/`, rules, limits }), because('address'))
  t.equal((await request({ url: `http://fine.test:${server.port}/`, rules, limits })).status, 200)
})

t.test('the next address is tried when the first does not answer', async t => {
  const server = await startWebServer(t, (_asked, response) => { response.end('second') }, { host: '127.0.0.2', port: await freePort() })
  const { request } = createOutbound({ resolve: async () => ['127.0.0.1', '127.0.0.2'] })
  t.equal((await request({ url: `http://two.test:${server.port}/`, rules, limits })).bytes.toString(), 'second')
})

t.test('each redirect is checked like a first request', async t => {
  const inner = await startWebServer(t, (_asked, response) => { response.end('secret') })
  const open = await startWebServer(t, ({ url }, response) => {
    const location = new URL(url, 'http://x').searchParams.get('to')!
    response.writeHead(302, { location }).end()
  })
  const dns = await startDnsServer(t, (name, kind) => kind === 'A' ? [name === 'inside.test' ? '10.0.0.1' : '127.0.0.1'] : [])
  const { request } = createOutbound({ resolve: dns.resolve })
  const own = { ownHosts: ['open.test'] }
  const follow = (to: string): Promise<unknown> =>
    request({ url: `http://open.test:${open.port}/?to=${encodeURIComponent(to)}`, rules: own, limits })
  for (const to of [inner.url, `http://localhost:${inner.port}/`, `//127.0.0.1:${inner.port}/`, 'http://inside.test/', 'http://169.254.169.254/latest/']) {
    await t.rejects(follow(to), because('address'), to)
  }
  for (const to of ['file:///etc/passwd', 'http://user:secret@open.test/', 'ftp://open.test/']) await t.rejects(follow(to), because('url'), to)
  await t.rejects(follow('http://open.test:25/'), because('port'))
  await t.rejects(follow('http://['), because('redirect'))
  t.same(inner.asked, [])
})

t.test('three redirects are followed and a fourth is not', async t => {
  const { url } = await startWebServer(t, ({ url }, response) => {
    const left = Number(url.slice(1))
    if (left === 0) response.end('here')
    else response.writeHead(301, { location: `/${left - 1}` }).end('moved')
  })
  t.match(await outbound.request({ url: `${url}/3#part`, rules, limits }), { status: 200, url: `${url}/0#part`, redirects: 3 })
  await t.rejects(outbound.request({ url: `${url}/4`, rules, limits }), { problem: 'redirect', message: /More than 3/ })
  await t.rejects(outbound.request({ url: `${url}/1`, rules, limits: { ...limits, maxRedirects: 0 } }), because('redirect'))
})

t.test('credentials and own headers stay with the host that they were meant for', async t => {
  const away = await startWebServer(t, (_asked, response) => { response.end('away') })
  const home = await startWebServer(t, ({ url }, response) => {
    if (url === '/end') response.end('home')
    else response.writeHead(302, { location: url === '/stay' ? '/end' : `${away.url}/x` }).end()
  })
  const headers = { Authorization: 'Bearer secret', 'X-Key': 'secret', Cookie: 'a=secret', 'Accept-Language': 'de', Host: 'evil.test', Connection: 'keep-alive' }
  await outbound.request({ url: `${home.url}/leave`, headers, rules, limits })
  t.match(home.asked[0]?.headers, { authorization: 'Bearer secret', 'x-key': 'secret', host: home.url.slice(7), connection: 'close' })
  t.equal(away.asked[0]?.headers['accept-language'], 'de')
  t.notMatch(JSON.stringify(away.asked), /secret/)
  await outbound.request({ url: `${home.url}/stay`, headers, rules, limits })
  t.equal(home.asked.at(-1)?.headers.authorization, 'Bearer secret')
})

t.test('a header that no request can carry is refused by its name', async t => {
  const unsendable: Array<{ [name: string]: string }> = [{ 'X-Key': 'secret\r\nX-Other: 1' }, { 'X Key': 'secret' }, { 'X-Key': 'sécret\u2028' }]
  for (const headers of unsendable) {
    const error = await outbound.request({ url: 'http://127.0.0.1/', headers, rules, limits }).catch((caught: unknown) => caught)
    t.match(error, { problem: 'protocol', message: /^The header "x.key" cannot be sent/ })
    t.notMatch(String(error), /secret|sécret/)
  }
})

t.test('a body is sent again to its own host only', async t => {
  const away = await startWebServer(t, (_asked, response) => { response.end('away') })
  const home = await startWebServer(t, ({ url }, response) => {
    if (url === '/end') return response.end()
    const [, status, where] = url.split('/')
    response.writeHead(Number(status), { location: where === 'here' ? '/end' : `${away.url}/` }).end()
  })
  const post = (path: string): Promise<unknown> =>
    outbound.request({ url: `${home.url}${path}`, method: 'POST', body: 'private', headers: { 'content-type': 'text/plain' }, rules, limits })
  await post('/307/here')
  t.match(home.asked.at(-1), { method: 'POST', body: 'private' })
  await post('/302/here')
  t.match(home.asked.at(-1), { method: 'GET', body: '' })
  await post('/303/away')
  t.match(away.asked, [{ method: 'GET', body: '' }])
  await t.rejects(post('/307/away'), because('redirect'))
  await t.rejects(post('/308/away'), because('redirect'))
  t.equal(away.asked.length, 1)
})

t.test('https names the host to the server, checks its certificate and never falls back to http', async t => {
  const { key, cert } = selfSigned()
  const plain = await startWebServer(t, (_asked, response) => { response.end('plain') })
  const server = await startWebServer(t, ({ url }, response) => {
    if (url === '/down') response.writeHead(302, { location: `${plain.url}/` }).end()
    else response.end((response.socket as unknown as { servername: string }).servername)
  }, { tls: { key, cert } })
  const resolve = async (): Promise<string[]> => ['127.0.0.1']
  const known = createOutbound({ resolve, ca: cert })
  t.equal((await known.request({ url: `https://gateway.test:${server.port}/`, rules, limits })).bytes.toString(), 'gateway.test')
  await t.rejects(known.request({ url: `https://other.test:${server.port}/`, rules, limits }), { problem: 'connect', message: /certificate of other\.test/ })
  await t.rejects(createOutbound({ resolve }).request({ url: `https://gateway.test:${server.port}/`, rules, limits }), { message: /certificate/ })
  await t.rejects(known.request({ url: `https://gateway.test:${server.port}/down`, rules, limits }), { problem: 'redirect', message: /from https to http/ })
  t.same(plain.asked, [])
})

t.test('packed answers are unpacked', async t => {
  const pack: { [name: string]: (text: string) => Buffer } = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }
  const { url, asked } = await startWebServer(t, ({ url }, response) => {
    const encoding = url.slice(1)
    response.writeHead(200, { 'content-encoding': encoding }).end(pack[encoding]?.('hello '.repeat(500)) ?? 'x')
  })
  for (const encoding of Object.keys(pack)) {
    t.equal((await outbound.request({ url: `${url}/${encoding}`, rules, limits })).bytes.toString(), 'hello '.repeat(500), encoding)
  }
  t.equal(asked[0]?.headers['accept-encoding'], 'gzip, deflate, br')
  await t.rejects(outbound.request({ url: `${url}/zstd`, rules, limits }), because('encoding'))
})

t.test('a bomb is cut at the limit, whatever it is packed with', async t => {
  const zeros = Buffer.alloc(64 * 1024 * 1024)
  const bombs: { [name: string]: Buffer } = { gzip: gzipSync(zeros), br: brotliCompressSync(zeros), deflate: deflateSync(zeros) }
  const { url } = await startWebServer(t, ({ url }, response) => {
    response.writeHead(200, { 'content-encoding': url.slice(1) }).end(bombs[url.slice(1)])
  })
  for (const encoding of Object.keys(bombs)) {
    const before = process.memoryUsage().rss
    await t.rejects(outbound.request({ url: `${url}/${encoding}`, rules, limits }), because('too-large'), encoding)
    const cut = await outbound.request({ url: `${url}/${encoding}`, rules, limits: { ...limits, whenLarger: 'truncate' } })
    t.match({ length: cut.bytes.length, truncated: cut.truncated }, { length: 100_000, truncated: true })
    t.ok(process.memoryUsage().rss - before < zeros.length, 'it is never there as a whole')
  }
})

t.test('what is packed badly or ends early is an error and no half answer', async t => {
  const good = gzipSync('x'.repeat(50_000))
  const { url } = await startWebServer(t, ({ url }, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    if (url === '/garbage') return response.end('this is no gzip')
    if (url === '/short') return response.end(good.subarray(0, 40))
    response.write(good.subarray(0, 40), () => response.destroy())
  })
  for (const path of ['/garbage', '/short', '/broken']) await t.rejects(outbound.request({ url: `${url}${path}`, rules, limits }), { name: 'OutboundError' }, path)
})

t.test('an endless answer is cut, plain or packed into nothing', async t => {
  const { url } = await startWebServer(t, ({ url }, response) => {
    if (url === '/packed') response.writeHead(200, { 'content-encoding': 'deflate' })
    // Empty stored blocks: bytes that unpack to none.
    const chunk = url === '/packed' ? Buffer.from('000000ffff'.repeat(2000), 'hex') : Buffer.alloc(10_000, 'x')
    const more = (): void => { while (!response.destroyed && response.write(chunk)); }
    response.on('drain', more)
    if (url === '/packed') response.write(Buffer.from([0x78, 0x9c]))
    more()
  })
  for (const path of ['/plain', '/packed']) {
    await t.rejects(outbound.request({ url: `${url}${path}`, rules, limits }), because('too-large'), path)
    const cut = await outbound.request({ url: `${url}${path}`, rules, limits: { ...limits, whenLarger: 'truncate' } })
    t.equal(cut.truncated, true)
  }
})

t.test('too large by its own word is refused before it is read', async t => {
  const { url } = await startWebServer(t, (_asked, response) => {
    response.writeHead(200, { 'content-length': '999999999' }).write('x')
  })
  await t.rejects(outbound.request({ url, rules, limits }), because('too-large'))
})

t.test('silence, dripping and endless look-ups end in time', async t => {
  const { url } = await startWebServer(t, ({ url }, response) => {
    if (url === '/silent') return
    const timer = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(timer))
  })
  await t.rejects(outbound.request({ url: `${url}/silent`, rules, limits: { ...limits, idleMs: 60 } }), { problem: 'timeout', message: /was silent for 60 ms/ })
  await t.rejects(outbound.request({ url: `${url}/drip`, rules, limits: { ...limits, totalMs: 150 } }), { problem: 'timeout', message: /within 150 ms/ })
  const { request } = createOutbound({ resolve: async () => await new Promise(() => {}) })
  await t.rejects(request({ url: 'http://slow.test/', limits: { ...limits, totalMs: 50 } }), because('timeout'))
})

t.test('an abort ends the request and its connection', async t => {
  const closed = Promise.withResolvers<void>()
  const { url, asked } = await startWebServer(t, (_asked, response) => {
    response.on('close', () => closed.resolve())
    response.write('begin')
    setImmediate(() => controller.abort())
  })
  const controller = new AbortController()
  await t.rejects(outbound.request({ url, rules, limits, signal: controller.signal }), because('aborted'))
  await closed.promise
  await t.rejects(outbound.request({ url, rules, limits, signal: AbortSignal.abort() }), because('aborted'))
  t.equal(asked.length, 1)
})

t.test('what is no web server is told apart from one that is away', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {}).resume()
    socket.end('220 mail.test ESMTP\r\n')
  })
  const huge = await startWebServer(t, (_asked, response) => { response.setHeader('x-big', 'x'.repeat(40_000)).end() })
  const upgrading = createServer(socket => {
    socket.on('error', () => {}).resume()
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n')
  })
  for (const one of [server, upgrading]) {
    one.listen(await freePort(), '127.0.0.1')
    await once(one, 'listening')
    t.teardown(() => { one.close() })
  }
  const at = (one: typeof server): string => `http://127.0.0.1:${(one.address() as AddressInfo).port}/`
  await t.rejects(outbound.request({ url: at(server), rules, limits }), because('protocol'))
  await t.rejects(outbound.request({ url: at(upgrading), rules, limits }), because('protocol'))
  await t.rejects(outbound.request({ url: huge.url, rules, limits }), { problem: 'too-large', message: /headers/ })
  const gone = at(server)
  server.close()
  await once(server, 'close')
  await t.rejects(outbound.request({ url: gone, rules, limits }), { problem: 'connect', message: /ECONNREFUSED/ })
})

t.test('a proxy that the environment names is not used', async t => {
  const proxy = await startWebServer(t, (_asked, response) => { response.end('through the proxy') })
  const { url } = await startWebServer(t, (_asked, response) => { response.end('straight') })
  const script = `
    import { createOutbound } from ${JSON.stringify(new URL('../../../src/lib/outbound/outbound.ts', import.meta.url).href)}
    const { bytes } = await createOutbound().request({ url: ${JSON.stringify(url)}, rules: ${JSON.stringify(rules)}, limits: ${JSON.stringify(limits)} })
    console.log(bytes.toString())`
  const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, http_proxy: proxy.url, ALL_PROXY: proxy.url, NO_PROXY: '', no_proxy: '' }
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', chunk => { out += chunk })
  await once(child, 'close')
  t.equal(out.trim(), 'straight')
  t.same(proxy.asked, [])
})
