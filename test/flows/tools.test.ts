import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { contractProblem } from '../contract.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { tool } from '../tools/policy-scene.ts'

const outsiders = [
  tool('outlook__send_mail', { capability: 'outside', description: 'Sends mail. At once.', origin: { kind: 'mcp', id: 'outlook', toolName: 'send_mail' } }),
  tool('notes', { capability: 'outside', origin: { kind: 'plugin', id: 'notebook' } }),
  tool('echo_args', { effects: true, run: async args => ({ content: [{ type: 'text', text: 'done' }], details: { args } }) })
]

t.test('the catalog lists every tool once, by group, in the shape of the contract', async t => {
  const { url, gateway } = await startGateway(t)
  await gateway.rooms.tools.registry().then(registry => registry.add(outsiders))
  const { client } = await admitted(url, { scopes: ['operator.read'] })
  const { payload } = await client.request('tools.catalog', {})
  t.equal(contractProblem('ToolsCatalogResult', payload), undefined)
  t.match(payload, { agentId: 'main', profiles: [{ id: 'minimal' }, { id: 'coding' }, { id: 'messaging' }, { id: 'full' }] })
  const tools = payload.groups.flatMap((group: { tools: Array<{ id: string }> }) => group.tools)
  t.same(tools.map(({ id }: { id: string }) => id).sort(), (await gateway.rooms.tools.registry()).all().map(({ name }) => name).sort())
  t.match(tools.find(({ id }: { id: string }) => id === 'session_status'), { label: 'Session Status', source: 'core', defaultProfiles: ['minimal', 'coding', 'messaging'] })
  t.match(tools.find(({ id }: { id: string }) => id === 'outlook__send_mail'), { source: 'plugin', pluginId: 'bundle-mcp', description: 'Sends mail.' })
  const { payload: core } = await client.request('tools.catalog', { agentId: 'main', includePlugins: false })
  t.equal(core.groups.some((group: { source: string }) => group.source === 'plugin'), false)
  t.match((await client.request('tools.catalog', { agentId: 'nobody' })).error, { code: 'INVALID_REQUEST' })
  await closeClient(client)
})

t.test('what a session has is what its agent may use there', async t => {
  const config = { tools: { deny: ['notes'] }, agents: { entries: { main: {}, desk: { tools: { profile: 'minimal' } } } } }
  const { url, gateway } = await startGateway(t, { config })
  await gateway.rooms.tools.registry().then(registry => registry.add(outsiders))
  const { client } = await admitted(url, { scopes: ['operator.read'] })
  const idsOf = async (params: object) => {
    const { payload } = await client.request('tools.effective', params)
    t.equal(contractProblem('ToolsEffectiveResult', payload), undefined)
    const tools = payload.groups.flatMap((group: { tools: Array<{ id: string }> }) => group.tools)
    return { profile: payload.profile, agentId: payload.agentId, ids: tools.map(({ id }: { id: string }) => id) as string[], tools }
  }
  const main = await idsOf({ sessionKey: 'main' })
  t.equal(main.profile, 'full')
  t.equal(main.ids.includes('session_status'), true)
  t.equal(main.ids.includes('notes'), false)
  t.match(main.tools.find(({ id }: { id: string }) => id === 'outlook__send_mail'), {
    source: 'mcp', mcpServer: 'outlook', mcpToolName: 'send_mail', rawDescription: 'Sends mail. At once.'
  })
  const desk = await idsOf({ sessionKey: 'agent:desk:main' })
  t.equal(desk.agentId, 'desk')
  t.equal(desk.profile, 'minimal')
  t.equal(desk.ids.includes('echo_args'), false)
  t.match((await client.request('tools.effective', { sessionKey: 'agent:desk:main', agentId: 'main' })).error, { code: 'INVALID_REQUEST' })
  t.match((await client.request('tools.effective', {})).error, { code: 'INVALID_REQUEST' })
  await closeClient(client)
})

