import t from 'tap'
import { contractProblem, healthProblem } from '../contract.ts'
import { admitted, closeClient, operatorScopes, startGateway } from '../helper.ts'

t.test('requests after connect', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const reader = await admitted(gateway.url, { scopes: ['operator.read'] })
  const nobody = await admitted(gateway.url, { scopes: [] })

  await t.test('health needs no scope and ignores its params', async t => {
    for (const { client } of [admin, reader, nobody]) {
      const { ok, payload } = await client.request('health', 'anything')
      t.ok(ok)
      t.equal(healthProblem(payload), undefined)
    }
  })

  await t.test('an unknown method is named to administrators, and is a missing scope for everybody else', async t => {
    t.match(await admin.client.request('no.such.method', {}), { error: { code: 'INVALID_REQUEST', message: 'unknown method: no.such.method' } })
    const hidden = { error: { code: 'FORBIDDEN', message: 'missing scope: operator.admin', details: { code: 'MISSING_SCOPE', missingScope: 'operator.admin', requiredScopes: ['operator.admin'] } } }
    t.match(await reader.client.request('no.such.method', {}), hidden)
    t.match(await nobody.client.request('toString', {}), hidden, 'names of the object prototype are no methods')
    t.match(await admin.client.request('__proto__', {}), { error: { message: 'unknown method: __proto__' } })
  })

  await t.test('scope comes before params', async t => {
    t.match(await reader.client.request('config.patch', {}), { error: { code: 'FORBIDDEN', message: 'missing scope: operator.admin' } })
    t.match(await reader.client.request('device.pair.approve', {}), { error: { code: 'FORBIDDEN', message: 'missing scope: operator.pairing' } })
    t.match(await admin.client.request('device.pair.approve', {}), { error: { code: 'INVALID_REQUEST', message: "invalid device.pair.approve params: must have required property 'requestId'" } })
  })

  await t.test('methods that change something refuse what they do not know; methods that read ignore it', async t => {
    t.match(await admin.client.request('device.pair.reject', { requestId: 'x', bogus: 1 }), { error: { message: "invalid device.pair.reject params: at root: unexpected property 'bogus'" } })
    t.match(await admin.client.request('system.info', { bogus: 1 }), { ok: true })
    t.match(await admin.client.request('logs.tail', { limit: 'many' }), { error: { message: 'invalid logs.tail params: at /limit: must be integer' } })
  })

  await t.test('a method of the other role', async t => {
    t.match(await admin.client.request('node.pair.list', {}), { ok: true })
    const node = await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
    t.match(await node.client.request('status', {}), { error: { code: 'INVALID_REQUEST', message: 'unauthorized role: node' } })
    await closeClient(node.client)
  })

  await t.test('frames that are no requests are answered and do not end the connection', async t => {
    const { client } = await admitted(gateway.url)
    client.send({ type: 'event', event: 'x' })
    t.match(await client.frame(frame => frame.id === 'invalid'), { ok: false, error: { code: 'INVALID_REQUEST', message: /^invalid request frame: must have required property 'id'/ } })
    client.send({ type: 'req', id: 'no-method' })
    t.match(await client.frame(frame => frame.id === 'no-method'), { error: { message: "invalid request frame: must have required property 'method'" } })
    client.send('this is not json')
    client.send('')
    t.match(await client.request('health'), { ok: true })
    await closeClient(client)
  })

  await t.test('an authenticated frame over 25 MiB ends the connection, one just below is read', async t => {
    const { client } = await admitted(gateway.url)
    const filler = 'x'.repeat(26_214_400 - 200)
    t.match(await client.request('health', { filler }, 20_000), { ok: true })
    client.send(JSON.stringify({ type: 'req', id: 'big', method: 'health', params: { filler: 'x'.repeat(26_214_400) } }))
    t.equal((await client.close(20_000)).code, 1009)
  })

  await t.test('results have the published shapes', async t => {
    const results = {
      SystemInfoResult: await admin.client.request('system.info', {}),
      LogsTailResult: await admin.client.request('logs.tail', {}),
      AgentsListResult: await admin.client.request('agents.list', {}),
      AgentIdentityResult: await admin.client.request('agent.identity.get', {}),
      ConfigSchemaResponse: await admin.client.request('config.schema', {}),
      ConfigSchemaLookupResult: await admin.client.request('config.schema.lookup', { path: 'gateway.port' }),
      UpdateStatusResult: await admin.client.request('update.status', {}),
      ModelsListResult: await admin.client.request('models.list', {}),
      CommandsListResult: await admin.client.request('commands.list', {}),
      TasksListResult: await admin.client.request('tasks.list', {}),
      QuestionListResult: await admin.client.request('question.list', {}),
      SessionsBranchesListResult: await admin.client.request('sessions.branches.list', { sessionKey: 'agent:main:main' }),
      SessionsCompanionStateResult: await admin.client.request('sessions.companion.state', { sessionKey: 'agent:main:main' }),
      ProgressCardGetResult: await admin.client.request('progressCard.get', { sessionKey: 'agent:main:main' }),
      ExecApprovalsSnapshot: await admin.client.request('exec.approvals.get', {}),
      ChannelsStatusResult: await admin.client.request('channels.status', {}),
      ChannelsPairingListResult: await admin.client.request('channels.pairing.list', {}),
      PluginsListResult: await admin.client.request('plugins.list', {}),
      SessionsObserverVisibilityResult: await admin.client.request('sessions.observer.visibility', { visible: true })
    }
    for (const [definition, response] of Object.entries(results)) {
      t.ok(response.ok, definition)
      t.equal(contractProblem(definition, response.payload), undefined, definition)
    }
    const { payload } = await admin.client.request('system-presence')
    for (const entry of payload) t.equal(contractProblem('PresenceEntry', entry), undefined)
  })

  await t.test('identity, config and users.self', async t => {
    t.match((await admin.client.request('gateway.identity.get')).payload, { deviceId: /^[0-9a-f]{64}$/, publicKey: /^[\w-]{43}$/ })
    t.match((await admin.client.request('config.get')).payload, { exists: true, valid: true, config: { gateway: { auth: { token: '__OPENCLAW_REDACTED__' } } } })
    t.match(await admin.client.request('users.self'), { error: { code: 'FORBIDDEN', message: 'users.self requires an authenticated user' } })
  })

  for (const { client } of [admin, reader, nobody]) await closeClient(client)
})

