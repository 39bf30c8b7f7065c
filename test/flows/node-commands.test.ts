/** Commands that nodes are asked for: who may ask, what is asked, what becomes of it when the node fails, is late, or goes. */
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, type Frame } from '../helper.ts'
import { machine, withNode } from './node-scene.ts'

let keys = 0
const asking = (nodeId: string, command: string, more: object = {}) => ({ nodeId, command, idempotencyKey: `key-${++keys}`, ...more })

t.test('a command reaches the node as it was asked, and its answer whoever asked', async t => {
  const { admin, node, nodeId } = await withNode(t)
  const params = asking(nodeId, 'system.notify', { params: { title: 'Build', body: 'Done' }, timeoutMs: 5000 })
  const answer = admin.request('node.invoke', params)
  const { payload: request } = await node.event('node.invoke.request')
  t.equal(contractProblem('NodeInvokeRequestEvent', request), undefined)
  t.match(request, { nodeId, command: 'system.notify', paramsJSON: '{"title":"Build","body":"Done"}', timeoutMs: 5000, idempotencyKey: params.idempotencyKey })
  t.same((await node.request('node.invoke.result', { id: request.id, nodeId, ok: true, payload: { shown: true } })).payload, { ok: true })
  t.same((await answer).payload, { ok: true, nodeId, command: 'system.notify', payload: { shown: true }, payloadJSON: '{"shown":true}' })
  t.same((await node.request('node.invoke.result', { id: request.id, nodeId, ok: true })).payload, { ok: true, ignored: true }, 'nobody waits any more')
  t.same((await node.request('node.invoke.progress', { invokeId: request.id, nodeId, seq: 0, chunk: 'x' })).payload, { ok: true, ignored: true })
  t.match(await node.request('node.invoke.result', { id: request.id, nodeId: 'another', ok: true }), { ok: false, error: { code: 'FORBIDDEN' } })
  for (const client of [admin, node]) await closeClient(client)
})

t.test('what a node cannot do is told with its own words', async t => {
  const { admin, node, nodeId } = await withNode(t)
  const failed = admin.request('node.invoke', asking(nodeId, 'system.notify'))
  const { payload: first } = await node.event('node.invoke.request')
  await node.request('node.invoke.result', { id: first.id, nodeId, ok: false, error: { code: 'BOOM', message: 'it failed' } })
  t.match(await failed, { ok: false, error: { code: 'UNAVAILABLE', message: 'BOOM: it failed', details: { nodeError: { code: 'BOOM' }, nodeCommandDispatched: true } } })

  const broken = admin.request('node.invoke', asking(nodeId, 'system.notify'))
  const second = (await node.frame((frame: Frame) => frame.event === 'node.invoke.request' && frame.payload.id !== first.id)).payload
  await node.request('node.invoke.result', { id: second.id, nodeId, ok: true, payloadJSON: '{broken' })
  t.match(await broken, { ok: false, error: { details: { nodeError: { code: 'INVALID_RESULT' } } } })

  const late = await admin.request('node.invoke', asking(nodeId, 'system.notify', { timeoutMs: 50 }))
  t.match(late, { ok: false, error: { code: 'UNAVAILABLE', details: { nodeError: { code: 'TIMEOUT' } } } })
  t.match((await node.event('node.invoke.cancel')).payload, { nodeId })

  const left = admin.request('node.invoke', asking(nodeId, 'system.notify', { params: { last: true } }))
  await node.frame((frame: Frame) => frame.event === 'node.invoke.request' && frame.payload.paramsJSON === '{"last":true}')
  await closeClient(node)
  t.match(await left, { ok: false, error: { details: { nodeError: { code: 'DISCONNECTED' }, nodeCommandDispatched: true } } })
  const offline = await admin.request('node.invoke', asking(nodeId, 'system.notify'))
  t.match(offline, { ok: false, error: { code: 'UNAVAILABLE', retryable: true, details: { code: 'NOT_CONNECTED', nodeCommandDispatched: false, nextStep: /node run/ } } })
  await closeClient(admin)
})

