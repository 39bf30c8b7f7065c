/** Two programs on one gateway. Whatever one of them calls, and whatever it knows of the other, it meets nothing of it. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { methodTable } from '../../src/methods/index.ts'
import { makeKey, programClient, say, type Program } from '../flows/key-scene.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'

interface Schema { type?: string, const?: unknown, anyOf?: Schema[], properties?: { [name: string]: Schema }, required?: string[], items?: Schema, minimum?: number }

/** What there is of one program, or of one that never was. */
interface Ids {
  readonly key: string
  readonly sessionId: string
  readonly runId: string
  readonly messageId: string
  readonly label: string
  readonly idempotencyKey: string
}

const everyRight = ['operator.write', 'operator.approvals', 'operator.questions', 'operator.pairing', 'operator.talk.secrets']

/** Fields by which a request names something of somebody. */
const namings: { readonly [field: string]: (ids: Ids) => unknown } = {
  key: ({ key }) => key,
  sessionKey: ({ key }) => key,
  parentSessionKey: ({ key }) => key,
  spawnedBy: ({ key }) => key,
  activeKey: ({ key }) => key,
  sourceSessionKey: ({ key }) => key,
  keys: ({ key }) => [key],
  sessionKeys: ({ key }) => [key],
  targets: ({ key }) => [{ key }],
  reference: ({ key }) => ({ key }),
  sessionId: ({ sessionId }) => sessionId,
  expectedSessionId: ({ sessionId }) => sessionId,
  shortId: ({ sessionId }) => sessionId.slice(0, 8),
  runId: ({ runId }) => runId,
  inputRunIds: ({ runId }) => [runId],
  messageId: ({ messageId }) => messageId,
  label: ({ label }) => label,
  search: ({ label }) => label,
  idempotencyKey: ({ idempotencyKey }) => idempotencyKey
}

function plain (schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf) return plain(schema.anyOf[0]!)
  switch (schema.type) {
    case 'string': return 'x'
    case 'integer':
    case 'number': return Math.max(1, schema.minimum ?? 1)
    case 'boolean': return true
    case 'array': return schema.items ? [plain(schema.items)] : []
    case 'object': return Object.fromEntries((schema.required ?? []).map(name => [name, plain(schema.properties![name]!)]))
    default: return null
  }
}

/** Requests that name this program in one way each, and in all ways together. */
function requestsFor (schema: Schema, ids: Ids): object[] {
  const named = Object.keys(schema.properties ?? {}).filter(name => Object.hasOwn(namings, name))
  const base = {
    ...plain({ ...schema, type: 'object' }) as object,
    ...(schema.properties?.['timeoutMs'] ? { timeoutMs: 1 } : {})
  }
  const needed = Object.fromEntries(named.filter(name => schema.required?.includes(name)).map(name => [name, namings[name]!(ids)]))
  const one = (name: string): object => ({ ...base, ...needed, [name]: namings[name]!(ids) })
  if (named.length === 0) return [base]
  return [...named.map(one), Object.assign({}, ...named.map(one))]
}

/** What an answer says, whoever was named in it and whenever it was given. */
function wordsOf ({ id: _id, ...answer }: Frame, { key, sessionId, runId, messageId, label, idempotencyKey }: Ids): string {
  let text = JSON.stringify(answer)
  for (const [index, name] of [key, sessionId, sessionId.slice(0, 8), runId, messageId, label, idempotencyKey].entries()) text = text.replaceAll(name, `<${index}>`)
  return text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>').replace(/\d{6,}|(?<="(?:durationMs|runtimeMs|age)":)\d+/g, '<time>')
}

const canary = 'zanzibar'

async function begin (client: TestClient, { id }: Program): Promise<Ids> {
  const key = `agent:main:key:${id}:notes`
  const { runId } = await say(client, 'notes', `tell nobody of ${canary}`, 'job-17')
  const patched = await client.request('sessions.patch', { key: 'notes', label: `label-${canary}` })
  if (!patched.ok) throw new Error(JSON.stringify(patched.error))
  const { payload } = await client.request('chat.history', { sessionKey: 'notes' })
  return {
    key,
    sessionId: payload.sessionId,
    runId,
    messageId: payload.messages[0].__openclaw?.id ?? payload.messages[0].id ?? 'none',
    label: `label-${canary}`,
    idempotencyKey: 'job-17'
  }
}

