/** What a whole gateway tells about itself: numbers for Prometheus, traces and numbers for a collector. */
import t, { type Test } from 'tap'
import type { AttributeValue } from './telemetry-page.ts'
import { parsePage } from './telemetry-page.ts'
import { chunkOf, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { startCollector } from '../fixtures/otlp-collector.ts'
import { admitted, closeClient, connect, startGateway, testToken, type TestGateway } from '../helper.ts'
import { eventually } from '../process/daemon.ts'
import { bearer, invoke, makeKey, say } from './key-scene.ts'

const pageOf = async ({ http }: TestGateway, headers: { [name: string]: string } = bearer(testToken), path = '/metrics') => {
  const response = await fetch(`${http}${path}`, { headers })
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() }
}

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }
const said = (text: string) => streaming([chunkOf({ content: text }), chunkOf({}, 'stop', { usage })])

async function upstream (t: Test, ...texts: string[]) {
  const server = await startRaw(...texts.map(said))
  t.teardown(() => server.close())
  const local = { baseUrl: server.url, apiKey: 'upstream-secret-key', models: [{ id: 'm', cost: { input: 1000, output: 2000 } }] }
  return { server, config: { models: { providers: { local } }, agents: { defaults: { model: 'local/m' } } } }
}

t.test('the numbers are there for operators, at both paths and in both forms, and count what was done', async t => {
  const { config } = await upstream(t, 'Hello')
  const gateway = await startGateway(t, { config })
  const { client } = await admitted(gateway.url)
  await say(client, 'main', 'hello', 'one')
  await client.request('sessions.list', {})
  await client.request('sessions.list', {})
  await client.request('no.such.method', {})
  await invoke(gateway, bearer(testToken))
  await connect(gateway.url, { device: false, auth: { token: 'wrong' } })
  const { status, type, text } = await pageOf(gateway)
  t.equal(status, 200)
  t.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
  const page = parsePage(text)
  t.equal(page.value('openclaw_gateway_rpc_requests_total', { method: 'sessions.list', outcome: 'ok' }), 2)
  t.equal(page.value('openclaw_gateway_rpc_requests_total', { method: 'unknown', outcome: 'UNKNOWN_METHOD' }), 1)
  t.equal(page.value('openclaw_gateway_rpc_handler_seconds_count', { method: 'sessions.list' }), 2)
  t.equal(page.value('openclaw_gateway_http_requests_total', { method: 'POST', route: '/tools/invoke', status: '2xx' }), 1)
  t.equal(page.value('openclaw_gateway_connections', { role: 'operator' }), 1)
  t.equal(page.value('openclaw_gateway_auth_refusals_total', { door: 'socket', code: 'AUTH_TOKEN_MISMATCH' }), 1)
  t.equal(page.value('openclaw_run_completed_total', { model: 'm', provider: 'local', outcome: 'ok', trigger: 'chat' }), 1)
  t.equal(page.value('openclaw_model_tokens_total', { model: 'm', provider: 'local', token_type: 'input' }), 100)
  t.equal(page.value('openclaw_model_cost_usd_total', { model: 'm', provider: 'local' }), 0.12)
  t.equal(page.value('openclaw_tool_execution_total', { tool: 'session_status', surface: 'http', outcome: 'ok' }), 1)
  for (const name of ['openclaw_gateway_event_loop_busy_seconds_total', 'process_cpu_seconds_total', 'process_open_fds']) t.ok(page.value(name)! > 0, name)
  t.ok(page.value('openclaw_memory_bytes', { kind: 'rss' })! > 1e6)
  t.equal(page.value('openclaw_store_writable'), 1)
  const open = await pageOf(gateway, { ...bearer(testToken), accept: 'application/openmetrics-text; version=1.0.0' }, '/api/diagnostics/prometheus')
  t.equal(open.type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  t.match(open.text, /# TYPE openclaw_gateway_rpc_requests counter\n[^]*# EOF\n$/)
  t.ok(parsePage(open.text).names.size >= page.names.size)
  await closeClient(client)
})

t.test('strangers, keys without the right and pages of other sites get no numbers', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url)
  t.equal((await pageOf(gateway, {})).status, 401)
  t.equal((await pageOf(gateway, bearer('wrong'))).status, 401)
  t.equal((await pageOf(gateway, bearer((await makeKey(client, 'own')).secret))).status, 403, 'a key that sees its own conversations only')
  const key = await makeKey(client, 'prometheus', { scopes: ['operator.read'], ownSessionsOnly: false, routes: ['GET /metrics'] })
  t.equal((await pageOf(gateway, bearer(key.secret))).status, 200)
  t.equal((await pageOf(gateway, bearer(key.secret), '/api/diagnostics/prometheus')).status, 403, 'and nothing but what it names')
  t.equal((await fetch(`${gateway.http}/metrics`, { method: 'POST' })).status, 405)
  await closeClient(client)

  const local = await startGateway(t, { config: { diagnostics: { metrics: { access: 'local' } } } })
  t.equal((await pageOf(local, {})).status, 200)
  t.equal((await pageOf(local, bearer('wrong'))).status, 401, 'who shows a credential shows a right one')
  t.equal((await pageOf(local, { 'x-forwarded-for': '203.0.113.9' })).status, 403, 'who comes through a proxy is not local')
  t.equal((await pageOf(local, { origin: 'https://elsewhere.example' })).status, 401)
  const off = await startGateway(t, { config: { diagnostics: { enabled: false } } })
  t.equal((await pageOf(off)).status, 404)
  t.equal((await fetch(`${off.http}/metrics`, { method: 'POST' })).status, 404)
})

