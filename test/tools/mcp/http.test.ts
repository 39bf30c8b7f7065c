import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { freePort } from '../../fixtures/free-port.ts'
import { startSampleHttp } from '../../fixtures/mcp/http-server.ts'
import { startWebServer } from '../../fixtures/web-server.ts'
import { anything, scene, textOf } from './scene.ts'

for (const json of [true, false]) {
  t.test(`a server over streamable HTTP that answers with ${json ? 'JSON' : 'a stream of events'} is used like one on this machine`, async t => {
    const { url, seen, cancelled } = await startSampleHttp(t, { json })
    const { mcp, call, names } = await scene(t, { far: { url, transport: 'streamable-http', headers: { Authorization: 'Bearer tok-0123456789' }, requestTimeoutMs: 3_000 } })
    await mcp.prepare(anything)
    t.ok(names().includes('far__echo'))
    t.equal(textOf(await call('far__echo', { text: 'hello' })), 'hello')
    t.equal(textOf(await call('far__echo', { text: 'it is Bearer tok-0123456789' })), 'it is ***', 'the credential never comes back')
    t.ok(seen.every(({ headers }) => headers.authorization === 'Bearer tok-0123456789'))
    t.match(await call('far__huge', { bytes: 20_000_000 }), { isError: true, details: { error: /larger than 8 MiB/ } })
    t.equal(textOf(await call('far__echo', { text: 'still here' })), 'still here')
    const controller = new AbortController()
    const before = seen.length
    const working = call('far__hang', {}, { signal: controller.signal })
    const rejected = t.rejects(working, { message: 'enough' })
    await eventually(() => seen.length > before)
    controller.abort(new Error('enough'))
    await rejected
    await eventually(() => cancelled.includes('hang'))
    await mcp.close()
    t.ok(seen.some(({ method }) => method === 'DELETE'), 'the session is given back')
  })
}

t.test('tools that a server elsewhere learns are followed', async t => {
  const { url } = await startSampleHttp(t)
  const { mcp, call, names } = await scene(t, { far: { url } })
  await mcp.prepare(anything)
  await call('far__learn', { name: 'sing' })
  await eventually(() => names().includes('far__sing'))
})

t.test('a session that the server has forgotten is opened anew, and the call that found out is not repeated', async t => {
  const { url, forget, seen } = await startSampleHttp(t)
  const { mcp, call } = await scene(t, { far: { url } })
  await mcp.prepare(anything)
  forget()
  const before = seen.length
  t.match(await call('far__echo', { text: 'x' }), { isError: true, details: { error: /went away/ } })
  t.equal(seen.slice(before).filter(({ method }) => method === 'POST').length, 1)
  t.equal(textOf(await call('far__echo', { text: 'anew' })), 'anew')
})

t.test('a connection that breaks off ends the call at once', async t => {
  const { url, breakOff, seen } = await startSampleHttp(t)
  const { mcp, call } = await scene(t, { far: { url } })
  await mcp.prepare(anything)
  const before = seen.length
  const working = call('far__hang')
  await eventually(() => seen.length > before)
  breakOff()
  t.match(await working, { isError: true, details: { status: 'error' } })
  t.equal(textOf(await call('far__echo', { text: 'again' })), 'again')
})

t.test('credentials are for the configured place alone', async t => {
  const thief = await startWebServer(t, (_asked, response) => response.end('{}'))
  const { url } = await startSampleHttp(t, {
    instead (request, response) {
      if (request.url !== '/away') return false
      response.writeHead(307, { location: `${thief.url}/mcp` }).end()
      return true
    }
  })
  const { mcp } = await scene(t, { far: { url: url.replace('/mcp', '/away'), transport: 'streamable-http', headers: { 'X-Key': 'tok-0123456789' } } })
  await mcp.prepare(anything)
  t.match(await mcp.status(), [{ state: 'failed', lastError: /redirect/i }])
  t.same(thief.asked, [])
})

t.test('what is no MCP server is said to be none', async t => {
  const odd = await startWebServer(t, (asked, response) => {
    if (asked.url === '/html') response.setHeader('content-type', 'text/html').end('<p>hello</p>')
    else if (asked.url === '/bad') response.setHeader('content-type', 'application/json').end('{"jsonrpc":"2.0","id":0,"result":{"protocol')
    else if (asked.url === '/denied') response.writeHead(401).end('who are you, tok-0123456789?')
  })
  const server = (path: string, more: object = {}): object => ({ url: odd.url + path, headers: { 'x-key': 'tok-0123456789' }, ...more })
  const { mcp, names } = await scene(t, {
    html: server('/html'), bad: server('/bad'), denied: server('/denied'), hangs: server('/hangs', { connectionTimeoutMs: 400 }), nobody: { url: `http://127.7.7.7:${await freePort()}/mcp` }, words: { url: 'ftp://x' },
    inside: { url: 'http://user:pass@127.0.0.1/mcp' }, oauth: { url: odd.url, auth: 'oauth' }
  })
  await mcp.prepare(anything)
  t.same(names(), [])
  const status = await mcp.status()
  t.ok(status.every(({ state, lastError }) => state === 'failed' && lastError), JSON.stringify(status))
  t.notMatch(JSON.stringify(status), /tok-0123456789|user:pass/)
  const said = Object.fromEntries(status.map(({ name, lastError }) => [name, lastError]))
  t.match(said['oauth'], /OAuth is not supported/)
  t.match(said['denied'], 'it answers 401: who are you, ***?')
  t.match(said['nobody'], /ECONNREFUSED/)
})

t.test('a server of the time before streamable HTTP is spoken to in its own way', async t => {
  // Its events come on one connection, and messages are posted to the address that the first event names.
  const old = await startWebServer(t, (asked, response) => {
    if (asked.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: /messages?session=1\n\n')
      events = (message: object) => response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
      return
    }
    if (!asked.url.startsWith('/messages')) {
      response.writeHead(405).end()
      return
    }
    response.writeHead(202).end()
    const { id, method, params } = JSON.parse(asked.body) as { id?: number, method: string, params: { protocolVersion?: string, arguments?: { text: string } } }
    const results: { [method: string]: object } = {
      initialize: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'old', version: '0' } },
      'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [{ type: 'text', text: params?.arguments?.text }] }
    }
    if (id !== undefined) events({ jsonrpc: '2.0', id, result: results[method] })
  })
  let events: (message: object) => void = () => {}
  const { mcp, call } = await scene(t, { old: { url: `${old.url}/sse` }, named: { url: `${old.url}/sse`, transport: 'sse' } })
  await mcp.prepareFor('old__echo', anything)
  t.equal(textOf(await call('old__echo', { text: 'as ever' })), 'as ever')
  await mcp.prepareFor('named__echo', anything)
  t.equal(textOf(await call('named__echo', { text: 'named' })), 'named')
})
