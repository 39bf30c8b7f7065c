import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect as tcpConnect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Type } from '../../src/protocol/type.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { ToolBlocked } from '../../src/tools/invocation.ts'
import type { Tool, ToolContext } from '../../src/tools/tool.ts'
import { admitted, closeClient, startGateway, testToken } from '../helper.ts'
import { tool } from '../tools/policy-scene.ts'

// Each has a gateway of its own, and one of them waits for the time that a slow request has: the others go on meanwhile.
t.jobs = 4

type Gateway = Awaited<ReturnType<typeof startGateway>>
interface Call { args: unknown, context: ToolContext }
interface Answer { status: number, headers: Headers, body: any }

const authorization = `Bearer ${testToken}`

async function invoke (gateway: Gateway, body: unknown, headers: { [name: string]: string } = {}, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${gateway.http}/tools/invoke`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: /^[[{]/.test(text) ? JSON.parse(text) : text }
}

/** Tools whose calls can be counted. */
function extra (calls: Call[]): Tool[] {
  const params = Type.Object({ action: Type.Optional(Type.String()), text: Type.Optional(Type.String()) })
  const common = { description: 'Test.', params, groups: ['test'], capability: 'session.read', reach: 'anywhere', effects: true } as const
  return [
    defineTool({
      ...common,
      name: 'count',
      aliases: ['tally'],
      async run (args, context) {
        calls.push({ args, context })
        return { content: [{ type: 'text', text: `call ${calls.length}` }], details: { calls: calls.length, args } }
      }
    }),
    defineTool({ ...common, name: 'plainly', params: Type.Object({}), run: async () => ({ content: [{ type: 'text', text: 'only text' }] }) }),
    defineTool({ ...common, name: 'breaks', run: async () => { throw new Error('the canary of the cause') } }),
    defineTool({ ...common, name: 'asks', run: async () => { throw new ToolBlocked('a person must agree first', { requiresApproval: true }) } })
  ]
}

async function open (t: Parameters<typeof startGateway>[0], config: { [section: string]: unknown } = {}) {
  const gateway = await startGateway(t, { config })
  const calls: Call[] = []
  await gateway.gateway.rooms.tools.registry().then(registry => registry.add(extra(calls)))
  return { gateway, calls }
}

t.test('a call answers with content and details', async t => {
  const { gateway } = await open(t)
  const { status, headers, body } = await invoke(gateway, { tool: 'count', args: { text: 'x' } })
  t.equal(status, 200)
  t.match(headers.get('content-type'), /^application\/json/)
  t.equal(headers.get('cache-control'), 'no-store')
  t.same(body, { ok: true, result: { content: [{ type: 'text', text: 'call 1' }], details: { calls: 1, args: { text: 'x' } } } })
})

t.test('a tool is found by name or alias in any case, and name wins over tool', async t => {
  const { gateway } = await open(t)
  for (const name of ['COUNT', ' Count ', 'tally', 'TaLLy']) t.equal((await invoke(gateway, { tool: name })).status, 200, name)
  t.match((await invoke(gateway, { tool: 'nosuch', name: 'plainly' })).body, { ok: true, result: { content: [{ text: 'only text' }] } })
  t.match((await invoke(gateway, { tool: 'plainly', name: 'nosuch' })).body, { ok: false, error: { message: 'Tool not available: nosuch' } })
})

t.test('action beside the arguments becomes one where the tool has it and none is given', async t => {
  const { gateway, calls } = await open(t)
  await invoke(gateway, { tool: 'count', action: 'list' })
  await invoke(gateway, { tool: 'count', action: 'list', args: { action: 'own' } })
  t.same(calls.map(({ args }) => args), [{ action: 'list' }, { action: 'own' }])
  t.equal((await invoke(gateway, { tool: 'plainly', action: 'json' })).status, 200)
})

t.test('the session is main unless another is named, and the agent must agree with it', async t => {
  const { gateway, calls } = await open(t, { agents: { entries: { main: {}, desk: {} } } })
  await invoke(gateway, { tool: 'count' })
  await invoke(gateway, { tool: 'count', sessionKey: 'main', agentId: 'desk' })
  await invoke(gateway, { tool: 'count', sessionKey: 'agent:desk:notes' })
  t.same(calls.map(({ context }) => [context.sessionKey, context.agentId]),
    [['agent:main:main', 'main'], ['agent:desk:main', 'desk'], ['agent:desk:notes', 'desk']])
  for (const place of [{ sessionKey: 'agent:desk:notes', agentId: 'main' }, { agentId: 'nobody' }, { sessionKey: '../x' }]) {
    const { status, body: { error } } = await invoke(gateway, { tool: 'count', ...place })
    t.equal(status, 400)
    t.equal(error.type, 'invalid_request')
  }
  t.equal(calls.length, 3)
})

t.test('the tool hears where the program says that the conversation goes on', async t => {
  const { gateway, calls } = await open(t)
  const headers = { 'message-channel': 'slack', 'account-id': 'work', 'message-to': 'C1', 'thread-id': '7' }
  await invoke(gateway, { tool: 'count' }, Object.fromEntries(Object.entries(headers).map(([name, value]) => [`x-openclaw-${name}`, value])))
  await invoke(gateway, { tool: 'count' })
  t.same(calls.map(({ context }) => context.delivery), [{ channel: 'slack', accountId: 'work', to: 'C1', threadId: '7' }, undefined])
})

t.test('what is wrong with a request is said, and nothing is carried out', async t => {
  const { gateway, calls } = await open(t)
  const cases: Array<[unknown, RegExp, string]> = [
    [{}, /^tools\.invoke requires name$/, 'invalid_request'],
    [{ tool: '  ' }, /^tools\.invoke requires name$/, 'invalid_request'],
    [{ tool: 7 }, /^tool must be a string$/, 'invalid_request'],
    [{ tool: 'count', args: [] }, /^args must be an object$/, 'invalid_request'],
    [{ tool: 'count', args: 'x' }, /^args must be an object$/, 'invalid_request'],
    [{ tool: 'count', sessionKey: 1 }, /^sessionKey must be a string$/, 'invalid_request'],
    [{ tool: 'count', dryRun: 'yes' }, /^dryRun must be true or false$/, 'invalid_request'],
    [{ tool: 'count', idempotencyKey: 'k'.repeat(600) }, /longer than 512/, 'invalid_request'],
    [[1], /must be a JSON object/, 'invalid_request'],
    [{ tool: 'count', args: { text: 7 } }, /^count: text must be string/, 'tool_error'],
    [{ tool: 'count', args: { texts: 'x' } }, /^count: texts is not an argument/, 'tool_error']
  ]
  for (const [body, message, type] of cases) {
    const answer = await invoke(gateway, body)
    t.equal(answer.status, 400, JSON.stringify(body).slice(0, 60))
    t.equal(answer.body.ok, false)
    t.equal(answer.body.error.type, type)
    t.match(answer.body.error.message, message)
    t.ok(answer.body.error.nextStep)
  }
  for (const body of ['{"tool":', '', 'null{', '{"tool":"count","__proto__":{"x":1}}', '{"tool":"count","args":{"constructor":{"prototype":{"x":1}}}}']) {
    const answer = await invoke(gateway, body)
    t.equal(answer.status, 400, body)
  }
  t.equal(({} as { x?: unknown }).x, undefined)
  t.equal(calls.length, 0)
})

t.test('broken JSON has the body of the OpenAI routes', async t => {
  const { gateway } = await open(t)
  const { status, body } = await invoke(gateway, '{"tool":')
  t.equal(status, 400)
  t.equal(body.ok, undefined)
  t.match(body, { error: { type: 'invalid_request_error', message: String } })
})

t.test('whoever has no credential or too few rights learns nothing of tools', async t => {
  const { gateway } = await open(t)
  for (const headers of [{ authorization: '' }, { authorization: 'Bearer wrong' }, { authorization: 'Basic eDp5' }]) {
    for (const name of ['count', 'nosuch']) {
      const { status, body } = await invoke(gateway, { tool: name }, headers)
      t.equal(status, 401)
      t.match(body, { error: { message: 'Unauthorized', type: 'unauthorized' } })
      t.equal(body.ok, undefined)
    }
  }
})

t.test('another method is refused before credentials are looked at', async t => {
  const { gateway } = await open(t)
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization }]) {
      const response = await fetch(`${gateway.http}/tools/invoke`, { method, headers })
      t.equal(response.status, 405, method)
      t.equal(response.headers.get('allow'), 'POST')
      t.match(response.headers.get('content-type'), /^text\/plain/)
      if (method !== 'HEAD') t.equal(await response.text(), 'Method Not Allowed')
    }
  }
})

t.test('a body over two megabytes is refused, after the credential and before it is read', async t => {
  const { gateway } = await open(t)
  const big = JSON.stringify({ tool: 'count', args: { text: 'x'.repeat(2 * 1024 * 1024) } })
  const answer = await invoke(gateway, big)
  t.equal(answer.status, 413)
  t.match(answer.body, { error: { message: 'Payload too large' } })
  t.equal((await invoke(gateway, big, { authorization: 'Bearer wrong' })).status, 401)
  const fits = JSON.stringify({ tool: 'count', args: { text: 'x'.repeat(2 * 1024 * 1024 - 100) } })
  t.equal((await invoke(gateway, fits)).status, 200)
})

t.test('a body that does not come to its end is given up with 408', async t => {
  const { gateway } = await open(t, { gateway: { http: { requestTimeoutMs: 400 } } })
  const socket = tcpConnect(gateway.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`POST /tools/invoke HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"tool":`)
  let text = ''
  socket.on('data', chunk => { text += chunk })
  await once(socket, 'close')
  t.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  t.match(JSON.parse(text.slice(text.indexOf('\r\n\r\n'))), { error: { type: 'invalid_request_error', message: /did not come to its end/ } })
})

t.test('a tool that fails says so and keeps the cause in the log', async t => {
  const { gateway } = await open(t)
  const { status, body } = await invoke(gateway, { tool: 'breaks' })
  t.equal(status, 500)
  t.match(body, { ok: false, error: { type: 'tool_error', message: 'tool execution failed', errorId: /^[0-9a-f-]{36}$/ } })
  t.notMatch(JSON.stringify(body), /canary/)
  t.match(gateway.log.join(''), /canary of the cause/)
  t.match(gateway.log.join(''), new RegExp(body.error.errorId))
})

t.test('a tool that needs consent is blocked and says that', async t => {
  const { gateway } = await open(t)
  const { status, body } = await invoke(gateway, { tool: 'asks' })
  t.equal(status, 403)
  t.match(body, { ok: false, error: { type: 'tool_call_blocked', message: 'a person must agree first', requiresApproval: true } })
})

t.test('unknown and forbidden are told apart for administrators only', async t => {
  const config = { gateway: { auth: { mode: 'none' }, tools: { deny: ['plainly'] } }, tools: { deny: ['count'] } }
  const { gateway } = await open(t, config)
  const asWriter = { authorization: '', 'x-openclaw-scopes': 'operator.write' }
  const refusals = []
  for (const name of ['nosuch', 'count', 'plainly', 'exec', 'gateway']) {
    const { status, headers, body } = await invoke(gateway, { tool: name }, asWriter)
    const names = [...headers.keys()].sort().join()
    refusals.push(JSON.stringify([status, names, body]).replaceAll(name, '<name>'))
  }
  t.equal(new Set(refusals).size, 1)
  t.match(JSON.parse(refusals[0]!)[2], { ok: false, error: { type: 'not_found', message: 'Tool not available: <name>' } })
  t.notOk(JSON.parse(refusals[0]!)[2].error.details)
  const as = async (name: string) => (await invoke(gateway, { tool: name }, { authorization: '' })).body.error.details
  t.same(await as('nosuch'), { reason: 'unknown' })
  t.same(await as('count'), { reason: 'policy', step: 'allow and deny', because: 'tools.deny has "count"' })
  t.same(await as('plainly'), { reason: 'policy', step: 'gateway deny', because: 'gateway.tools.deny has "plainly"' })
})

t.test('a dry run asks the whole policy, checks the arguments and does nothing', async t => {
  const { gateway, calls } = await open(t, { tools: { deny: ['breaks'] } })
  const { status, body } = await invoke(gateway, { tool: 'TALLY', action: 'go', args: { text: 'x' }, dryRun: true })
  t.equal(status, 200)
  t.match(body, {
    ok: true,
    result: {
      dryRun: true, wouldRun: true, tool: 'count', sessionKey: 'agent:main:main', agentId: 'main', args: { text: 'x', action: 'go' }, effects: true
    }
  })
  t.equal(body.result.policy.at(-1).verdict, 'passes')
  t.equal((await invoke(gateway, { tool: 'count', args: { text: 1 }, dryRun: true })).status, 400)
  t.equal((await invoke(gateway, { tool: 'breaks', dryRun: true })).status, 404)
  t.equal((await invoke(gateway, { tool: 'nosuch', dryRun: true })).status, 404)
  t.equal(calls.length, 0)
})

t.test('a repeated key gets the answer that there was, and another request under it is refused', async t => {
  const { gateway, calls } = await open(t)
  const request = { tool: 'count', args: { text: 'x' }, idempotencyKey: 'k1' }
  const answers = await Promise.all([invoke(gateway, request), invoke(gateway, request), invoke(gateway, { ...request, tool: 'TALLY' })])
  t.equal(calls.length, 1)
  t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
  const other = await invoke(gateway, { ...request, args: { text: 'y' } })
  t.equal(other.status, 400)
  t.match(other.body.error.message, /already used for another request/)
  t.equal((await invoke(gateway, { ...request, idempotencyKey: 'k2' })).body.result.details.calls, 2)
  t.equal((await invoke(gateway, { tool: 'breaks', idempotencyKey: 'k3' })).status, 500)
  t.equal((await invoke(gateway, { tool: 'count', idempotencyKey: 'k3' })).status, 200, 'what failed may be tried again')
})

t.test('with the plain header the result is the bare answer', async t => {
  const { gateway } = await open(t)
  const plain = { 'x-openclaw-result': 'plain' }
  t.same((await invoke(gateway, { tool: 'count' }, plain)).body, { ok: true, result: { calls: 1, args: {} } })
  t.same((await invoke(gateway, { tool: 'plainly' }, plain)).body, { ok: true, result: 'only text' })
})

t.test('a client that goes away takes the work with it', async t => {
  const { gateway } = await open(t)
  let begun!: (signal: AbortSignal) => void
  const started = new Promise<AbortSignal>(resolve => { begun = resolve })
  const registry = await gateway.gateway.rooms.tools.registry()
  registry.add([tool('waits', {
    run: async (_args, { signal }) => {
      begun(signal)
      await once(signal, 'abort')
      throw signal.reason
    }
  })])
  const controller = new AbortController()
  const call = invoke(gateway, { tool: 'waits' }, {}, { signal: controller.signal }).catch(() => undefined)
  const signal = await started
  t.equal(signal.aborted, false)
  controller.abort()
  await call
  if (!signal.aborted) await once(signal, 'abort')
  t.match(signal.reason, { message: 'the client went away' })
})

t.test('a rule that changes holds for the next call', async t => {
  const { gateway } = await open(t, { agents: { entries: { main: {} } } })
  t.equal((await invoke(gateway, { tool: 'count' })).status, 200)
  writeFileSync(join(gateway.stateDir, 'openclaw.json'), JSON.stringify({ gateway: { mode: 'local' }, agents: { entries: { main: { tools: { deny: ['count'] } } } } }))
  const { client } = await admitted(gateway.url)
  t.match(await client.request('agents.update', { agentId: 'main', name: 'Main' }), { ok: true })
  t.equal((await invoke(gateway, { tool: 'count' })).status, 404)
  await closeClient(client)
})