t.test('only what is offered, approved and allowed for such a machine is asked', async t => {
  const { admin, gateway, node, nodeId } = await withNode(t, { gateway: { nodes: { commands: { deny: ['computer.act'] } } } })
  const refused = async (command: string, client = admin, id = nodeId): Promise<Frame> => (await client.request('node.invoke', asking(id, command))).error
  t.match(await refused('camera.snap'), { code: 'INVALID_REQUEST', details: { reason: 'command not allowlisted', command: 'camera.snap', nextStep: /gateway.nodes.commands.allow/ } })
  t.match(await refused('computer.act'), { details: { reason: 'command not allowlisted' } }, 'deny wins')
  t.match(await refused('fs.listDir'), { details: { reason: 'command not declared by node' } })
  t.match(await refused('system.notify', admin, 'nobody'), { code: 'UNAVAILABLE', retryable: true, details: { code: 'PAIRING_CHANGED' } })
  const stranger = machine(gateway)
  const waiting = await stranger.connect()
  t.match(await refused('system.notify', admin, stranger.nodeId), { details: { code: 'PAIRING_CHANGED' } }, 'nobody has approved it')
  const odd = machine(gateway, { deviceFamily: 'iPhone' })
  const pretender = await odd.connect()
  const { requestId } = (await admin.frame((frame: Frame) => frame.event === 'node.pair.requested' && frame.payload.nodeId === odd.nodeId)).payload
  await admin.request('node.pair.approve', { requestId })
  t.match(await refused('system.run', admin, odd.nodeId), { details: { reason: 'command not allowlisted', platform: 'unknown' } }, 'a Linux that is an iPhone')

  const writer = (await admitted(gateway.url, { scopes: ['operator.write'] })).client
  t.match(await refused('system.run', writer), { code: 'FORBIDDEN', details: { missingScope: 'operator.admin' } })
  t.match(await node.request('node.invoke', asking(nodeId, 'system.notify')), { ok: false, error: { message: 'unauthorized role: node' } })
  t.match(await admin.request('node.event', { event: 'node.host.stats' }), { ok: false, error: { message: 'unauthorized role: operator' } })
  for (const client of [admin, node, waiting, pretender, writer]) await closeClient(client)
})

t.test('whoever asks cannot say yes in the place of whoever is asked', async t => {
  const { admin, node, nodeId } = await withNode(t)
  const params = { command: ['id'], approved: true, approvalDecision: 'allow-always', resolvedBy: 'me', approvalId: 'x' }
  const answer = admin.request('node.invoke', asking(nodeId, 'system.run', { params }))
  const { payload: request } = await node.event('node.invoke.request')
  t.same(JSON.parse(request.paramsJSON), { command: ['id'] })
  await node.request('node.invoke.result', { id: request.id, nodeId, ok: true, payload: null })
  t.ok((await answer).ok)
  for (const client of [admin, node]) await closeClient(client)
})

t.test('questions wait for a node that is away, and each is told once', async t => {
  const { admin, node, nodeId, bench } = await withNode(t)
  await closeClient(node)
  await eventually(async () => (await admin.request('node.describe', { nodeId })).payload.connected, connected => connected === false)
  const first = (await admin.request('node.pending.enqueue', { nodeId, type: 'status.request' })).payload
  t.equal(contractProblem('NodePendingEnqueueResult', first), undefined)
  const second = (await admin.request('node.pending.enqueue', { nodeId, type: 'location.request', priority: 'high' })).payload
  t.same((await admin.request('node.pending.enqueue', { nodeId, type: 'status.request' })).payload.queued, first.queued, 'the same question waits once')
  t.match(await admin.request('node.pending.enqueue', { nodeId: 'nobody', type: 'status.request' }), { ok: false, error: { details: { code: 'NODE_UNKNOWN' } } })
  const back = await bench.connect()
  const drained = (await back.request('node.pending.drain', { maxItems: 1 })).payload
  t.equal(contractProblem('NodePendingDrainResult', drained), undefined)
  t.match(drained, { items: [{ id: second.queued.id, type: 'location.request' }], hasMore: true }, 'the pressing one first')
  t.match((await back.request('node.pending.drain', {})).payload, { items: [{ id: first.queued.id }], hasMore: false })
  t.match((await back.request('node.pending.drain', {})).payload, { items: [] })
  for (const client of [admin, back]) await closeClient(client)
})

t.test('what a phone cannot show in a pocket waits until somebody looks at it', async t => {
  const { admin, node, nodeId } = await withNode(t, { gateway: { nodes: { commands: { allow: ['camera.snap'] } } } })
  const answer = admin.request('node.invoke', asking(nodeId, 'camera.snap', { params: { facing: 'front' } }))
  const { payload: request } = await node.event('node.invoke.request')
  await node.request('node.invoke.result', { id: request.id, nodeId, ok: false, error: { code: 'NODE_BACKGROUND_UNAVAILABLE', message: 'in the background' } })
  const { error } = await answer
  t.match(error, { code: 'UNAVAILABLE', details: { code: 'QUEUED_UNTIL_FOREGROUND' } })
  const { actions } = (await node.request('node.pending.pull', {})).payload
  t.match(actions, [{ id: error.details.queuedActionId, command: 'camera.snap', paramsJSON: '{"facing":"front"}' }])
  t.match((await node.request('node.pending.ack', { ids: [actions[0].id] })).payload, { nodeId, ackedCount: 1 })
  t.same((await node.request('node.pending.pull', {})).payload.actions, [])
  for (const client of [admin, node]) await closeClient(client)
})

