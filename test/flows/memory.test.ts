/** What agents wrote down, as programs, people and agents of a whole gateway find it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { meaningBy, startMeanings } from '../tools/memory/scene.ts'
import { invoke } from './tool-call.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

function remember ({ stateDir }: Pick<Home, 'stateDir'>, workspace = 'workspace'): void {
  mkdirSync(join(stateDir, workspace, 'memory'), { recursive: true })
  writeFileSync(join(stateDir, workspace, 'MEMORY.md'), 'Anna wants green tea.\n')
  writeFileSync(join(stateDir, workspace, 'memory', '2026-11-20.md'), '# Friday\n\nThe release checklist is done.\n')
}

t.test('people search memory from the command line, and see what was left out', async t => {
  const vendor = await startMeanings(t)
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } }, agents: { entries: { main: { default: true }, ops: {} } }, ...meaningBy(vendor) })
  remember(home)
  writeFileSync(join(home.stateDir, 'workspace', 'memory', 'picture.md'), 'a\0b')
  const list = join(home.stateDir, 'loaded-modules.txt')
  await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  const loaded = (): string[] => readFileSync(list, 'utf8').match(/src\/tools\/memory\/.*/g) ?? []
  t.same(loaded(), ['src/tools/memory/memory.ts'], 'nothing is loaded before somebody asks')
  t.notOk(existsSync(join(home.stateDir, 'memory')), 'and nothing made')
  t.match(await cli('memory', 'search', 'release checklist'), { code: 0, out: /^\d\.\d\d {2}memory\/2026-11-20\.md#L1-L3\n {2}# Friday\n.*\n {2}The release checklist is done\.\n$/, err: '' })
  t.ok(loaded().length > 5)
  t.match((await cli('memory', 'search', '--query', 'something to drink', 'ignored', '--json')).json(), { results: [{ path: 'MEMORY.md' }], provider: 'box' })
  t.match(await cli('memory', 'search', 'zebra', '--min-score', '0.9'), { code: 0, out: 'Nothing was found.\n' })
  t.match(await cli('memory', 'search', 'release', '--agent', 'ops'), { code: 0, out: 'Nothing was found.\n' })
  t.match(await cli('memory', 'search', 'release', '--agent', 'nobody'), { code: 1, err: /nobody/ })
  t.match(await cli('memory', 'search'), { code: 1, err: /say what to look for/ })
  t.match(await cli('memory', 'search', 'x', '--min-score', '2'), { code: 1, err: /use a number from 0 to 1/ })

  const status = await cli('memory', 'status', '--deep')
  t.match(status, { code: 0, out: /Agent +main\nSearch +on\nWorkspace +\/.*\nIndex +2 files, 2 pieces, .*\n.*\nMeaning +box\/meanings \(answers\)\nLeft out:\n {2}memory\/picture\.md: is not text\n\nAgent +ops/ })
  t.match((await cli('memory', '--json')).json(), [{ agentId: 'main', files: 2, embedding: { ok: true, checked: false } }, { agentId: 'ops', files: 0 }])
  writeFileSync(join(home.stateDir, 'workspace', 'memory', 'new.md'), 'new')
  t.match(await cli('memory', 'status', '--agent', 'main'), { code: 0, out: /To be read +1 files changed/ })
  t.match((await cli('memory', 'index', '--agent', 'main', '--json')).json(), [{ files: 3, left: 0, pending: 0 }])
  const index = join(home.stateDir, 'memory', 'ops.sqlite')
  t.ok(existsSync(index))
  t.match(await cli('agents', 'delete', 'ops', '--force'), { code: 0 })
  t.notOk(existsSync(index), 'what an agent remembered goes with it')
  vendor.script = { status: 401, message: 'wrong key' }
  t.match(await cli('memory', 'index', '--force', '--agent', 'main'), { code: 1, out: /does not answer: .*wrong key.*, 3 texts wait/ })
  t.match(await cli('memory', 'search', 'checklist'), { code: 0, out: /2026-11-20/, err: /Only the words were searched.*memory status --deep/ })
})

t.test('over the socket a reader searches and sees how the index is, but not where it lies', async t => {
  const gateway = await startGateway(t, { config: { agents: { entries: { main: { default: true }, ops: {} } } } })
  const { stateDir } = gateway
  remember({ stateDir })
  remember({ stateDir }, 'workspace-ops')
  const reader = (await admitted(gateway.url, { scopes: ['operator.read'] })).client
  const ask = async (method: string, params: object): Promise<any> => await reader.request(method, params)
  t.match(await ask('memory.search', { query: 'checklist' }), { ok: true, payload: { agentId: 'main', results: [{ path: 'memory/2026-11-20.md' }] } })
  const { payload } = await ask('doctor.memory.status', { agentId: 'main' })
  t.match(payload, { agentId: 'main', searchRuntimeRegistered: true, files: 2, provider: 'none', embedding: { ok: false, checked: false } })
  t.notHas(payload, { workspace: String })
  t.match(await ask('memory.index', {}), { ok: false, error: { details: { code: 'MISSING_SCOPE' } } })
  for (const params of [{}, { query: '' }, { query: 'x'.repeat(2001) }, { query: 'x', maxResults: 0 }]) {
    t.match(await ask('memory.search', params), { ok: false, error: { details: { code: 'INVALID_PARAMS' } } })
  }
  t.match(await ask('memory.search', { query: 'x', agentId: '../main' }), { ok: false, error: { details: { code: 'AGENT_UNKNOWN' } } })
  await closeClient(reader)

  const admin = (await admitted(gateway.url)).client
  t.match(await admin.request('memory.index', { agentId: 'ops', force: true }), { payload: { agentId: 'ops', files: 2, workspace: join(stateDir, 'workspace-ops') } })
  await closeClient(admin)
})

t.test('programs ask for a conversation, and one in a group hears nothing of MEMORY.md', async t => {
  const gateway = await startGateway(t, {})
  remember(gateway)
  const search = async (sessionKey: string) => (await invoke(gateway, 'memory_search', { query: 'tea' }, { sessionKey })).details['results']
  t.match(await search('main'), [{ path: 'MEMORY.md' }])
  t.same(await search('agent:main:telegram:group:-100'), [])
  t.match(await invoke(gateway, 'memory_get', { path: 'MEMORY.md' }, { sessionKey: 'agent:main:telegram:group:-100' }), { isError: true, text: /stays out of groups/ })
  t.match(await invoke(gateway, 'memory_get', { path: 'MEMORY.md' }), { details: { status: 'ok', text: 'Anna wants green tea.\n' } })
  t.match(await invoke(gateway, 'memory_search', { query: 7 }), { status: 400, raw: /tool_error/ })
  t.match(await invoke(gateway, 'memory_search', { query: 'tea' }, { dryRun: true }), { status: 200, raw: /"dryRun":true/ })
})

t.test('an agent finds in a run what it wrote in another', async t => {
  const gateway = await startGateway(t, {})
  const { client } = await admitted(gateway.url)
  const say = async (message: string, idempotencyKey: string): Promise<string> => {
    await client.request('chat.send', { sessionKey: 'main', message, idempotencyKey })
    t.match(await client.request('agent.wait', { runId: idempotencyKey, timeoutMs: 20_000 }, 22_000), { payload: { status: 'ok' } })
    return JSON.stringify((await client.request('chat.history', { sessionKey: 'main' })).payload.messages)
  }
  await say('/tool write {"path":"memory/2026-11-21.md","content":"The door code is 4711."}', 'one')
  t.match(await say('/tool memory_search {"query":"door code"}', 'two'), /memory\/2026-11-21\.md#L1/)
  await closeClient(client)
})
