/** One tool, three doors: whatever somebody may or may not do with it over one of them holds for the others. */
import t from 'tap'
import { scopes } from '../../src/protocol/scopes.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { tool } from '../tools/policy-scene.ts'

const done = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })
const probes = [
  tool('probe_read', { run: done }),
  tool('probe_write', { capability: 'session.write', effects: true, run: done }),
  tool('probe_exec', { capability: 'exec', reach: 'run', run: done }),
  tool('probe_opened', { capability: 'exec', reach: 'run', run: done }),
  tool('probe_owner', { ownerOnly: true, run: done }),
  tool('probe_gateway', { capability: 'gateway', run: done })
]

t.test('HTTP, the socket and MCP give the same verdict about each tool, whatever the scope', async t => {
  const gateway = await startGateway(t, {
    config: { gateway: { auth: { mode: 'none', token: undefined }, tools: { allow: ['probe_opened'] }, http: { endpoints: { mcp: { enabled: true } } } } }
  })
  await gateway.gateway.rooms.tools.registry().then(registry => registry.add(probes))
  const post = async (path: string, scope: string, body: object): Promise<{ status: number, body: any }> => {
    const response = await fetch(`${gateway.http}${path}`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'x-openclaw-scopes': scope }, body: JSON.stringify(body)
    })
    const text = await response.text()
    return { status: response.status, body: JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) }
  }
  const allowed: string[] = []
  for (const scope of ['', ...scopes]) {
    const { client } = await admitted(gateway.url, { scopes: scope === '' ? [] : [scope], auth: false })
    for (const { name } of [...probes, { name: 'no_such' }]) {
      const http = (await post('/tools/invoke', scope, { tool: name, args: {} })).status === 200
      const rpc = await client.request('tools.invoke', { name, args: {} })
      const mcp = await post('/mcp', scope, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
      const verdicts = { http, rpc: rpc.ok && rpc.payload.ok === true, mcp: mcp.status === 200 && mcp.body.result !== undefined && mcp.body.result.isError !== true }
      t.same(verdicts, { http, rpc: http, mcp: http }, `${scope || 'no scope'}: ${name}`)
      if (http) allowed.push(`${scope}: ${name}`)
    }
    await closeClient(client)
  }
  t.same(allowed, [
    'operator.write: probe_read', 'operator.write: probe_write',
    'operator.admin: probe_read', 'operator.admin: probe_write', 'operator.admin: probe_opened', 'operator.admin: probe_owner'
  ])
})
