import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { startGateway, testToken, type TestGateway } from '../helper.ts'
import { sample } from '../tools/mcp/scene.ts'
import { tool } from '../tools/policy-scene.ts'

const on = { http: { endpoints: { mcp: { enabled: true } } } }

async function connect (t: Test, { http }: TestGateway, headers: { [name: string]: string } = {}, options: object = {}): Promise<Client> {
  const client = new Client({ name: 'a peer', version: '1' }, options)
  await client.connect(new StreamableHTTPClientTransport(new URL(`${http}/mcp`), { requestInit: { headers: { authorization: `Bearer ${testToken}`, ...headers } } }))
  t.teardown(() => client.close())
  return client
}

const post = async ({ http }: TestGateway, body: unknown, headers: { [name: string]: string } = {}): Promise<{ status: number, body: any }> => {
  const response = await fetch(`${http}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

t.test('an MCP client has the tools that programs may use, and calls them', async t => {
  const gateway = await startGateway(t, { config: { gateway: on } })
  const client = await connect(t, gateway)
  t.match(client.getServerVersion(), { name: 'openclaw', version: '0.0.0-test' })
  const { tools } = await client.listTools()
  const names = tools.map(({ name }) => name)
  t.ok(names.includes('session_status') && names.includes('sessions_list'))
  for (const closed of ['exec', 'write', 'read', 'process', 'gateway', 'sessions_send', 'sessions_spawn', 'cron', 'nodes']) t.notOk(names.includes(closed), closed)
  t.match(tools.find(({ name }) => name === 'session_status'), { annotations: { readOnlyHint: true }, inputSchema: { type: 'object' } })
  const result = await client.callTool({ name: 'session_status', arguments: {} })
  t.match(result, { content: [{ type: 'text' }], structuredContent: { sessionKey: 'agent:main:main' } })
  await t.rejects(client.callTool({ name: 'exec', arguments: { command: 'id' } }), /Unknown tool: exec/)
  await t.rejects(client.callTool({ name: 'no_such', arguments: {} }), /Unknown tool: no_such/)
  t.match(await client.callTool({ name: 'session_status', arguments: { nonsense: 1 } }), { isError: true, content: [{ text: /nonsense is not an argument/ }] })
})

t.test('a client that knows newer revisions is served in one that both know', async t => {
  const gateway = await startGateway(t, { config: { gateway: on } })
  const client = await connect(t, gateway, {}, { versionNegotiation: { mode: 'auto' } })
  t.ok((await client.listTools()).tools.length > 0)
})

t.test('the policy decides for MCP clients as for other programs', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...on, tools: { deny: ['sessions_list'], allow: ['sessions_send'] } }, mcp: { servers: { docs: sample() } } } })
  const client = await connect(t, gateway)
  const names = (await client.listTools()).tools.map(({ name }) => name)
  t.notOk(names.includes('sessions_list'))
  t.ok(names.includes('sessions_send') && names.includes('docs__echo'))
  t.match(await client.callTool({ name: 'docs__echo', arguments: { text: 'through two servers' } }), { content: [{ text: 'through two servers' }] })
})

t.test('headers name the conversation, and a wrong one is said to be wrong', async t => {
  const gateway = await startGateway(t, { config: { gateway: on, agents: { entries: { main: {}, desk: { tools: { profile: 'minimal' } } } } } })
  const desk = await connect(t, gateway, { 'x-openclaw-session-key': 'agent:desk:main' })
  t.same((await desk.listTools()).tools.map(({ name }) => name), ['session_status'])
  t.match(await desk.callTool({ name: 'session_status', arguments: {} }), { structuredContent: { sessionKey: 'agent:desk:main' } })
  const wrong = await connect(t, gateway, { 'x-openclaw-session-key': 'agent:desk:main', 'x-openclaw-agent-id': 'main' })
  await t.rejects(wrong.listTools(), { code: -32602 })
})

t.test('it is not there until it is switched on, and not for everybody', async t => {
  const off = await startGateway(t)
  t.equal((await post(off, { jsonrpc: '2.0', id: 1, method: 'ping' })).status, 404)
  const gateway = await startGateway(t, { config: { gateway: on } })
  t.equal((await post(gateway, { jsonrpc: '2.0', id: 1, method: 'ping' }, { authorization: 'Bearer wrong' })).status, 401)
  t.equal((await post(gateway, { jsonrpc: '2.0', id: 1, method: 'ping' }, { origin: 'https://evil.example' })).status, 403)
  t.equal((await fetch(`${gateway.http}/mcp`)).status, 405)
  t.match(await post(gateway, { jsonrpc: '2.0', id: 1, method: 'ping' }), { status: 200, body: { id: 1, result: {} } })
})

t.test('what is no message of the protocol is answered by its rules', async t => {
  const gateway = await startGateway(t, { config: { gateway: on } })
  t.match(await post(gateway, [{ jsonrpc: '2.0', id: 1, method: 'ping' }]), { status: 400, body: { id: null, error: { code: -32600 } } })
  t.match(await post(gateway, { id: 1, method: 'ping' }), { status: 400, body: { error: { code: -32600 } } })
  t.match(await post(gateway, { jsonrpc: '2.0', id: {}, method: 'ping' }), { status: 400, body: { error: { code: -32600 } } })
  t.match(await post(gateway, '{"jsonrpc'), { status: 400 })
  t.match(await post(gateway, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 7 } }), { body: { id: 1, error: { code: -32602 } } })
  t.match(await post(gateway, { jsonrpc: '2.0', id: 'x', method: 'resources/list' }), { body: { id: 'x', error: { code: -32601 } } })
  t.match(await post(gateway, { jsonrpc: '2.0', method: 'notifications/initialized' }), { status: 202, body: undefined })
  t.match(await post(gateway, { jsonrpc: '2.0', id: 5, result: {} }), { status: 202 })
  t.match(await post(gateway, { jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-protocol-version': '1999-01-01' }), { status: 400, body: { error: { message: /Unsupported protocol version/ } } })
  t.match(await post(gateway, { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2099-01-01' } }), { body: { result: { protocolVersion: '2025-11-25' } } })
  t.equal((await post(gateway, { jsonrpc: '2.0', id: 1, method: 'ping', params: { big: 'x'.repeat(3_000_000) } })).status, 413)
})

t.test('a request that is taken back, or whose client goes away, ends the tool', async t => {
  const gateway = await startGateway(t, { config: { gateway: on } })
  const ended: string[] = []
  let begun = 0
  const registry = await gateway.gateway.rooms.tools.registry()
  registry.add([tool('waits', {
    run: async (args, { signal }) => await new Promise((_resolve, reject) => {
      begun++
      signal.addEventListener('abort', () => { ended.push(String(args.name)); reject(signal.reason) })
    })
  })])
  const client = await connect(t, gateway)
  const other = await connect(t, gateway)
  const controller = new AbortController()
  const left = other.callTool({ name: 'waits', arguments: { name: 'stays' } }).catch(() => {})
  const working = client.callTool({ name: 'waits', arguments: { name: 'taken back' } }, { signal: controller.signal })
  await eventually(() => begun === 2)
  controller.abort(new Error('never mind'))
  await t.rejects(working)
  await eventually(() => ended.length > 0)
  t.same(ended, ['taken back'], 'and only that one, though ids are the same')
  await other.close()
  await left
  await eventually(() => ended.length === 2)
})
