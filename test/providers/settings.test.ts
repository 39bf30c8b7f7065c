import { createServer as createSecureServer } from 'node:https'
import { createServer, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createCatalog } from '../../src/providers/catalog.ts'
import { resolveSettings, type ResolvedSettings } from '../../src/providers/settings.ts'
import { chunkOf, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { selfSigned } from '../fixtures/self-signed.ts'
import { failureOf } from './openai-step.ts'
import { createScene, listener, loadedFrom, request } from './scene.ts'

async function settingsFrom (provider: object, env: { [name: string]: string } = {}, id = 'p'): Promise<ResolvedSettings> {
  const loaded = loadedFrom({ models: { providers: { [id]: { baseUrl: 'https://api.example.com/v1', ...provider } } } }, env)
  const entry = createCatalog(loaded).providers.get(id)!
  return await resolveSettings(entry, entry.api, loaded)
}

const answer = streaming([chunkOf({ content: 'ok' }), chunkOf({}, 'stop')])
const models = [{ id: 'm' }]

t.test('keys and headers come from text, variables and the environment', async t => {
  t.match(await settingsFrom({ apiKey: 'text' }), { apiKey: 'text', inlineKey: true })
  t.match(await settingsFrom({ apiKey: { source: 'env', id: 'KEY' } }, { KEY: 'from env' }), { apiKey: 'from env', inlineKey: false })
  t.match(await settingsFrom({}, { GROQ_API_KEY: 'g' }, 'groq'), { apiKey: 'g', inlineKey: false })
  t.match(await settingsFrom({ headers: { 'X-A': { source: 'env', id: 'KEY' } }, request: { headers: { 'X-B': 'b' } } }, { KEY: 'a' }), {
    headers: { 'x-a': 'a', 'x-b': 'b' }, apiKey: undefined
  })
})

t.test('request.auth takes the place of the key', async t => {
  const bearer = await settingsFrom({ apiKey: 'k', request: { auth: { mode: 'authorization-bearer', token: 't' } } })
  t.same([bearer.apiKey, bearer.headers], [undefined, { authorization: 'Bearer t' }])
  const header = await settingsFrom({ apiKey: 'k', request: { auth: { mode: 'header', headerName: 'Api-Key', value: 'v', prefix: 'p ' } } })
  t.same([header.apiKey, header.headers], [undefined, { 'api-key': 'p v' }])
  t.equal((await settingsFrom({ apiKey: 'k', request: { auth: { mode: 'provider-default' } } })).apiKey, 'k')
})

t.test('a server in the own network gets more time before it counts as hanging', async t => {
  const idle = async (baseUrl: string, more = {}): Promise<number> => (await settingsFrom({ baseUrl, ...more })).idleTimeoutMs
  t.equal(await idle('https://api.example.com/v1'), 120_000)
  for (const host of ['localhost', '127.0.0.1', '[::1]', '192.168.1.4', '10.0.0.2', 'gpu-box', 'gpu.local', '[fd00::1]']) t.equal(await idle(`http://${host}:8000/v1`), 300_000, host)
  t.equal(await idle('http://localhost/v1', { timeoutSeconds: 600 }), 600_000)
  t.equal(await idle('http://localhost/v1', { timeoutSeconds: 600, idleTimeoutSeconds: 5 }), 5000)
  t.equal((await settingsFrom({ timeoutSeconds: 600 })).timeoutMs, 600_000)
})

t.test('what the user wrote besides goes to the wire format, credentials do not', async t => {
  const { options, params } = await settingsFrom({ apiKey: 'k', headers: { a: 'b' }, params: { top_k: 1 }, region: 'eu', authHeader: true })
  t.same([options, params], [{ region: 'eu', authHeader: true }, { top_k: 1 }])
})

t.test('a user or password in the address is refused', async t => {
  const error = await failureOf(settingsFrom({ baseUrl: 'https://user:pass@api.example.com/v1' }))
  t.match(error, { kind: 'format', message: /must not contain a user or password/ })
  t.notMatch(error.message, /pass@/)
})

t.test('a certificate of the own network is trusted when the configuration names it, and only then', async t => {
  const { key, cert } = selfSigned()
  const server = createSecureServer({ key, cert }, (message, response) => message.resume().on('end', () => answer(response))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const text = async (tls: object): Promise<string> => {
    const { models: room } = createScene({ models: { providers: { p: { baseUrl, models, request: { tls } } } } })
    const heard = listener()
    await room.step(room.route('main'), request('hi'), heard.tell).finally(() => room.close())
    return heard.text()
  }
  t.equal(await text({ ca: cert, serverName: 'gateway.test' }), 'ok')
  t.equal(await text({ insecureSkipVerify: true }), 'ok')
  t.match(await failureOf(text({})), { kind: 'network', message: /certificate is not trusted.*request\.tls\.ca/ })
})

t.test('a proxy that is configured is used', { skip: Number(process.versions.node.split('.')[0]) < 24 && 'agents know proxies since Node 24' }, async t => {
  const upstream = await startRaw(answer)
  t.teardown(() => upstream.close())
  const seen: string[] = []
  const proxy = createServer((message, response) => {
    seen.push(message.url!)
    message.pipe(httpRequest(message.url!, { method: 'POST', headers: message.headers }, inner => inner.pipe(response)))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const provider = { baseUrl: upstream.url, models, request: { proxy: { mode: 'explicit-proxy', url } } }
  const { models: room } = createScene({ models: { providers: { p: provider } } })
  t.teardown(() => room.close())
  const heard = listener()
  await room.step(room.route('main'), request('hi'), heard.tell)
  t.equal(heard.text(), 'ok')
  t.same(seen, [`${upstream.url}/chat/completions`])
})

t.test('a provider that was configured anew is asked at its new address, and its old connections are closed after the last answer', async t => {
  let release = (): void => {}
  const before = await startRaw(response => { release = () => answer(response) })
  const after = await startRaw(answer)
  t.teardown(async () => { await Promise.all([before.close(), after.close()]) })
  const { models: room, configure } = createScene({ models: { providers: { p: { baseUrl: before.url, models } } } })
  t.teardown(() => room.close())
  const [old, young] = [listener(), listener()]
  const running = room.step(room.route('main'), request('hi'), old.tell)
  while (before.bodies.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  configure({ models: { providers: { p: { baseUrl: after.url, models } } } })
  await room.step(room.route('main'), request('hi'), young.tell)
  release()
  await running
  t.same([old.text(), young.text(), after.bodies.length], ['ok', 'ok', 1])
})