t.test('whatever names strangers choose, the numbers stay few and say nothing about anybody', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url)
  const before = (await pageOf(gateway)).text.length
  for (let number = 0; number < 300; number++) {
    await client.request(`nobody.serves.${number}`, {})
    if (number % 10 === 0) {
      await fetch(`${gateway.http}/nowhere/${number}`, { headers: bearer(testToken) }).then(answer => answer.text())
      await invoke(gateway, bearer(testToken), { tool: `no-such-tool-${number}`, sessionKey: `agent:main:private-${number}` })
      await client.request('sessions.create', { key: `agent:main:private-${number}` })
    }
  }
  const { text } = await pageOf(gateway)
  t.ok(text.length < before + 12_000, `${before} characters, then ${text.length}`)
  for (const word of ['nobody', 'nowhere', 'no-such', 'private', '127.0.0.1', testToken]) t.notMatch(text, word)
  await closeClient(client)
})

t.test('a trace goes from the request that brought it to the provider that is asked, over both doors', async t => {
  const collector = await startCollector()
  t.teardown(() => collector.close())
  const { server, config } = await upstream(t, 'Hello', 'again')
  const otel = { enabled: true, endpoint: collector.url, protocol: 'http/json', flushIntervalMs: 1000, headers: { 'x-key': 'of-the-collector' } }
  const gateway = await startGateway(t, { config: { ...config, diagnostics: { otel } } })
  const { client } = await admitted(gateway.url)
  await eventually(async () => gateway.gateway.rooms.audit.facts().written, written => written > 0)
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  client.send({
    type: 'req', id: 'traced', method: 'chat.send', traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    params: { sessionKey: 'main', message: 'hello', idempotencyKey: 'one' }
  })
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'final')
  t.match(server.headers[0]!['traceparent'], new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  await fetch(`${gateway.http}/tools/invoke`, {
    method: 'POST',
    headers: { ...bearer(testToken), 'content-type': 'application/json', traceparent: '00-11111111111111111111111111111111-2222222222222222-01' },
    body: JSON.stringify({ tool: 'session_status' })
  }).then(answer => answer.text())
  const named = (name: string) => collector.spans.find(span => span.name === name && (span.traceId === traceId || span.traceId.startsWith('1111')))!
  const names = ['openclaw.gateway.rpc.handler', 'openclaw.run', 'openclaw.model.call', 'POST /tools/invoke', 'openclaw.tool.execution']
  await eventually(() => names.filter(name => !named(name)), missing => missing.length === 0)
  const rpc = named('openclaw.gateway.rpc.handler')
  const run = named('openclaw.run')
  const call = named('openclaw.model.call')
  t.equal(rpc.parentSpanId, 'b7ad6b7169203331')
  t.equal(run.parentSpanId, rpc.spanId)
  t.equal(call.parentSpanId, run.spanId)
  t.equal(server.headers[0]!['traceparent'], `00-${traceId}-${call.spanId}-01`)
  const attributes = Object.fromEntries(call.attributes.map(({ key, value }) => [key, Object.values(value)[0] as AttributeValue]))
  t.match(attributes, { 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': '100' })
  const http = named('POST /tools/invoke')
  t.equal(http.parentSpanId, '2222222222222222')
  t.equal(named('openclaw.tool.execution').parentSpanId, http.spanId)
  t.equal(collector.headers[0]!['x-key'], 'of-the-collector')
  const metrics = await eventually(async () => collector.metrics, found => found.has('openclaw.run.duration_ms') && found.has('openclaw.cost.usd'))
  t.match(metrics.get('openclaw.cost.usd')?.sum?.dataPoints, [{ asDouble: 0.12 }])
  t.ok(metrics.get('openclaw.gateway.rpc.requests'))
  t.notMatch(collector.bodies.join(''), /hello|upstream-secret-key|agent:main:main/i, 'what was said is not sent')
  await closeClient(client)
})

t.test('without being asked to, nothing is traced, and nothing is sent on', async t => {
  const { server, config } = await upstream(t, 'Hello')
  const gateway = await startGateway(t, { config })
  const { client } = await admitted(gateway.url)
  client.send({
    type: 'req', id: 'traced', method: 'chat.send', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    params: { sessionKey: 'main', message: 'hi', idempotencyKey: 'one' }
  })
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'final')
  t.equal(server.headers[0]!['traceparent'], undefined)
  await closeClient(client)
})
