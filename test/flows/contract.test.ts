/** Every method of a conversation, asked with parameters of the contract, answers with what the contract says; so does every event. */
import t from 'tap'
import { methods } from '../../src/methods/index.ts'
import { contractProblem, protocolSchema } from '../contract.ts'
import { admitted, closeClient, startGateway, type Frame } from '../helper.ts'

const key = 'agent:main:walk'
const namespaces = /^(sessions|chat|agent|agents|models|usage|commands)(\.|$)/

interface Step {
  readonly method: string
  readonly params: object
  /** Definitions of the contract; absent where it has none. */
  readonly asked?: string
  readonly answered?: string
  /** The part of the answer that has a definition. */
  readonly part?: (payload: Frame) => unknown
  /** Where it has none: what clients read. */
  readonly like?: object
}

const step = (method: string, params: object, asked?: string, answered?: string): Step => ({ method, params, asked, answered })
const like = (method: string, params: object, asked: string | undefined, shape: object): Step => ({ method, params, asked, like: shape })

/** In the order of a life: a conversation begins, is read, changed, counted and cleared away. */
const walk: readonly Step[] = [
  step('sessions.create', { key, label: 'walk' }, 'SessionsCreateParams', 'SessionsCreateResult'),
  like('sessions.subscribe', {}, undefined, { subscribed: true }),
  like('sessions.messages.subscribe', { key }, 'SessionsMessagesSubscribeParams', { subscribed: true, key }),
  step('sessions.viewers.set', { sessionKeys: [key] }, 'SessionsViewerPresenceSetParams', 'SessionsViewerPresenceSetResult'),
  step('sessions.observer.visibility', { visible: true }, 'SessionsObserverVisibilityParams', 'SessionsObserverVisibilityResult'),
  like('chat.send', { sessionKey: key, message: 'hello', idempotencyKey: 'walk-1' }, 'ChatSendParams', { runId: 'walk-1', status: 'started' }),
  like('agent.wait', { runId: 'walk-1', timeoutMs: 10_000 }, 'AgentWaitParams', { runId: 'walk-1', status: 'ok' }),
  like('agent', { sessionKey: key, message: 'and again', idempotencyKey: 'walk-2' }, 'AgentParams', { runId: 'walk-2', status: 'accepted', acceptedAt: Number }),
  like('agent.wait', { runId: 'walk-2', timeoutMs: 10_000 }, 'AgentWaitParams', { status: 'ok' }),
  like('sessions.send', { key, message: 'a third time', idempotencyKey: 'walk-3' }, 'SessionsSendParams', { runId: 'walk-3', status: 'started' }),
  like('agent.wait', { runId: 'walk-3', timeoutMs: 10_000 }, 'AgentWaitParams', { status: 'ok' }),
  like('sessions.steer', { key, message: 'a fourth', idempotencyKey: 'walk-4' }, undefined, { runId: 'walk-4', status: 'started' }),
  like('agent.wait', { runId: 'walk-4', timeoutMs: 10_000 }, 'AgentWaitParams', { status: 'ok' }),
  like('sessions.abort', { key }, 'SessionsAbortParams', { ok: true, status: 'no-active-run' }),
  like('chat.abort', { sessionKey: key }, 'ChatAbortParams', { ok: true, aborted: false, runIds: [] }),
  like('chat.inject', { sessionKey: key, message: 'a note', label: 'note' }, 'ChatInjectParams', { ok: true, messageId: String }),
  like('chat.history', { sessionKey: key, limit: 10 }, 'ChatHistoryParams', { sessionKey: key, messages: Array }),
  like('chat.startup', { sessionKey: key, limit: 10, maxBytes: 100_000 }, undefined, { messages: Array }),
  like('chat.metadata', { sessionKey: key }, 'ChatMetadataParams', { models: Array, commands: Array }),
  step('chat.toolTitles', { sessionKey: key, items: [{ id: 'x', name: 'exec', input: 'ls' }] }, 'ChatToolTitlesParams', 'ChatToolTitlesResult'),
  like('sessions.list', { limit: 10 }, 'SessionsListParams', { ts: Number, count: Number, totalCount: Number, sessions: [{ key }], defaults: Object }),
  { ...step('sessions.describe', { key }, 'SessionsDescribeParams', 'SessionRow'), part: ({ session }) => session },
  like('sessions.get', { key }, undefined, { messages: Array }),
  step('sessions.resolve', { key }, 'SessionsResolveParams', 'SessionsResolveResult'),
  like('sessions.preview', { keys: [key] }, 'SessionsPreviewParams', { ts: Number, previews: [{ key, status: 'ok', items: Array }] }),
  step('sessions.search', { query: 'hello' }, 'SessionsSearchParams', 'SessionsSearchResult'),
  step('sessions.branches.list', { sessionKey: key }, 'SessionsBranchesListParams', 'SessionsBranchesListResult'),
  like('sessions.patch', { key, label: 'walked', pinned: true }, 'SessionsPatchParams', { ok: true, key, entry: Object, resolved: Object }),
  step('sessions.patchMany', { targets: [{ key }], patch: { unread: true } }, 'SessionsPatchManyParams', 'SessionsPatchManyResult'),
  step('sessions.groups.put', { names: ['work'] }, 'SessionsGroupsPutParams', 'SessionsGroupsMutationResult'),
  step('sessions.groups.update', { name: 'work', cwd: null, worktree: false }, 'SessionsGroupsUpdateParams', 'SessionsGroupsUpdateResult'),
  step('sessions.groups.defaults', {}, 'SessionsGroupsDefaultsParams', 'SessionsGroupsDefaultsResult'),
  step('sessions.groups.list', {}, 'SessionsGroupsListParams', 'SessionsGroupsListResult'),
  step('sessions.groups.rename', { name: 'work', to: 'labour' }, 'SessionsGroupsRenameParams', 'SessionsGroupsMutationResult'),
  step('sessions.groups.delete', { name: 'labour' }, 'SessionsGroupsDeleteParams', 'SessionsGroupsMutationResult'),
  like('sessions.usage', { limit: 10 }, 'SessionsUsageParams', { sessions: Array, totals: Object }),
  like('sessions.usage.timeseries', { key }, undefined, {}),
  like('sessions.usage.logs', { key }, undefined, { logs: Array }),
  like('usage.status', {}, undefined, { providers: Array }),
  like('usage.cost', {}, undefined, { daily: Array, totals: Object, days: Number, updatedAt: Number }),
  step('agents.list', {}, 'AgentsListParams', 'AgentsListResult'),
  like('agents.presence', {}, undefined, { agents: [{ id: 'main', state: String }] }),
  step('agent.identity.get', { sessionKey: key }, 'AgentIdentityParams', 'AgentIdentityResult'),
  step('agents.create', { name: 'Walker' }, 'AgentsCreateParams', 'AgentsCreateResult'),
  step('agents.update', { agentId: 'walker', name: 'Runner' }, 'AgentsUpdateParams', 'AgentsUpdateResult'),
  step('agents.files.set', { agentId: 'walker', name: 'SOUL.md', content: '# Soul' }, 'AgentsFilesSetParams', 'AgentsFilesSetResult'),
  step('agents.files.get', { agentId: 'walker', name: 'SOUL.md' }, 'AgentsFilesGetParams', 'AgentsFilesGetResult'),
  step('agents.files.list', { agentId: 'walker' }, 'AgentsFilesListParams', 'AgentsFilesListResult'),
  step('agents.workspace.list', { agentId: 'walker' }, 'AgentsWorkspaceListParams', 'AgentsWorkspaceListResult'),
  step('agents.workspace.get', { agentId: 'walker', path: 'SOUL.md' }, 'AgentsWorkspaceGetParams', 'AgentsWorkspaceGetResult'),
  step('agents.delete', { agentId: 'walker' }, 'AgentsDeleteParams', 'AgentsDeleteResult'),
  step('models.list', {}, 'ModelsListParams', 'ModelsListResult'),
  like('models.authStatus', {}, 'ModelsAuthStatusParams', { providers: Array }),
  step('models.probe', { provider: 'echo' }, 'ModelsProbeParams', 'ModelsProbeResult'),
  step('commands.list', {}, 'CommandsListParams', 'CommandsListResult'),
  like('sessions.compact', { key }, 'SessionsCompactParams', { ok: true, key }),
  like('sessions.cleanup', {}, 'SessionsCleanupParams', {}),
  like('sessions.messages.unsubscribe', { key }, 'SessionsMessagesUnsubscribeParams', { subscribed: false, key }),
  like('sessions.reset', { key }, 'SessionsResetParams', { ok: true, key, entry: Object }),
  step('sessions.delete', { key }, 'SessionsDeleteParams', 'SessionsDeleteResult')
]

