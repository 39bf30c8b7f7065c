/**
 * What a model provider may learn, and what it may make us say.
 *
 * Here: CVE-2026-22174 / GHSA-v3j7-34xh-6g3w, GHSA-grc3-2j34-p6gm, GHSA-77q5-rr5v-x43q (our token sent elsewhere), GHSA-xwcj-hwhf-h378
 *       (secrets inside errors that come back), a redirect that takes the key with it
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { admitted, closeClient, startGateway, testToken, type Frame, type TestGateway } from '../helper.ts'

const providerKey = 'kanarie4711vogel'
const key = 'agent:main:upstream'

interface Upstream { readonly url: string, readonly seen: { headers: IncomingMessage['headers'], body: string }[] }

async function startUpstream (t: { teardown (fn: () => unknown): void }, answer: (response: ServerResponse) => void): Promise<Upstream> {
  const seen: Upstream['seen'] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += String(part)
    seen.push({ headers: request.headers, body })
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen }
}

const configOf = ({ url }: Upstream, more: object = {}) => ({
  models: { providers: { far: { baseUrl: url, apiKey: providerKey, api: 'openai-completions', models: [{ id: 'm', name: 'm' }], ...more } } },
  agents: { defaults: { model: { primary: 'far/m' } } }
})

/** One message, and everything that was said about it. */
async function talk (gateway: TestGateway): Promise<{ end: Frame, everything: string }> {
  const { client } = await admitted(gateway.url)
  await client.request('sessions.subscribe', {})
  await client.request('sessions.messages.subscribe', { key })
  await client.request('chat.send', { sessionKey: key, message: 'hello', idempotencyKey: 'one' })
  const end = await client.frame(({ event, payload }) => event === 'chat' && ['final', 'error', 'aborted'].includes(payload.state), 30_000)
  for (const method of ['chat.history', 'sessions.describe', 'agent.wait', 'models.list', 'models.authStatus', 'sessions.list', 'health', 'status', 'logs.tail']) {
    await client.request(method, method === 'chat.history' ? { sessionKey: key } : method === 'sessions.describe' ? { key } : method === 'agent.wait' ? { runId: 'one' } : {})
  }
  const everything = JSON.stringify(client.frames) + gateway.log.join('')
  await closeClient(client)
  return { end, everything }
}

t.test('a provider that repeats the key in its error makes nobody repeat it', async t => {
  const body = { error: { message: `Incorrect API key provided: ${providerKey}. Authorization: Bearer ${providerKey}`, type: 'invalid_request_error', code: 'invalid_api_key' } }
  const upstream = await startUpstream(t, response => response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(body)))
  const { end, everything } = await talk(await startGateway(t, { config: configOf(upstream) }))
  t.equal(end.payload.state, 'error')
  t.equal(upstream.seen[0]!.headers.authorization, `Bearer ${providerKey}`, 'it was told the key that is its own')
  t.notMatch(everything, providerKey)
})

t.test('a provider is told nothing that belongs to the gateway or to its clients', async t => {
  const upstream = await startUpstream(t, response => response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}'))
  const gateway = await startGateway(t, { config: configOf(upstream) })
  await talk(gateway)
  const told = JSON.stringify(upstream.seen)
  for (const [what, secret] of [['the token', testToken], ['the token of this machine', gateway.adminToken], ['the state directory of tokens', 'admin.token']] as const) t.notMatch(told, secret, what)
  t.notMatch(told, /cookie|x-forwarded|deviceToken/i)
})

t.test('a redirect does not take the key along', async t => {
  const elsewhere = await startUpstream(t, response => response.end('{}'))
  const upstream = await startUpstream(t, response => response.writeHead(307, { location: `${elsewhere.url}/chat/completions` }).end())
  const { end } = await talk(await startGateway(t, { config: configOf(upstream) }))
  t.equal(end.payload.state, 'error')
  t.equal(elsewhere.seen.length, 0, 'nobody went there')
})

t.test('a provider that speaks without end is cut off, and the run says so', async t => {
  const chunk = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(60_000) } }] })}\n\n`
  let cut: Promise<unknown> | undefined
  const upstream = await startUpstream(t, response => {
    cut = once(response, 'close')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const pour = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', pour)
    }
    pour()
  })
  const { end } = await talk(await startGateway(t, { config: configOf(upstream) }))
  t.equal(end.payload.state, 'error')
  t.match(end.payload.errorMessage, /answered more than \d+ characters/)
  await cut
  t.equal(upstream.seen.length, 1, 'and it is not asked again')
})