t.test('repeated calls with the wrong role end the connection', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
  for (let i = 0; i < 11; i++) client.send({ type: 'req', id: `r${i}`, method: 'status' })
  t.same(await client.close(), { code: 1008, reason: 'repeated unauthorized calls' })
})

t.test('events go to those who may see them, numbered without holes', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const reader = await admitted(gateway.url, { scopes: ['operator.read'] })
  const nobody = await admitted(gateway.url, { scopes: [] })
  for (let i = 0; i < 5; i++) {
    await admin.client.request('system-event', { text: `beacon ${i}`, instanceId: `host-${i}` })
    await new Promise(resolve => setTimeout(resolve, 80))
  }
  gateway.gateway.rooms.events.emit('tick', { ts: 1 })
  for (const { client } of [admin, reader, nobody]) await client.event('tick')
  for (const { client } of [admin, reader]) {
    const seqs = client.frames.filter(frame => frame.type === 'event' && frame.event !== 'connect.challenge').map(frame => frame.seq)
    t.same(seqs, seqs.map((_seq, index) => index + 1))
    t.ok(seqs.length >= 5, 'presence and tick arrived')
  }
  t.same(nobody.client.frames.filter(frame => frame.event === 'presence'), [], 'presence needs operator.read')
  const presence = reader.client.frames.findLast(frame => frame.event === 'presence')!
  t.match(presence.payload.presence.find((entry: { instanceId: string }) => entry.instanceId === 'host-4'), { text: 'beacon 4', reason: 'beacon' })
  t.match(presence.stateVersion, { presence: Number, health: Number })
  for (const { client } of [admin, reader, nobody]) await closeClient(client)
})

t.test('a client that does not read is cut, and the others do not notice', async t => {
  const gateway = await startGateway(t)
  const slow = await admitted(gateway.url)
  const good = await admitted(gateway.url)
  ;(slow.client.socket as unknown as { _socket: { pause (): void } })._socket.pause()
  const text = 'x'.repeat(1024 * 1024)
  const cut = (): boolean => gateway.log.some(line => line.includes('cut a slow consumer'))
  for (let i = 0; i < 200 && !cut(); i++) {
    gateway.gateway.rooms.events.emit('config.changed', { filler: text })
    t.match(await good.client.request('health'), { ok: true })
  }
  t.ok(cut())
  for (let i = 0; i < 100 && gateway.gateway.rooms.connections.counts().connected > 1; i++) await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(gateway.gateway.rooms.connections.counts().connected, 1)
  await closeClient(good.client)
})

/** Parts of another program's page: nothing is added here. */
const placeholderNames = ['openclaw.approval.list', 'plugins.controlUi.list', 'progressCard.get', 'question.list', 'sessions.companion.state']

t.test('the placeholders are these, and nothing else pretends', async t => {
  const { methods } = await import('../../src/methods/index.ts')
  const names = Object.entries(methods).filter(([, method]) => method.placeholder !== undefined).map(([name]) => name).sort()
  t.same(names, placeholderNames)
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url, { scopes: [...operatorScopes, 'operator.questions'] })
  for (const name of names) {
    t.match(await client.request(name, {}), { ok: true }, name)
  }
  await closeClient(client)
})
