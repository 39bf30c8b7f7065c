import t from 'tap'
import { resultOf } from '../../src/plugins/tools.ts'
import { admitted, startGateway, testToken, type Frame, type TestGateway } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const tools = registering(`
  const tool = (name, run, more = {}) => api.registerTool(sdk.defineTool({
    name, description: 'Does ' + name + '.', params: sdk.Type.Object({ text: sdk.Type.Optional(sdk.Type.String()) }), capability: 'outside', groups: ['fs', 'sessions'],
    aliases: ['session_status', 'read'], reach: 'anywhere', effects: false, run, ...more
  }))
  tool('say', async ({ text = 'nothing' }, context) => ({ content: [{ type: 'text', text: 'said ' + text }], details: { agent: context.agentId, session: context.sessionKey, owner: context.isOwner, frozen: Object.isFrozen(context) } }))
  tool('broken', async () => { throw new Error('secret-of-the-plugin') })
  tool('refusing', async () => { throw new sdk.ToolRefusal('say it otherwise') })
  tool('hidden', async () => 'hidden', { optional: true })
  tool('terminal', async () => 'a terminal', { ownerOnly: true })
  tool('mine', async () => 'mine', { ownerOnly: true })
  tool('runs', async () => 'runs', { capability: 'exec' })
  tool('stuck', async () => await new Promise(() => {}))
  api.registerTool({ name: 'foreign', description: 'As elsewhere.', parameters: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    async execute (id, { n }, signal, update) { update({ content: [{ type: 'text', text: 'half' }] }); return { content: [{ type: 'text', text: 'n is ' + n }], details: { id: typeof id, abortable: signal instanceof AbortSignal } } } })
  api.registerTool({ name: 'foreign_hidden', parameters: { type: 'object', properties: {} }, execute: () => 'x' }, { optional: true })
`)

const start = async (t: Parameters<typeof startGateway>[0], config: object = {}): Promise<TestGateway> => {
  const started = await startGateway(t, { config: { ...config, plugins: { load: { paths: [writePlugin(pluginDirectory(t), 'kit', tools)] } } } })
  await started.gateway.rooms.plugins.report()
  return started
}

async function invoke (http: string, tool: string, args: object = {}): Promise<{ status: number, body: Frame }> {
  const headers = { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }
  const answer = await fetch(`${http}/tools/invoke`, { method: 'POST', headers, body: JSON.stringify({ tool, args }) })
  return { status: answer.status, body: await answer.json() as Frame }
}

const allowedIn = (gateway: TestGateway): string[] => gateway.gateway.rooms.tools
  .allowed({ agentId: 'main', sessionKey: 'agent:main:main', surface: 'run', isOwner: true }).filter(({ origin }) => origin?.kind === 'plugin').map(({ name }) => name)

t.test('programs call tools of plugins like those of the gateway', async t => {
  const { http } = await start(t)
  t.match(await invoke(http, 'say', { text: 'hi' }), {
    status: 200,
    body: { source: 'plugin', result: { content: [{ text: 'said hi' }], details: { agent: 'main', session: 'agent:main:main', owner: true, frozen: true } } }
  })
  t.match(await invoke(http, 'foreign', { n: 3 }), { status: 200, body: { result: { content: [{ text: 'n is 3' }], details: { id: 'string', abortable: true } } } })
  t.match(await invoke(http, 'say', { text: 5 }), { status: 400, body: { error: { type: 'tool_error', message: /text must be string/ } } })
  t.match(await invoke(http, 'foreign', {}), { status: 400, body: { error: { message: /n is required/ } } })
  t.match(await invoke(http, 'refusing'), { status: 400, body: { error: { message: 'say it otherwise' } } })
  const failed = await invoke(http, 'broken')
  t.match(failed, { status: 500, body: { error: { type: 'tool_error', errorId: String } } })
  t.notMatch(JSON.stringify(failed), 'secret-of-the-plugin')
  t.match(await invoke(http, 'say', { text: 'again' }), { status: 200 })
})

