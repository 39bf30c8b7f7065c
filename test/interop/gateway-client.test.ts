/** The published reference client, as it is, against the real daemon. */
import { startGatewayClientWhenEventLoopReady } from '@openclaw/gateway-client'
import { GatewayScopeUpgrade } from '@openclaw/gateway-client/scope-upgrade'
import t from 'tap'
import { contractProblem, healthProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { daemonToken, freePort, runCommand, serve, startDaemon, stop } from '../process/daemon.ts'
import { createBrowser } from './browser-client.ts'
import { createDevice, createReference, gatewayHome, operatorToken, startReference } from './reference-client.ts'

const skip = process.platform === 'win32' && 'Windows has no signals'
const token = daemonToken

/** For whoever needs none of its own; the first of them finds it as it began. */
const home = gatewayHome(t)
const daemon = await serve(t, { home })

t.test('with its defaults it connects, asks and hears events', async t => {
  const reference = startReference(t, daemon.url, { token })
  const hello = await reference.until('hellos')
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.match(hello, { protocol: 4, auth: { role: 'operator', scopes: ['operator.admin'] } })

  const { client } = reference
  t.equal(healthProblem(await client.request('health')), undefined)
  t.match(await client.request('status', {}), { runtimeVersion: hello.server.version, phase: 'ready', sessions: { count: 0 } })
  const presence = await client.request<object[]>('system-presence')
  t.match(presence, [{ mode: 'gateway', reason: 'self' }])
  await client.request('system-event', { text: 'somebody came in', instanceId: 'interop' })
  t.match(await reference.event('presence'), { payload: { presence: Array }, stateVersion: { presence: Number } })
  await t.rejects(client.request('no.such.method', {}), { message: 'unknown method: no.such.method' })
  t.same(reference.gaps, [], 'no event was missed')
  t.same(reference.refusals, [])
})

t.test('it holds a conversation and hears it word by word, and the daemon knows it after a restart', async t => {
  const home = gatewayHome(t)
  const daemon = await serve(t, { home })
  const { client, until, events } = startReference(t, daemon.url, { token })
  await until('hellos')
  const sessionKey = 'agent:main:main'
  await client.request('sessions.messages.subscribe', { key: sessionKey })
  const send = { sessionKey, message: '/slow 100\n/words 5', idempotencyKey: 'once' }
  t.same(await client.request('chat.send', send), { runId: 'once', status: 'started' })
  t.match(await client.request('agent.wait', { runId: 'once', timeoutMs: 10_000 }), { status: 'ok' })
  await eventually(() => events.some(({ event, payload }) => event === 'chat' && payload.state === 'final'))
  const said = events.filter(({ event }) => event === 'chat').map(({ payload }) => payload)
  t.same(said.flatMap(payload => contractProblem('ChatEvent', payload) ?? []), [])
  t.ok(said.filter(({ state }) => state === 'delta').length > 1)
  t.match(said.at(-1), { runId: 'once', state: 'final', message: { role: 'assistant' } })
  t.same(await client.request('chat.send', send), { runId: 'once', status: 'ok' }, 'the same key is not answered twice')
  const history = await client.request<{ messages: object[] }>('chat.history', { sessionKey })
  t.equal(history.messages.length, 2)
  await client.stopAndWait()
  await stop(daemon)

  const later = startReference(t, (await serve(t, { home })).url, { token })
  await later.until('hellos')
  t.same((await later.client.request<{ messages: object[] }>('chat.history', { sessionKey })).messages, history.messages)
})

t.test('a device pairs without being asked for on this machine, and comes back with its token alone', async t => {
  const device = createDevice()
  const options = { clientName: 'cli', mode: 'cli', role: 'operator', scopes: ['operator.read'] } as const
  const first = startReference(t, daemon.url, { ...options, token }, device)
  await first.until('hellos')
  const stored = operatorToken(device)
  t.match(stored, { token: /^[\w-]{43}$/, scopes: ['operator.read'] }, 'it was given a token to keep')
  await first.client.stopAndWait()

  const again = startReference(t, daemon.url, options, device)
  t.match(await again.until('hellos'), { auth: { role: 'operator', scopes: ['operator.read'] } })
  t.same(operatorToken(device), stored)
  t.match(await again.client.request('status', {}), { phase: 'ready' })
  await t.rejects(again.client.request('config.patch', {}), { message: 'missing scope: operator.admin' })
})

t.test('a shared token that has become wrong falls back on the stored device token', async t => {
  const device = createDevice()
  const options = { clientName: 'cli', mode: 'cli', scopes: ['operator.read'] } as const
  const first = startReference(t, daemon.url, { ...options, token }, device)
  await first.until('hellos')
  await first.client.stopAndWait()

  const second = startReference(t, daemon.url, { ...options, token: 'the-token-of-yesterday' }, device)
  t.match(await second.until('hellos'), { auth: { scopes: ['operator.read'] } })
  t.match(second.closes, [{ code: 1008 }], 'the wrong token was refused first')
})

t.test('a token that was revoked is thrown away by the client', async t => {
  const device = createDevice()
  const options = { clientName: 'cli', mode: 'cli', scopes: ['operator.read'] } as const
  const first = startReference(t, daemon.url, { ...options, token }, device)
  await first.until('hellos')
  const revoked = await runCommand(t, home, ['devices', 'revoke', '--port', String(daemon.port), '--device', device.identity.deviceId, '--role', 'operator', '--token', token])
  t.equal(revoked.code, 0, revoked.stderr)
  t.match(await first.until('closes'), { code: 4001 }, 'its live connection ended at once')
  await first.client.stopAndWait()

  const second = startReference(t, daemon.url, options, device)
  t.match(await second.until('refusals'), { details: { code: 'AUTH_DEVICE_TOKEN_MISMATCH' } })
  t.ok(device.cleared > 0)
  t.equal(operatorToken(device), undefined)
})

t.test('a wrong token is refused in words that the client understands, and it stops knocking', async t => {
  const reference = startReference(t, daemon.url, { token: 'wrong' })
  t.match(await reference.until('refusals'), {
    gatewayCode: 'INVALID_REQUEST',
    details: { code: 'AUTH_TOKEN_MISMATCH', canRetryWithDeviceToken: false, recommendedNextStep: 'update_auth_credentials' }
  })
  t.match(await reference.until('pauses'), { code: 1008, detailCode: 'AUTH_TOKEN_MISMATCH' })
  t.same(reference.hellos, [])
})

t.test('a device asks for more, waits for the decision, and comes back with it', async t => {
  const device = createDevice()
  const reference = startReference(t, daemon.url, { token, clientName: 'cli', mode: 'cli', scopes: ['operator.read'] }, device)
  await reference.until('hellos')

  const upgrade = new GatewayScopeUpgrade({
    request: (method, params, options) => reference.client.request(method, params, options),
    tokenStore: {
      load: () => operatorToken(device) ?? null,
      store: ({ deviceId, role, token, scopes }) => { device.tokens.set(`${deviceId} ${role}`, { token, scopes }) },
      clear: () => { device.tokens.clear() }
    },
    reconnect: () => reference.client.stop()
  })
  const binding = { clientId: 'cli', deviceId: device.identity.deviceId, role: 'operator' }
  const pending = Promise.withResolvers<string>()
  const outcome = upgrade.requestScopeUpgrade({ binding, scopes: ['operator.read', 'operator.write'], onPending: pending.resolve })
  outcome.catch(pending.reject)
  const approved = await runCommand(t, home, ['devices', 'approve', await pending.promise, '--port', String(daemon.port)])
  t.equal(approved.code, 0, approved.stderr)
  t.match(await outcome, { status: 'approved', scopes: ['operator.read', 'operator.write'] })

  const wider = startReference(t, daemon.url, { clientName: 'cli', mode: 'cli', scopes: ['operator.read', 'operator.write'] }, device)
  t.match(await wider.until('hellos'), { auth: { scopes: ['operator.read', 'operator.write'] } })
})

t.test('a client that is there before the gateway gets in when it comes', async t => {
  const home = gatewayHome(t)
  const port = await freePort()
  const reference = createReference(t, `ws://127.0.0.1:${port}`, { token })
  const readiness = await startGatewayClientWhenEventLoopReady(reference.client)
  t.equal(readiness.ready, true)
  await reference.until('refusals')
  const daemon = await startDaemon(t, { home, port })
  t.match(await reference.until('hellos'), { type: 'hello-ok' })
  await daemon.ready()
})

t.test('a restart is announced, and the client is back by itself', { skip }, async t => {
  const home = gatewayHome(t)
  const daemon = await serve(t, { home })
  const device = createDevice()
  const reference = startReference(t, daemon.url, { token, clientName: 'cli', mode: 'cli', scopes: ['operator.read'] }, device)
  const before = await reference.until('hellos')
  daemon.kill('SIGUSR2')
  t.match(await reference.until('closes'), { code: 1012, reason: 'service restart' })
  t.match(await reference.event('shutdown'), { payload: { reason: 'gateway restarting' } })
  const after = await reference.until('hellos', 2)
  t.not(after.server.bootId, before.server.bootId)
  t.equal(after.auth.deviceToken, before.auth.deviceToken, 'paired before, paired after')
  t.match(await reference.client.request('health'), { ok: true })

  const { port } = daemon
  t.equal((await stop(daemon)).code, 0)
  await serve(t, { home, port })
  await reference.until('hellos', 3)
  t.match(await reference.client.request('health'), { ok: true })
  t.same(reference.gaps, [])
})

t.test('a node is let in with its declaration waiting for approval', async t => {
  const device = createDevice()
  const options = { token, clientName: 'node-host', mode: 'node', role: 'node', scopes: [], caps: ['system'], commands: ['system.notify'] } as const
  const node = startReference(t, daemon.url, options, device)
  t.match(await node.until('hellos'), { protocol: 4, auth: { role: 'node' } })
  const listed = await runCommand(t, home, ['gateway', 'call', 'node.list', '--port', String(daemon.port), '--token', token, '--json'])
  t.match(JSON.parse(listed.stdout), { nodes: [{ nodeId: device.identity.deviceId, connected: true }] })
})

t.test('the browser entry pairs from the own origin of the gateway and keeps its token', async t => {
  const browser = createBrowser(t, daemon, { token })
  const hello = await browser.hello()
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.match(hello, { auth: { role: 'operator', scopes: ['operator.read'] } })
  t.match(await browser.client.request('status', {}), { phase: 'ready' })
  t.match(browser.stored(), { scopes: ['operator.read'] })
  browser.client.stop()

  const again = createBrowser(t, daemon, { identity: browser.identity, stored: browser.stored() })
  t.match(await again.hello(), { auth: { scopes: ['operator.read'] } }, 'the stored token is enough')
})

t.test('the browser entry on a page of somebody else is told why it stays out', async t => {
  const browser = createBrowser(t, daemon, { token, origin: 'https://elsewhere.example' })
  await t.rejects(browser.hello(), { message: /^origin not allowed/ })
})