/** What the existing gateway sends (2026.9.6) and the published definitions (2026.9.1) do not know yet. */
function asPublished (definition: string, value: any): unknown {
  if (definition === 'AgentEvent') {
    const { sessionKey, sessionId, agentId, ...known } = value
    return known
  }
  if (definition !== 'AgentsFilesGetResult' && definition !== 'AgentsFilesSetResult') return value
  const { hash, ...file } = value.file
  return { ...value, file }
}

/** Asked where they can be answered: chat.message.get below, with an id; runtimes by their own tests, which connect one. */
const elsewhere = new Set(['sessions', 'chat.message.get', 'agents.runtime.register', 'agents.runtime.unregister', 'agents.runtime.update'])

t.test('each answer fits the contract, and each request is one of the contract', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  for (const { method, params, asked, answered, part, like: shape } of walk) {
    if (asked) t.equal(contractProblem(asked, params), undefined, `${method}: what is asked`)
    const { ok, payload, error } = await client.request(method, params, 15_000)
    if (!ok) t.fail(`${method} is answered`, { error })
    else if (answered) t.equal(contractProblem(answered, asPublished(answered, part ? part(payload) : payload)), undefined, `${method}: ${JSON.stringify(payload).slice(0, 300)}`)
    else t.match(payload, shape!, method)
  }
  const events = client.frames.filter(({ type }) => type === 'event')
  const definitions = { chat: 'ChatEvent', agent: 'AgentEvent' } as const
  for (const [event, definition] of Object.entries(definitions)) {
    const problems = events.filter(frame => frame.event === event).map(({ payload }) => contractProblem(definition, asPublished(definition, payload)))
    t.ok(problems.length > 10, `${event} was told`)
    t.same([...new Set(problems)], [undefined], event)
  }
  const rows = events.filter(({ event, payload }) => (event === 'sessions.changed' || event === 'session.message') && payload.session).map(({ payload }) => payload.session)
  t.ok(rows.length > 5)
  t.same([...new Set(rows.map(row => contractProblem('SessionRow', row)))], [undefined])
  await closeClient(client)
})

