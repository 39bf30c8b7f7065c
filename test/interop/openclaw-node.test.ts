/** The npm package openclaw-node, as it is, against the real daemon. It signs in the older form (v2) and with its own clock. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OpenClawClient, type OpenClawClientOptions } from 'openclaw-node'
import t from 'tap'
import { contractProblem, healthProblem } from '../contract.ts'
import { daemonToken, runCommand, serve, stop, type Home } from '../process/daemon.ts'
import { startForwarder } from './forwarder.ts'
import { gatewayHome } from './reference-client.ts'

const token = daemonToken
// It warns of every plain ws:// address, loopback included, which is all that there is here.
process.removeAllListeners('warning').on('warning', () => {})

/** For whoever needs none of its own. */
const home = gatewayHome(t)
const daemon = await serve(t, { home })

const identityFile = ({ directory }: Home, client = 'client'): string => join(directory, client, 'device-identity.json')
const storedIn = (file: string): { deviceId: string, deviceToken?: string } => JSON.parse(readFileSync(file, 'utf8'))

function createClient (t: { teardown (fn: () => unknown): void }, url: string, file: string, options: Partial<OpenClawClientOptions> = {}): OpenClawClient {
  const client = new OpenClawClient({ url, deviceIdentityPath: file, autoReconnect: false, reconnectIntervalMs: 100, ...options })
  client.on('error', () => {})
  t.teardown(() => {
    // A failed attempt plans two further ones, of which disconnect() forgets none; they would go on for ever.
    client.connect = () => new Promise(() => {})
    return client.disconnect()
  })
  return client
}

/** Failed attempts in between are none of our business here. */
const heard = (client: OpenClawClient, event: string): Promise<any> => new Promise(resolve => client.once(event, resolve))

t.test('it connects, asks and keeps its device token', async t => {
  const file = identityFile(home, 'first')
  const client = createClient(t, daemon.url, file, { token })
  const hello = await client.connect() as { auth: { scopes: string[], deviceToken: string } }
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.same(hello.auth.scopes, ['operator.read', 'operator.write'])
  t.ok(client.hasMethod('status'))
  t.equal(healthProblem(await client.health()), undefined)
  t.match(await client.request('status'), { ok: true, payload: { phase: 'ready' } })
  t.match(await client.agents.list(), { defaultId: 'main' })
  t.match(await client.channels.status(), { channels: {} })
  t.match(await client.config.get(), { valid: true, hash: String })
  t.match(await client.sessions.list(), { sessions: [] })
  await t.rejects(client.config.patch('{}', 'x'), { message: 'missing scope: operator.admin' })
  t.equal(storedIn(file).deviceToken, hello.auth.deviceToken)
  await client.disconnect()

  const again = createClient(t, daemon.url, file)
  t.match(await again.connect(), { auth: { deviceToken: hello.auth.deviceToken } }, 'the stored token is enough')
})

t.test('it holds a conversation, word by word, and finds it again', async t => {
  const client = createClient(t, daemon.url, identityFile(home, 'talking'), { token })
  await client.connect()
  const talk = async (message: string): Promise<{ type: string, text?: string }[]> => {
    const chunks: { type: string, text?: string }[] = []
    for await (const chunk of client.chat(message)) chunks.push(chunk)
    return chunks
  }
  const chunks = await talk('/slow 100\n/words 5')
  t.ok(chunks.filter(({ type }) => type === 'text').length > 1, 'in several pieces')
  t.match(chunks.map(({ text }) => text ?? '').join(''), /word1 word2 word3 word4 word5/)
  t.match(chunks.at(-1), { type: 'done' })
  t.match((await talk('and again')).map(({ text }) => text ?? '').join(''), /and again/)
  t.match(await client.sessions.list(), { sessions: [{ kind: 'direct', status: 'done' }] })
})

t.test('a wrong token keeps it out', async t => {
  const file = identityFile(home, 'wrong')
  const client = createClient(t, daemon.url, file, { token: 'wrong' })
  await t.rejects(client.connect(), { message: 'WebSocket closed before handshake completed' })
  t.equal(storedIn(file).deviceToken, undefined)
})

t.test('from elsewhere it is told to pair, in the reason of the close, and gets in once approved', async t => {
  const home = gatewayHome(t, { trustedProxies: ['127.0.0.1'] })
  const daemon = await serve(t, { home })
  const url = `ws://127.0.0.1:${await startForwarder(t, daemon.port, '203.0.113.7')}`
  const file = identityFile(home)
  const client = createClient(t, url, file, { token })
  const told = heard(client, 'pairingRequired')
  await t.rejects(client.connect())
  const pairing = await told as { raw: string, reason?: string, requestId?: string }
  t.match(pairing, { reason: 'device is not approved yet', requestId: /^[0-9a-f-]{36}$/ })
  t.ok(Buffer.byteLength(pairing.raw) <= 123, 'it fits into a close frame')

  const approved = await runCommand(t, home, ['devices', 'approve', pairing.requestId!, '--port', String(daemon.port)])
  t.equal(approved.code, 0, approved.stderr)
  t.match(await client.connect(), { auth: { scopes: ['operator.read', 'operator.write'] } })
  t.ok(storedIn(file).deviceToken)
})

t.test('a token that was rotated away is dropped, and the shared one lets it in again', async t => {
  const file = identityFile(home, 'rotated')
  const client = createClient(t, daemon.url, file, { token, autoReconnect: true })
  await client.connect()
  const { deviceId, deviceToken } = storedIn(file)
  const back = heard(client, 'connected')
  const rotated = await runCommand(t, home, ['devices', 'rotate', '--device', deviceId, '--role', 'operator', '--port', String(daemon.port), '--token', token])
  t.equal(rotated.code, 0, rotated.stderr)
  await back
  t.match(await client.health(), { ok: true })
  t.not(storedIn(file).deviceToken, deviceToken)
})

t.test('it is back by itself after a restart', async t => {
  const home = gatewayHome(t)
  const daemon = await serve(t, { home })
  const client = createClient(t, daemon.url, identityFile(home), { token, autoReconnect: true, maxReconnectAttempts: 100 })
  await client.connect()
  const gone = heard(client, 'disconnected')
  t.equal((await stop(daemon)).code, 0)
  await gone
  const back = heard(client, 'connected')
  await serve(t, { home, port: daemon.port })
  await back
  t.match(await client.health(), { ok: true })
})
