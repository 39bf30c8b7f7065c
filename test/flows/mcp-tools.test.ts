import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { isAlive } from '../fixtures/is-alive.ts'
import { chunkOf, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { admitted, closeClient, startGateway, type TestGateway } from '../helper.ts'
import { sample } from '../tools/mcp/scene.ts'
import { invoke } from './tool-call.ts'

const statusOf = (gateway: TestGateway) => gateway.gateway.rooms.tools.mcp.status()

async function withServer (t: Test, config: object = {}): Promise<TestGateway> {
  return await startGateway(t, { config: { mcp: { servers: { docs: sample() } }, ...config } })
}

t.test('a gateway starts no server by itself; the list of tools and the first call do', async t => {
  const gateway = await withServer(t)
  t.match(await statusOf(gateway), [{ name: 'docs', state: 'idle' }])
  t.equal((await invoke(gateway, 'session_status', {})).status, 200)
  t.equal((await invoke(gateway, 'nothing__echo', {})).status, 404)
  t.match(await statusOf(gateway), [{ state: 'idle' }])
  const answer = await invoke(gateway, 'docs__echo', { text: 'over HTTP' })
  t.match(answer, { status: 200, text: 'over HTTP' })
  t.equal(JSON.parse(answer.raw).source, 'mcp')
  t.match(await invoke(gateway, 'docs__echo', {}), { status: 400, raw: /docs__echo: text is required/ })
  t.match(JSON.parse((await invoke(gateway, 'docs__slow', { ms: 1 }, { dryRun: true })).raw), { result: { dryRun: true, effects: true, tool: 'docs__slow' } })
  const { client } = await admitted(gateway.url, { scopes: ['operator.read'] })
  const { payload } = await client.request('tools.catalog', {})
  t.equal(contractProblem('ToolsCatalogResult', payload), undefined)
  t.match(payload.groups.find(({ id }: { id: string }) => id === 'plugin:bundle-mcp'), { pluginId: 'bundle-mcp', tools: Array })
  const effective = await client.request('tools.effective', { sessionKey: 'main' })
  t.equal(contractProblem('ToolsEffectiveResult', effective.payload), undefined)
  t.match(effective.payload.groups.find(({ id }: { id: string }) => id === 'mcp').tools[0], { mcpServer: 'docs', source: 'mcp' })
  await closeClient(client)
})

const denials = [
  ['bundle-mcp', 'all servers'], ['docs', 'the server'], ['mcp:docs', 'the server as one'], ['group:mcp:docs', 'its group'], ['docs__*', 'its names'],
  ['group:plugins', 'what comes from elsewhere']
] as const
for (const [deny, what] of denials) {
  t.test(`a rule that denies ${what} ("${deny}") keeps it from being started`, async t => {
    const gateway = await withServer(t, { tools: { deny: [deny] } })
    t.equal((await invoke(gateway, 'docs__echo', { text: 'x' })).status, 404)
    await gateway.gateway.rooms.tools.prepare({ agentId: 'main', sessionKey: 'agent:main:main', isOwner: true })
    t.match(await statusOf(gateway), [{ state: 'idle' }])
  })
}

t.test('a rule that allows a single tool has the server started, and allows that one only', async t => {
  const gateway = await withServer(t, { tools: { allow: ['session_status', 'docs__echo'] } })
  t.match(await invoke(gateway, 'docs__echo', { text: 'alone' }), { status: 200, text: 'alone' })
  t.equal((await invoke(gateway, 'docs__slow', { ms: 1 })).status, 404)
})

t.test('gateway.tools.deny closes servers to programs, and not to runs', async t => {
  const gateway = await withServer(t, { gateway: { tools: { deny: ['bundle-mcp'] } } })
  t.equal((await invoke(gateway, 'docs__echo', { text: 'x' })).status, 404)
  const { tools } = gateway.gateway.rooms
  const run = { agentId: 'main', sessionKey: 'agent:main:main', isOwner: true }
  await tools.prepare(run)
  t.ok(tools.forRun(run).some(({ name }) => name === 'docs__echo'))
})

t.test('a model is told of the tools of a server, and calls one', async t => {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'docs__echo', arguments: '{"text":"the answer of the server"}' } }
  const model = await startRaw(streaming([chunkOf({ tool_calls: [call] }), chunkOf({}, 'tool_calls')]), streaming([chunkOf({ content: 'done' }), chunkOf({}, 'stop')]))
  t.teardown(() => model.close())
  const { url } = await withServer(t, {
    models: { providers: { local: { baseUrl: model.url, apiKey: 'k-0123456789', models: [{ id: 'm' }] } } }, agents: { defaults: { model: 'local/m' } }
  })
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: 'main', message: 'ask the server', idempotencyKey: 'k1' })
  t.match(await client.request('agent.wait', { runId: 'k1', timeoutMs: 20_000 }, 22_000), { payload: { status: 'ok' } })
  t.ok(model.bodies[0].tools.some((tool: any) => tool.function.name === 'docs__echo' && tool.function.parameters.required[0] === 'text'))
  t.match(JSON.stringify(model.bodies[1].messages.at(-1)), /the answer of the server/)
  await closeClient(client)
})

