import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { contractProblem } from '../../contract.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { startOpenAi } from '../../fixtures/providers/openai-server.ts'
import { goodKey } from '../../fixtures/providers/vendor-server.ts'
import { admitted, closeClient } from '../../helper.ts'
import { withFile } from './scene.ts'

const commented = (json: string): string => json.replace(/^\{/, '{\n  // mine, do not touch\n  "extra": { "of": "somebody else" }, // kept')
const working = { models: { providers: { local: { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'k', models: [{ id: 'zero', name: 'Zero' }] } } } }

t.test('agents come and go while the gateway runs, and the file keeps what its author wrote', async t => {
  const { call, text, gateway, client } = await withFile(t, working, commented)
  await client.request('sessions.subscribe', {})
  const made = await call('agents.create', { name: 'Research Bot', emoji: '🔬', model: 'local/zero' })
  t.equal(contractProblem('AgentsCreateResult', made), undefined)
  t.match(made, { agentId: 'research-bot', name: 'Research Bot', model: 'local/zero', workspace: join(gateway.stateDir, 'workspace-research-bot') })
  t.match(text(), /\/\/ mine, do not touch\n {2}"extra": \{ "of": "somebody else" \}, \/\/ kept/)
  t.match(readFileSync(join(made.workspace, 'IDENTITY.md'), 'utf8'), /Name: Research Bot\n- Emoji: 🔬/)

  const list = await call('agents.list')
  t.equal(contractProblem('AgentsListResult', list), undefined)
  t.match(list, { defaultId: 'main', ownership: 'explicit', agents: [{ id: 'main' }, { id: 'research-bot', identity: { emoji: '🔬' }, model: { primary: 'local/zero' } }] })
  t.match(await client.event('config.changed'), { payload: { hash: /^[0-9a-f]{64}$/ } })
  t.match((await call('health')).agents, [{ agentId: 'main', isDefault: true }, { agentId: 'research-bot' }])
  t.match(await call('sessions.create', { key: 'agent:research-bot:notes' }), { key: 'agent:research-bot:notes' }, 'it can be talked to')

  t.equal(contractProblem('AgentsUpdateResult', await call('agents.update', { agentId: 'Research-Bot', name: 'Res', model: null, emoji: '' })), undefined)
  const changed = (await call('agents.list')).agents[1]
  t.match(changed, { id: 'research-bot', name: 'Res', identity: { name: 'Res' } })
  t.notOk('emoji' in changed.identity)

  const trashDir = join(gateway.stateDir, 'trash')
  const monthMs = 31 * 24 * 3_600_000
  for (const name of [`workspace-old-${Date.now() - monthMs}`, 'workspace-mine']) mkdirSync(join(trashDir, name), { recursive: true })
  const gone = await call('agents.delete', { agentId: 'research-bot' })
  t.equal(contractProblem('AgentsDeleteResult', gone), undefined)
  t.match(gone, { removedBindings: 0, removed: [{ method: 'trash' }], failed: [] })
  t.notOk(existsSync(made.workspace))
  t.match(readdirSync(trashDir).sort(), ['workspace-mine', /^workspace-research-bot-\d+$/], 'nothing is lost but what was lost a month ago')
  t.same((await call('sessions.list')).sessions.filter(({ key }: { key: string }) => key.includes('research-bot')), [])
  t.match(text(), /mine, do not touch/)
})

t.test('names, models and agents that will not do are refused with the way out', async t => {
  const { refused, call } = await withFile(t, { agents: { entries: { main: {}, ops: { default: true } } } })
  t.match(await refused('agents.create', { name: '!!!' }), { code: 'INVALID_REQUEST', message: /has no character for an id/ })
  t.match(await refused('agents.create', { name: 'OPS' }), { message: 'agent "ops" already exists', details: { code: 'AGENT_EXISTS' } })
  t.match(await refused('agents.create', { name: 'constructor' }), { message: /reserved/ })
  t.match(await refused('agents.create', { name: 'x', model: 'nobody/knows' }), { message: /nobody serves the model "nobody\/knows"/ })
  t.match(await refused('agents.update', { agentId: 'nope', name: 'x' }), { message: 'agent "nope" not found', details: { code: 'AGENT_UNKNOWN', nextStep: /openclaw agents list/ } })
  t.match(await refused('agents.delete', { agentId: 'ops' }), { message: /default agent/, details: { code: 'AGENT_PROTECTED' } })
  await call('agents.delete', { agentId: 'main' })
  t.match(await refused('agents.delete', { agentId: 'ops' }), { message: 'agent "ops" is the only configured agent and cannot be deleted' })
})

t.test('agents that are written as a list stay one, and the rules that led to a deleted one go with it', async t => {
  const { call, text } = await withFile(t, {
    agents: { list: [{ id: 'main' }, { id: 'a', model: { primary: 'echo/echo', fallbacks: ['openai/gpt-4o'] } }] },
    bindings: [{ agentId: 'a', match: { channel: 'x' } }, { agentId: 'main', match: { channel: 'y' } }, { agentId: 'a', match: { channel: 'z' } }]
  })
  await call('agents.create', { name: 'b' })
  await call('agents.update', { agentId: 'a', model: 'openai/gpt-4o-mini' })
  const written = JSON.parse(text())
  t.match(written.agents.list, [{ id: 'main' }, { id: 'a', model: { primary: 'openai/gpt-4o-mini', fallbacks: ['openai/gpt-4o'] } }, { id: 'b' }])
  t.notOk(written.agents.entries)
  t.match(await call('agents.delete', { agentId: 'a' }), { removedBindings: 2 })
  const left = JSON.parse(text())
  t.match(left.agents.list.map(({ id }: { id: string }) => id), ['main', 'b'])
  t.same(left.bindings, [{ agentId: 'main', match: { channel: 'y' } }])
})

t.test('what others write into the file meanwhile is kept, and takes effect with the change', async t => {
  const { call, file, text, gateway } = await withFile(t)
  const edited = JSON.parse(text())
  edited.gateway.pairing = { maxPending: 7 }
  writeFileSync(file, JSON.stringify(edited))
  await Promise.all([call('agents.create', { name: 'one' }), call('agents.create', { name: 'two' }), call('agents.create', { name: 'three' })])
  t.same(JSON.parse(text()).gateway.pairing, { maxPending: 7 })
  t.same(Object.keys(JSON.parse(text()).agents.entries).sort(), ['main', 'one', 'three', 'two'])
  t.equal(gateway.gateway.rooms.config().config.gateway.pairing.maxPending, 7)
})

t.test('a file that is broken is not written over', async t => {
  const { refused, file, text } = await withFile(t)
  writeFileSync(file, '{ "agents": ')
  t.match(await refused('agents.create', { name: 'one' }), { details: { code: 'CONFIG_INVALID' } })
  t.equal(text(), '{ "agents": ')
})

t.test('no agent is written into a file that has gone: all else that stood there would be lost', async t => {
  const { call, refused, file } = await withFile(t)
  const before = readFileSync(file)
  rmSync(file)
  t.match(await refused('agents.create', { name: 'one' }), { code: 'INVALID_REQUEST', message: /is gone; the gateway goes on with what it has/ })
  t.notOk(existsSync(file))
  writeFileSync(file, before, { mode: 0o600 })
  await call('agents.create', { name: 'one' })
})

t.test('directories that others need stay when an agent is deleted', async t => {
  const { call, gateway } = await withFile(t)
  const shared = join(gateway.stateDir, 'workspace')
  mkdirSync(shared, { recursive: true })
  for (const [name, workspace] of Object.entries({ twin: shared, home: gateway.stateDir, root: '/' })) {
    await call('agents.create', { name, workspace })
    t.match(await call('agents.delete', { agentId: name }), { removed: [], failed: [{ path: workspace, reason: /is or holds/ }] }, name)
  }
  t.ok(existsSync(shared))
  await call('agents.create', { name: 'kept' })
  t.match(await call('agents.delete', { agentId: 'kept', deleteFiles: false }), { removed: [] })
  t.ok(existsSync(join(gateway.stateDir, 'workspace-kept')))
})

t.test('an identity is what the configuration says, else what the workspace says, else a plain one', async t => {
  const { call, gateway, refused } = await withFile(t, { agents: { entries: { main: {}, iris: { identity: { name: 'Iris', avatar: 'face.png' } } } } })
  const main = join(gateway.stateDir, 'workspace')
  const identity = async (params: object) => {
    const answer = await call('agent.identity.get', params)
    t.equal(contractProblem('AgentIdentityResult', answer), undefined)
    return answer
  }
  t.match(await identity({}), { agentId: 'main', name: 'Assistant', nameSource: 'default', avatar: 'A' })
  mkdirSync(main, { recursive: true })
  writeFileSync(join(main, 'IDENTITY.md'), '# Who I am\n\n- **Name:** Otto\n- **Emoji:** 🦦\n- **Avatar:** _(a path)_\n')
  t.match(await identity({ sessionKey: 'agent:main:main' }), { name: 'Otto', nameSource: 'workspace', emoji: '🦦', avatarStatus: 'none' })
  t.match(await identity({ agentId: 'iris' }), { name: 'Iris', nameSource: 'agent', avatar: 'I', avatarReason: 'missing' })
  mkdirSync(join(gateway.stateDir, 'workspace-iris'))
  writeFileSync(join(gateway.stateDir, 'workspace-iris', 'face.png'), 'png')
  t.match(await identity({ agentId: 'iris' }), { avatar: 'data:image/png;base64,cG5n', avatarStatus: 'local', avatarSource: 'face.png' })
  t.match(await refused('agent.identity.get', { agentId: 'nope' }), { details: { code: 'AGENT_UNKNOWN' } })
})

t.test('deleting an agent ends what it is doing', async t => {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  vendor.script = { hangAfter: 0 }
  const { call, client, gateway } = await withFile(t, {
    models: { providers: { local: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'zero' }] } } },
    agents: { entries: { main: {}, busy: { model: 'local/zero' } } }
  })
  await client.request('chat.send', { sessionKey: 'agent:busy:main', message: 'one', idempotencyKey: 'b1' })
  await client.request('chat.send', { sessionKey: 'agent:busy:main', message: 'two', queueMode: 'followup', idempotencyKey: 'b2' })
  t.match(gateway.gateway.rooms.runs.active(), [{ sessionKey: 'agent:busy:main' }])
  t.match(await call('agents.delete', { agentId: 'busy' }), { failed: [], purgeFailed: undefined })
  t.same(gateway.gateway.rooms.runs.active(), [])
  t.match(await client.frame(frame => frame.event === 'chat' && frame.payload.state === 'aborted'), { payload: { runId: 'b1' } })
  t.same((await call('sessions.list')).sessions, [])
  t.match(await client.request('chat.send', { sessionKey: 'agent:busy:main', message: 'x', idempotencyKey: 'b3' }), { ok: false, error: { message: /unknown agent id/ } })
  await call('agents.create', { name: 'busy' })
  t.match((await call('chat.history', { sessionKey: 'agent:busy:main' })).messages, [], 'a new one of the same name knows nothing of it')
})

t.test('presence tells who is at work, who waits, and whose program went away', async t => {
  const { call, gateway, client } = await withFile(t, { agents: { entries: { main: {}, far: { runtime: 'external' } } } })
  t.match(await call('agents.presence'), { agents: [{ id: 'main', runtime: 'internal', state: 'idle' }, { id: 'far', runtime: 'external', state: 'offline' }] })
  const runtime = await admitted(gateway.url)
  await runtime.client.request('agents.runtime.register', { agentId: 'far' })
  await client.request('chat.send', { sessionKey: 'agent:far:main', message: 'hello', idempotencyKey: 'k1' })
  await runtime.client.event('agent.run.request')
  t.match((await call('agents.presence')).agents[1], { state: 'online', activeRuns: 1 })
  await closeClient(runtime.client)
  t.match(await eventually(async () => (await call('agents.presence')).agents[1], ({ state }) => state !== 'online'), { state: 'crashed' })
})
