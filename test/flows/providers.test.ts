import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { contractProblem } from '../contract.ts'
import { chunkOf, eventOf, refusing, startRaw, streaming, type RawServer } from '../fixtures/providers/openai-server.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'

const sessionKey = 'agent:main:upstream'
const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }
const said = (...words: string[]) => streaming([...words.map(content => chunkOf({ content })), chunkOf({}, 'stop', { usage })])

interface Scene { readonly client: TestClient, readonly server: RawServer, readonly log: string[] }

async function scene (t: Test, answers: Parameters<typeof startRaw>, more: { provider?: object, model?: object } = {}): Promise<Scene> {
  const server = await startRaw(...answers)
  t.teardown(() => server.close())
  const provider = { baseUrl: server.url, apiKey: 'upstream-secret-key', models: [{ id: 'm', cost: { input: 1000, output: 2000 } }], ...more.provider }
  const { url, log } = await startGateway(t, {
    config: { models: { providers: { local: provider } }, agents: { defaults: { model: more.model ?? 'local/m' } } }
  })
  const { client } = await admitted(url)
  t.teardown(() => closeClient(client))
  return { client, server, log }
}

async function send (client: TestClient, message: string): Promise<Frame> {
  const idempotencyKey = randomUUID()
  await client.request('chat.send', { sessionKey, message, idempotencyKey })
  return await client.frame(({ event, payload }) => event === 'chat' && payload.runId === idempotencyKey && /final|aborted|error/.test(payload.state), 10_000)
}

t.test('a conversation goes through an OpenAI-compatible server, which hears all of it', async t => {
  const { client, server } = await scene(t, [said('Hel', 'lo'), said('again')])
  const first = await send(client, 'who are you?')
  t.match(first.payload, { state: 'final', message: { content: [{ type: 'text', text: 'Hello' }] } })
  t.equal(contractProblem('ChatEvent', first.payload), undefined)
  t.match((await send(client, 'and now?')).payload, { state: 'final', message: { content: [{ text: 'again' }] } })
  const roles = server.bodies[1].messages.map(({ role }: { role: string }) => role)
  t.same(roles, ['system', 'user', 'assistant', 'user'])
  t.match(server.bodies[1].messages[2], { content: 'Hello' })
  t.equal(server.headers[0]!.authorization, 'Bearer upstream-secret-key')
  t.equal(server.connections(), 1, 'over one connection')
})

t.test('a tool that the model calls is run, and its result goes back', async t => {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'session_status', arguments: '{}' } }
  const { client, server } = await scene(t, [streaming([chunkOf({ tool_calls: [call] }), chunkOf({}, 'tool_calls')]), said('all is well')])
  t.match((await send(client, 'how are we?')).payload, { state: 'final', message: { content: [{ text: 'all is well' }] } })
  t.ok(server.bodies[0].tools.some((tool: any) => tool.function.name === 'session_status'))
  t.match(server.bodies[1].messages.slice(-2), [{ role: 'assistant', tool_calls: [{ id: 'call_1' }] }, { role: 'tool', tool_call_id: 'call_1' }])
})

t.test('a refused key ends the run with what to do, and the key is nowhere to be read', async t => {
  const { client, log } = await scene(t, [refusing(401, { error: { message: 'Incorrect API key provided: upstream-secret-key' } })])
  const { payload } = await send(client, 'hello')
  t.equal(payload.state, 'error')
  t.match(payload.errorMessage, /local answered 401.*models\.providers\.local\.apiKey/)
  t.equal(contractProblem('ChatEvent', payload), undefined)
  t.notMatch(JSON.stringify(client.frames), /upstream-secret-key/)
  t.notMatch(log.join('\n'), /upstream-secret-key/)
})

t.test('a fallback answers when the first model cannot', async t => {
  const { client } = await scene(t, [refusing(404, { error: { message: 'no such model' } })], { model: { primary: 'local/m', fallbacks: ['echo/echo'] } })
  t.match((await send(client, 'hello')).payload, { state: 'final', message: { content: [{ text: /demonstration.*hello/ }] } })
})

t.test('chat.abort closes the connection to the server', async t => {
  let closed = (): void => {}
  const gone = new Promise<void>(resolve => { closed = resolve })
  const { client, server } = await scene(t, [response => {
    response.on('close', closed)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(eventOf(chunkOf({ content: 'wait' })))
  }])
  const ended = send(client, 'hello')
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta', 10_000)
  await client.request('chat.abort', { sessionKey })
  t.match((await ended).payload, { state: 'aborted' })
  await gone
  t.equal(server.abandoned(), 1)
})