t.test('one message is read whole by its id, and a cursor catches up, as the contract has it', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: 'one message', idempotencyKey: 'one' })
  await client.request('agent.wait', { runId: 'one', timeoutMs: 10_000 })
  const { messages, deltaCursor } = (await client.request('chat.history', { sessionKey: key })).payload
  const params = { sessionKey: key, messageId: messages[0].__openclaw.id }
  t.equal(contractProblem('ChatMessageGetParams', params), undefined)
  t.equal(contractProblem('ChatMessageGetResult', (await client.request('chat.message.get', params)).payload), undefined)
  await client.request('chat.inject', { sessionKey: key, message: 'meanwhile' })
  const delta = (await client.request('chat.history', { sessionKey: key, cursor: deltaCursor })).payload
  t.equal(contractProblem('ChatHistoryCursorResult', delta), undefined)
  await closeClient(client)
})

t.test('every method of these namespaces that is served takes part in the walk', async t => {
  const served = Object.entries(methods).filter(([name, method]) => namespaces.test(name) && !('placeholder' in method && method.placeholder)).map(([name]) => name)
  const walked = new Set([...walk.map(({ method }) => method), ...elsewhere])
  t.same(served.filter(name => !walked.has(name)), [])
  t.ok(served.length > 50)
  const named = [...walk.map(({ asked }) => asked), ...walk.map(({ answered }) => answered)].filter(name => name !== undefined)
  t.same(named.filter(name => !protocolSchema().definitions[name]), [], 'and the contract has every definition that is named')
})