t.test('a tool called over the socket answers in the envelope of the contract', async t => {
  const { url, gateway } = await startGateway(t, { config: { tools: { deny: ['notes'] } } })
  await gateway.rooms.tools.registry().then(registry => registry.add(outsiders))
  const { client } = await admitted(url, { scopes: ['operator.write'] })
  const invoke = async (params: object) => {
    const { ok, payload, error } = await client.request('tools.invoke', params)
    if (ok) t.equal(contractProblem('ToolsInvokeResult', payload), undefined)
    return ok ? payload : error
  }
  t.same(await invoke({ name: 'ECHO_args', args: { a: 1 } }), {
    ok: true, toolName: 'echo_args', source: 'core', output: { content: [{ type: 'text', text: 'done' }], details: { args: { a: 1 } } }
  })
  for (const name of ['nosuch', 'notes', 'exec']) {
    t.same(await invoke({ name }), { ok: false, toolName: name, error: { code: 'not_found', message: `Tool not available: ${name}` } })
  }
  t.match(await invoke({ name: 'echo_args', agentId: 'nobody' }), { ok: false, error: { code: 'invalid_request' } })
  t.match(await invoke({ name: 'echo_args', dryRun: true }), { ok: true, output: { dryRun: true, wouldRun: true } })
  t.match(await invoke({}), { code: 'INVALID_REQUEST' })
  t.match(await invoke({ name: 'x', unknown: 1 }), { code: 'INVALID_REQUEST' })
  const { client: reader } = await admitted(url, { scopes: ['operator.read'] })
  t.match((await reader.request('tools.invoke', { name: 'echo_args' })).error, { details: { code: 'MISSING_SCOPE' } })
  t.match((await reader.request('tools.why', { tool: 'exec' })).error, { details: { code: 'MISSING_SCOPE' } })
  await closeClient(reader)
  await closeClient(client)
})

t.test('a key is one call, whether it comes over the socket or over HTTP', async t => {
  const { url, http, gateway } = await startGateway(t)
  let calls = 0
  await gateway.rooms.tools.registry().then(registry => registry.add([tool('count', { run: async () => ({ content: [{ type: 'text', text: `call ${++calls}` }] }) })]))
  const { client } = await admitted(url, { device: false })
  const params = { name: 'count', idempotencyKey: 'once' }
  t.match(await client.request('tools.invoke', params), { payload: { output: { content: [{ text: 'call 1' }] } } })
  t.match(await client.request('tools.invoke', params), { payload: { output: { content: [{ text: 'call 1' }] } } })
  const response = await fetch(`${http}/tools/invoke`, {
    method: 'POST', headers: { authorization: 'Bearer test-token-0123456789abcdef0123456789abcdef', 'content-type': 'application/json' }, body: JSON.stringify(params)
  })
  t.match(await response.json(), { ok: true, result: { content: [{ text: 'call 1' }] } })
  t.equal(calls, 1)
  await closeClient(client)
})

t.test('tools are listed, explained and called from the command line', async t => {
  const token = 'flow-token-0123456789abcdef0123456789abcdef'
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } }, tools: { deny: ['sessions_list'] } })
  await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })

  const list = await cli('tools')
  t.match(list, { code: 0, out: /^Agent main, profile full: \d+ tools\n\nTool +From +Risk/ })
  t.match(list.out, /session_status +core +low/)
  t.notMatch(list.out, /sessions_list/)

  t.match(await cli('tools', 'why', 'session_status'), { code: 0, out: /Verdict +allowed\n[^]*passes +profile +tools\.profile is "full"/ })
  t.match(await cli('tools', 'why', 'Sessions_List'), { code: 1, out: /Verdict +not allowed\n[^]*DENIED +allow and deny +tools\.deny has "sessions_list"/ })
  t.match((await cli('tools', 'why', 'sessions_list', '--json')).json(), { tool: 'sessions_list', allowed: false, surface: 'run' })
  t.match(await cli('tools', 'why', 'nosuch'), { code: 1, err: /no tool is called "nosuch"/ })
  t.match(await cli('tools', 'why', 'session_status', '--session', 'agent:nobody:main'), { code: 1, err: /nobody/ })

  t.match((await cli('tools', 'invoke', 'session_status', '--dry-run', '--json')).json(), { ok: true, output: { wouldRun: true } })
  t.match(await cli('tools', 'invoke', 'sessions_list'), { code: 1, err: /Tool not available: sessions_list\ntools\.deny has "sessions_list"/ })
  t.match(await cli('tools', 'invoke', 'session_status', '--args', '[1]'), { code: 1, err: /--args must be valid JSON/ })
  t.match(await runCli(['tools', 'invoke', 'session_status'], { env: { ...home.env, OPENCLAW_SHELL: 'exec' } }), { code: 1, err: /refused inside the shell of an agent/ })
})