t.test('no method tells one program anything of another, not even that there is something', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const [victim, spy, nobody] = [await makeKey(admin, 'victim', { scopes: everyRight }), await makeKey(admin, 'spy', { scopes: everyRight }), await makeKey(admin, 'nobody')]
  const { client: own } = await programClient(gateway, victim)
  const { client } = await programClient(gateway, spy)
  const theirs = await begin(own, victim)
  const none: Ids = {
    key: `agent:main:key:${nobody.id}:notes`,
    sessionId: randomUUID(),
    runId: `${nobody.id}.job-17`,
    messageId: randomUUID(),
    label: 'label-nowhere',
    idempotencyKey: 'job-18'
  }
  await client.request('sessions.subscribe', {})
  t.match(await client.request('sessions.list', { archived: 'all' }), { payload: { count: 0, totalCount: 0, path: '[redacted]' } })
  t.match(await client.request('sessions.usage', { range: 'all' }), { payload: { sessions: [], totals: { totalTokens: 0 }, aggregates: { byAgent: [] } } })
  t.match(await client.request('usage.cost', {}), { payload: { totals: { totalTokens: 0 } } })
  t.match(await client.request('sessions.search', { query: canary }), { payload: { results: [] } })
  t.match(await own.request('usage.cost', {}), { payload: { totals: { totalTokens: /[1-9]/ } } }, 'while whoever used something sees that')
  let asked = 0
  for (const [method, { params }] of Object.entries(methodTable)) {
    const fictitious = requestsFor(params as Schema, none)
    for (const [index, request] of requestsFor(params as Schema, theirs).entries()) {
      const answer = await client.request(method, request, 10_000)
      const other = await client.request(method, fictitious[index]!, 10_000)
      t.notMatch(JSON.stringify(answer).replaceAll(theirs.label, ''), new RegExp(canary), `${method} ${JSON.stringify(request)}`)
      t.equal(wordsOf(answer, theirs), wordsOf(other, none), `${method} ${JSON.stringify(request)}`)
      // Whoever keeps asking for what belongs to nodes is shown out.
      if (/role/.test(answer.error?.message ?? '')) await client.request('health')
      asked++
    }
  }
  t.ok(asked > 200, `${asked} requests`)
  t.match(await own.request('sessions.describe', { key: 'notes' }), { payload: { session: { sessionId: theirs.sessionId, label: theirs.label, archived: false } } }, 'and it changed nothing')
  t.equal((await own.request('chat.history', { sessionKey: 'notes' })).payload.messages.length, 2)
  for (const frame of client.frames) {
    if (frame.type === 'event') t.notMatch(JSON.stringify(frame).replaceAll(theirs.label, ''), new RegExp(`${canary}|${victim.id}`))
  }
  await Promise.all([admin, own, client].map(closeClient))
})

t.test('no event of one program reaches another, whatever it follows', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const [victim, spy] = [await makeKey(admin, 'victim'), await makeKey(admin, 'spy', { scopes: everyRight })]
  const { client: own } = await programClient(gateway, victim)
  const { client } = await programClient(gateway, spy)
  const key = `agent:main:key:${victim.id}:notes`
  await client.request('sessions.subscribe', {})
  await own.request('sessions.subscribe', {})
  for (const name of [key, 'notes', 'main', 'agent:main:main']) {
    await client.request('sessions.messages.subscribe', { key: name })
    await client.request('sessions.viewers.set', { sessionKeys: [name] })
  }
  const { runId } = await say(own, 'notes', `tell nobody of ${canary}`, 'job-17')
  await own.request('sessions.patch', { key: 'notes', label: canary })
  await own.request('sessions.create', { key: 'more', label: `${canary} again` })
  await say(admin, 'main', `operators talk of ${canary}`, 'job-18')
  await admin.request('sessions.delete', { key })
  await say(client, 'own', 'hello', 'job-19')
  // What everybody hears now and then says nothing of anybody.
  const events = client.frames.filter(({ type, event }) => type === 'event' && event !== 'tick' && event !== 'health')
  for (const frame of events) t.notMatch(JSON.stringify(frame), new RegExp(`${canary}|${victim.id}`), frame.event)
  t.same([...new Set(events.map(({ event }) => event))].sort(), ['agent', 'chat', 'connect.challenge', 'session.message', 'sessions.changed'].sort(), 'it hears of its own')
  t.ok(await own.frame(({ event, payload }) => event === 'chat' && payload.runId === runId && payload.state === 'final'), 'and so does the other one')
  t.ok(await own.frame(({ event, payload }) => event === 'sessions.changed' && payload.reason === 'delete' && payload.sessionKey === key), 'of the end of its conversation, too')
  await Promise.all([admin, own, client].map(closeClient))
})

t.test('an agent that works for one program tells it nothing of the conversations of others', async t => {
  const gateway = await startGateway(t, { config: { tools: { sessions: { visibility: 'all' } }, gateway: { tools: { allow: ['sessions_send', 'sessions_spawn'] } } } })
  const { client: admin } = await admitted(gateway.url)
  const [victim, spy] = [await makeKey(admin, 'victim'), await makeKey(admin, 'spy')]
  const { client: own } = await programClient(gateway, victim)
  const { client } = await programClient(gateway, spy)
  const theirs = await begin(own, victim)
  await say(admin, 'main', `operators talk of ${canary}`, 'job-18')
  await say(client, 'own', 'hello', 'job-19')
  const call = async (name: string, args: object): Promise<string> =>
    JSON.stringify((await client.request('tools.invoke', { name, args, sessionKey: 'own' }, 10_000)).payload)
  for (const name of [theirs.key, theirs.sessionId, 'main', 'agent:main:main', 'agent:main:nowhere']) {
    for (const [tool, args] of [['sessions_history', { sessionKey: name }], ['session_status', { sessionKey: name }], ['sessions_send', { sessionKey: name, message: 'x' }]] as const) {
      const said = await call(tool, args)
      t.notMatch(said, new RegExp(canary), `${tool} ${name}`)
      t.match(said, /No session found|out of reach|not available|forbidden/i, `${tool} ${name}: ${said}`)
    }
  }
  for (const [tool, args] of [['sessions_list', {}], ['sessions_search', { query: canary }], ['subagents', { action: 'list' }]] as const) {
    const said = await call(tool, args)
    t.notMatch(said, new RegExp(`${canary}"|operators|${victim.id}`), tool)
  }
  t.match(await call('sessions_list', {}), new RegExp(`agent:main:key:${spy.id}:own`), 'its own is there')
  await Promise.all([admin, own, client].map(closeClient))
})