t.test('a change of the file takes effect without a restart, and a stop ends every server', async t => {
  const gateway = await withServer(t)
  await invoke(gateway, 'docs__echo', { text: 'x' })
  const [{ pid } = {}] = await statusOf(gateway)
  const file = join(gateway.stateDir, 'openclaw.json')
  const write = (servers: object): void => writeFileSync(file, JSON.stringify({ gateway: { mode: 'local' }, mcp: { servers } }))
  const { client } = await admitted(gateway.url)
  write({ docs: sample('well', { requestTimeoutMs: 9_000 }), more: sample() })
  t.match(await client.request('mcp.reload', {}), { ok: true })
  await eventually(async () => !await isAlive(pid!))
  t.match(await invoke(gateway, 'more__echo', { text: 'new' }), { text: 'new' })
  write({ more: 'nonsense' })
  t.match(await client.request('mcp.reload', {}), { ok: false, error: { code: 'INVALID_REQUEST' } })
  t.match(await invoke(gateway, 'more__echo', { text: 'as before' }), { text: 'as before' })
  const pids = (await statusOf(gateway)).flatMap(status => status.pid ?? [])
  await closeClient(client)
  await gateway.gateway.stop()
  for (const each of pids) t.equal(await isAlive(each), false)
  t.ok(existsSync(file) && readFileSync(file, 'utf8').includes('nonsense'), 'nothing of ours is written there')
})

t.test('what servers do is there to be looked at', async t => {
  const { url } = await startGateway(t, { config: { mcp: { servers: { docs: sample(), dead: sample('dies', { env: { SAMPLE_TOKEN: 'tok-0123456789' } }) } } } })
  const { client: reader } = await admitted(url, { scopes: ['operator.read'] })
  t.match((await reader.request('mcp.status', {})).payload, { servers: [{ name: 'docs', state: 'idle', tools: [] }, { name: 'dead', state: 'idle' }] })
  t.match((await reader.request('mcp.status', { probe: true })).error, { details: { code: 'MISSING_SCOPE' } })
  const { client } = await admitted(url)
  const { payload } = await client.request('mcp.status', { probe: true })
  t.match(payload, {
    servers: [
      { name: 'docs', state: 'ready', transport: 'stdio', serverName: 'sample', tools: Array },
      { name: 'dead', state: 'failed', lastError: 'it ended with exit code 7; it said: no licence for ***' }
    ]
  })
  t.match((await client.request('mcp.status', { probe: true, server: 'nobody' })).error, { code: 'INVALID_REQUEST' })
  await closeClient(reader)
  await closeClient(client)
})