t.test('what a plugin says about its tools takes nothing from the policy', async t => {
  const { http, gateway } = await start(t)
  const registry = await gateway.rooms.tools.registry()
  t.equal(registry.find('read')!.origin, undefined, 'a further name does not take one of ours')
  const say = registry.find('say')!
  t.same([say.groups, say.aliases, say.origin], [[], undefined, { kind: 'plugin', id: 'kit', toolName: 'say' }])
  t.equal((await invoke(http, 'terminal')).status, 404, 'closed by its name')
  t.equal((await invoke(http, 'runs')).status, 404, 'closed by what it can do')
  const minimal = await start(t, { tools: { profile: 'minimal' } })
  t.same(allowedIn(minimal), [], 'a profile that names a group or a tool of ours does not mean them')
})

t.test('lists of tools name them by their name, their plugin and their group', async t => {
  const all = ['say', 'broken', 'refusing', 'terminal', 'mine', 'runs', 'stuck', 'foreign']
  const expected: ReadonlyArray<readonly [object, readonly string[]]> = [
    [{}, all],
    [{ deny: ['say'] }, all.slice(1)],
    [{ deny: ['kit'] }, []],
    [{ deny: ['group:plugins'] }, []],
    [{ allow: ['*'] }, all],
    [{ allow: ['say', 'hidden'] }, ['say', 'hidden']],
    [{ alsoAllow: ['hidden'] }, [...all.slice(0, 3), 'hidden', ...all.slice(3)]],
    [{ alsoAllow: ['kit'] }, [...all.slice(0, 3), 'hidden', ...all.slice(3), 'foreign_hidden']],
    [{ profile: 'minimal', alsoAllow: ['foreign_hidden'] }, ['foreign_hidden']],
    [{ alsoAllow: ['group:plugins'], deny: ['hidden'] }, [...all, 'foreign_hidden']]
  ]
  for (const [settings, names] of expected) t.same(allowedIn(await start(t, { tools: settings })), names, JSON.stringify(settings))
})

t.test('the policy says why an optional tool is not there', async t => {
  const { url } = await start(t)
  const { client } = await admitted(url)
  const { payload } = await client.request('tools.why', { tool: 'hidden' })
  t.match(payload, { allowed: false })
  t.match(payload.steps.at(-1), { step: 'optional', because: /neither tools\.alsoAllow nor agents\.entries\.main\.tools\.alsoAllow names it/ })
  const catalog = (await client.request('tools.catalog', {})).payload
  t.match(catalog.groups.find((group: Frame) => group.id === 'plugin:kit'), { source: 'plugin', pluginId: 'kit' })
})

t.test('a run of an agent uses a tool of a plugin, and ends while one is stuck', async t => {
  const { url } = await start(t)
  const { client } = await admitted(url)
  const say = async (message: string, idempotencyKey: string): Promise<void> => {
    t.match(await client.request('agent', { message, sessionKey: 'agent:main:main', idempotencyKey }), { ok: true })
  }
  await say('/tool say {"text": "from a run"}', 'one')
  t.match(await client.request('agent.wait', { runId: 'one', timeoutMs: 10_000 }, 12_000), { payload: { status: 'ok' } })
  const { payload } = await client.request('chat.history', { sessionKey: 'agent:main:main' })
  t.match(JSON.stringify(payload), 'said from a run')
  await say('/tool stuck {}', 'two')
  t.match(await client.request('chat.abort', { sessionKey: 'agent:main:main', runId: 'two' }), { ok: true })
  t.ok((await client.request('agent.wait', { runId: 'two', timeoutMs: 10_000 }, 12_000)).ok)
})

t.test('results are what a model can read, whatever a tool returns', async t => {
  const text = (given: unknown) => (resultOf(given).content[0] as { text: string }).text
  t.equal(text('plain'), 'plain')
  t.equal(text(undefined), '')
  t.same(resultOf({ a: 1 }), { content: [{ type: 'text', text: '{"a":1}' }], details: { a: 1 } })
  t.same(resultOf([1, 2]).details, [1, 2])
  t.same(resultOf({ content: [{ type: 'text', text: 'x' }], isError: true, more: 1 }), { content: [{ type: 'text', text: 'x' }], isError: true })
  t.equal(text({ content: [{ type: 'script', text: 'x' }] }), '{"content":[{"type":"script","text":"x"}]}', 'parts of an unknown kind are shown as they are')
  t.throws(() => resultOf('x'.repeat(9_000_000)), /longer than/)
  t.throws(() => resultOf({ n: 1n }))
})