t.test('how its machine is, and whether somebody sits at it, is told by a node and kept for when it is away', async t => {
  const { admin, node, nodeId } = await withNode(t)
  const row = async (): Promise<Frame> => (await admin.request('node.describe', { nodeId })).payload
  const stats = { cpuCount: 8, loadAverage: [1.25, 1.1, 0.9], memoryTotalBytes: 100, memoryFreeBytes: 40, diskTotalBytes: 10, diskAvailableBytes: 4 }
  const told = (await node.request('node.event', { event: 'node.host.stats', payloadJSON: JSON.stringify(stats) })).payload
  t.same(told, { ok: true, event: 'node.host.stats', handled: true, reason: 'updated' })
  t.match((await admin.event('node.hostStats')).payload, { nodeId, hostStats: { ...stats, updatedAtMs: Number } })
  for (const wrong of [{ ...stats, memoryFreeBytes: 101 }, { ...stats, loadAverage: [1] }, { ...stats, diskTotalBytes: undefined }, null, 'text', []]) {
    t.match((await node.request('node.event', { event: 'node.host.stats', payload: wrong })).payload, { handled: false, reason: 'invalid_payload' })
  }
  t.match((await node.request('node.event', { event: 'node.presence.activity', payload: { idleSeconds: 30 } })).payload, { handled: true })
  t.match((await admin.event('node.presence')).payload, { nodeId, activeNodeId: nodeId })
  t.match(await row(), { active: true, lastActiveAtMs: Number, hostStats: stats })
  t.match((await node.request('node.event', { event: 'something.else', payload: {} })).payload, { ok: true, handled: false })
  t.match((await node.request('node.event', { event: 'exec.finished', payload: { runId: 'never', exitCode: 1 } })).payload, { handled: false, reason: 'unmatched_exec_event' })
  await closeClient(node)
  const away = await eventually(row, ({ connected }) => connected === false)
  t.match(away, { hostStats: stats })
  t.notOk(away.active, 'nobody sits at a machine that is not here')
  await closeClient(admin)
})

t.test('tools of a node are tools of the agents for as long as it is here', async t => {
  const { admin, gateway, node, nodeId, bench } = await withNode(t)
  const registry = await gateway.gateway.rooms.tools.registry()
  const names = () => registry.all().map(({ name }) => name)
  const tool = (name: string, command: string) => ({ pluginId: 'bench', name, description: 'Looks for programs.', command, parameters: { type: 'object' } })
  const taken = (await node.request('node.pluginTools.update', { tools: [tool('bench_which', 'system.which'), tool('bench_spy', 'camera.snap'), tool('exec', 'system.which')] })).payload
  t.match(taken, { accepted: ['bench_which'], refused: [{ name: 'bench_spy', reason: 'command not allowlisted' }, { name: 'exec', reason: /another tool/ }] })
  t.match((await admin.request('node.describe', { nodeId })).payload.nodePluginTools, [{ name: 'bench_which' }])
  const running = registry.find('bench_which')!.run({ bins: ['uname'] }, {
    sessionKey: 'agent:main:main', agentId: 'main', callId: 'call-1', signal: new AbortController().signal, update () {}
  })
  const { payload: request } = await node.event('node.invoke.request')
  t.match(request, { command: 'system.which', paramsJSON: '{"bins":["uname"]}' })
  await node.request('node.invoke.result', { id: request.id, nodeId, ok: true, payload: { uname: '/usr/bin/uname' } })
  t.match((await running).content[0], { text: /EXTERNAL[^]*\/usr\/bin\/uname/i }, 'read between marks')
  await closeClient(node)
  await eventually(names, all => !all.includes('bench_which'))
  const back = await bench.connect()
  t.notOk(names().includes('bench_which'), 'gone with its node')
  for (const client of [admin, back]) await closeClient(client)
})

t.test('agents of the owner see nodes and ask them, and let none of them run programs', async t => {
  const { admin, gateway, node, nodeId } = await withNode(t)
  const tool = (await gateway.gateway.rooms.tools.registry()).find('nodes')!
  t.ok(tool.ownerOnly, 'nobody else gets at it')
  const context = { sessionKey: 'agent:main:main', agentId: 'main', callId: 'call-1', signal: new AbortController().signal, isOwner: true, update () {} }
  const details = async (args: object): Promise<Frame> => (await tool.run({ ...args }, context)).details as Frame
  t.match(await details({ action: 'status' }), { ts: Number, nodes: [{ nodeId, displayName: 'Workbench', connected: true }] })
  const asked = details({ action: 'notify', node: 'workbench', title: 'Build' })
  const { payload: request } = await node.event('node.invoke.request')
  t.match(request, { command: 'system.notify', paramsJSON: '{"title":"Build"}' })
  await node.request('node.invoke.result', { id: request.id, nodeId, ok: true, payload: { shown: true } })
  t.match(await asked, { nodeId, payload: { shown: true } })
  t.match(await details({ action: 'invoke', node: nodeId, invokeCommand: 'system.run' }), { status: 'error', error: /exec with host=node/ })
  t.match(await details({ action: 'describe', node: 'nobody' }), { status: 'error', error: /no node/ })
  t.match(await tool.foresee!({ action: 'notify', node: nodeId, title: 'x' }, context), { wouldRun: true })
  t.match(await tool.foresee!({ action: 'invoke', node: nodeId, invokeCommand: 'camera.list' }, context), { wouldRun: false })
  const other = machine(gateway)
  const waiting = await other.connect()
  const { pending } = await details({ action: 'pending' })
  t.match(await details({ action: 'approve', requestId: pending[0].requestId }), { status: 'error', error: 'missing scope: operator.admin' }, 'that needs a person')
  for (const client of [admin, node, waiting]) await closeClient(client)
})
