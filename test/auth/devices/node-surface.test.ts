import t from 'tap'
import { requiredApproveScopes } from '../../../src/auth/devices/node-surface.ts'
import type { Devices, NodeDeclaration } from '../../../src/auth/devices/types.ts'
import { fullOperatorScopes } from '../../../src/protocol/scopes.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { admin, callerWith, deviceRoom, localAdministrator, newDevice, ownCaller, paired, type Claims } from './device-room.ts'

const nodeClaims: Partial<Claims> = { role: 'node', scopes: [], clientId: 'node-host', clientMode: 'node', displayName: 'A node' }

async function node (devices: Devices, more: Partial<Claims> = {}): Promise<NodeDeclaration> {
  const device = await paired(devices, { ...nodeClaims, ...more })
  return {
    nodeId: device.deviceId,
    clientId: 'node-host',
    clientMode: 'node',
    displayName: 'A node',
    platform: 'linux',
    version: '1.0.0',
    deviceFamily: 'Linux',
    caps: ['system'],
    commands: ['system.notify']
  }
}

t.test('what a node declares has no effect before it is approved', async t => {
  const { devices, told } = await deviceRoom(t)
  const declared = await node(devices)
  const { effective, pending } = await devices.declareSurface(declared)
  t.strictSame(effective, { caps: [], commands: [] })
  t.strictSame(pending, {
    requestId: pending!.requestId, ...declared, requiredApproveScopes: ['operator.pairing', 'operator.write'], ts: 1_800_000_000_000
  })
  t.strictSame(told('node.pair.requested'), [pending])
  t.strictSame(devices.nodePairList(), { pending: [pending], paired: [] })
})

t.test('approving puts the declaration into force at once and keeps it over a restart', async t => {
  const store = createMemoryStore()
  const { devices, told, clock } = await deviceRoom(t, { store })
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  devices.touch(declared.nodeId, 'connect')
  const { requestId } = pending!
  const result = await devices.nodeApprove(requestId, { caller: callerWith(['operator.pairing', 'operator.write'], { label: 'someone' }) })
  const approved = { ...declared, createdAtMs: clock.ms, approvedAtMs: clock.ms, approvedBy: 'someone', lastSeenAtMs: clock.ms, lastSeenReason: 'connect' }
  t.strictSame(result, { requestId, node: approved })
  t.strictSame(told('node.pair.resolved'), [{ requestId, nodeId: declared.nodeId, decision: 'approved', ts: clock.ms }])
  t.strictSame(devices.effectiveSurface(declared.nodeId, declared), { caps: ['system'], commands: ['system.notify'] })
  const after = await deviceRoom(t, { store })
  t.match(after.devices.nodePairList(), { pending: [], paired: [{ nodeId: declared.nodeId, commands: ['system.notify'] }] })
  t.strictSame((await after.devices.declareSurface(declared)).effective.commands, ['system.notify'])
  t.strictSame(after.told('node.pair.requested'), [])
})

t.test('connecting again with the same declaration is the same request', async t => {
  const { devices, told } = await deviceRoom(t)
  const declared = await node(devices)
  const first = await devices.declareSurface(declared)
  const again = await devices.declareSurface({ ...declared, caps: ['system', 'system'], version: '1.0.1' })
  t.equal(again.pending?.requestId, first.pending?.requestId)
  t.equal(told('node.pair.requested').length, 1)
})

t.test('commands that are swapped between the request and the yes need another yes', async t => {
  const { devices, told } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  const swapped = { ...declared, commands: ['system.notify', 'system.run'] }
  const { pending: other } = await devices.declareSurface(swapped)
  t.not(other!.requestId, pending!.requestId)
  await t.rejects(devices.nodeApprove(pending!.requestId, { caller: admin }), { message: 'unknown requestId' })
  t.match(told('node.pair.resolved'), [{ requestId: pending!.requestId, decision: 'rejected' }])
  t.strictSame(devices.effectiveSurface(declared.nodeId, swapped).commands, [])
  await t.rejects(devices.nodeApprove(other!.requestId, { caller: callerWith(['operator.pairing', 'operator.write']) }), { message: 'missing scope: operator.admin' })
})

t.test('a node that declares more later keeps what was approved, and the rest waits', async t => {
  const { devices } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  await devices.nodeApprove(pending!.requestId, { caller: admin })
  const wider = { ...declared, commands: ['system.notify', 'camera.list'], permissions: { camera: true } }
  const { effective, pending: more } = await devices.declareSurface(wider)
  t.strictSame(effective, { caps: ['system'], commands: ['system.notify'], permissions: { camera: false } })
  t.strictSame(more!.commands, ['system.notify', 'camera.list'])
  await devices.nodeReject(more!.requestId, { caller: admin })
  t.strictSame(devices.effectiveSurface(declared.nodeId, wider).commands, ['system.notify'])
  const { pending: asked } = await devices.declareSurface(wider)
  await devices.nodeApprove(asked!.requestId, { caller: admin })
  t.strictSame(devices.effectiveSurface(declared.nodeId, wider), { caps: ['system'], commands: ['system.notify', 'camera.list'], permissions: { camera: true } })
  t.equal(devices.nodePairList().paired.length, 1)
})

t.test('a node that declares less has less, and no longer asks', async t => {
  const { devices, told } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  await devices.nodeApprove(pending!.requestId, { caller: admin })
  const { pending: more } = await devices.declareSurface({ ...declared, commands: ['system.notify', 'camera.list'] })
  const { effective, pending: none } = await devices.declareSurface({ ...declared, caps: [] })
  t.strictSame([effective, none], [{ caps: [], commands: ['system.notify'] }, undefined])
  t.match(told('node.pair.resolved').at(-1), { requestId: more!.requestId, decision: 'rejected' })
  t.strictSame(devices.nodePairList().pending, [])
})

t.test('what an approval needs follows from the commands', t => {
  const ordinary = ['operator.pairing', 'operator.write']
  const host = ['operator.pairing', 'operator.admin']
  const cases: Array<[string[], string[]]> = [
    [[], ['operator.pairing']], [['system.notify'], ordinary], [['camera.list', 'location.get'], ordinary],
    ...['system.run', 'system.run.prepare', 'system.which', 'system.execApprovals.get', 'system.execApprovals.set', 'browser.proxy', 'browser.proxy.upload.v1',
      'fs.listDir', 'terminal.upload'].map((command): [string[], string[]] => [['system.notify', command], host])
  ]
  for (const [commands, needed] of cases) t.strictSame(requiredApproveScopes(commands), needed, String(commands))
  t.end()
})

t.test('nobody approves a surface without holding what it needs', async t => {
  const { devices } = await deviceRoom(t)
  for (const commands of [[], ['system.notify'], ['system.run']]) {
    const declared = { ...await node(devices), commands }
    const { pending } = await devices.declareSurface(declared)
    for (const needed of pending!.requiredApproveScopes) {
      const held = fullOperatorScopes.filter(scope => scope !== needed && scope !== 'operator.admin')
      await t.rejects(devices.nodeApprove(pending!.requestId, { caller: callerWith(held) }), { message: `missing scope: ${needed}` }, `${commands} without ${needed}`)
    }
    await devices.nodeApprove(pending!.requestId, { caller: localAdministrator })
  }
})

t.test('a device token decides about no other node', async t => {
  const { devices } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  const caller = ownCaller('another', ['operator.pairing', 'operator.write'])
  await t.rejects(devices.nodeApprove(pending!.requestId, { caller }), { message: 'node pairing approval denied' })
  await t.rejects(devices.nodeReject(pending!.requestId, { caller }), { message: 'node pairing rejection denied' })
  await t.rejects(devices.nodeRemove(declared.nodeId, { caller }), { message: 'node pairing removal denied' })
  await t.rejects(devices.nodeRename(declared.nodeId, 'x', { caller }), { message: 'node rename denied' })
  t.strictSame(devices.nodePairList(caller), { pending: [], paired: [] })
})

t.test('a machine that was vouched for gets its first surface approved, a silent one does not', async t => {
  const { devices } = await deviceRoom(t)
  for (const [via, approved] of [['ssh-verified', true], ['bootstrap', true], ['silent', false], ['trusted-cidr', false]] as const) {
    const device = newDevice(nodeClaims)
    await devices.admit(device, { caller: localAdministrator, via })
    const declared = { nodeId: device.deviceId, caps: [], commands: ['system.notify'] }
    const { effective, pending } = await devices.declareSurface(declared)
    t.strictSame(effective.commands, approved ? ['system.notify'] : [], via)
    t.equal(pending?.silent, via === 'silent' ? true : undefined, via)
    const { pending: wider } = await devices.declareSurface({ ...declared, commands: ['system.notify', 'system.run'] })
    t.ok(wider, `${via}: a wider one later needs a yes`)
  }
})

t.test('only a paired node declares anything, and only while it is one', async t => {
  const { devices } = await deviceRoom(t)
  const operator = await paired(devices)
  await t.rejects(devices.declareSurface({ nodeId: operator.deviceId, caps: [], commands: [] }), { code: 'NODE_UNKNOWN' })
  await t.rejects(devices.declareSurface({ nodeId: 'nobody', caps: [], commands: [] }), { code: 'NODE_UNKNOWN' })
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  await devices.nodeApprove(pending!.requestId, { caller: admin })
  await devices.revoke({ deviceId: declared.nodeId, role: 'node' }, { caller: admin })
  t.strictSame(devices.effectiveSurface(declared.nodeId, declared), { caps: [], commands: [] })
})

t.test('removing a node ends its role, its surface and its sockets; a device that is more than a node stays', async t => {
  const { devices, told, invalidated } = await deviceRoom(t)
  const only = await node(devices)
  await devices.declareSurface(only)
  t.strictSame(await devices.nodeRemove(only.nodeId, { caller: admin }), { nodeId: only.nodeId })
  t.match(told('node.pair.resolved').at(-1), { requestId: '', nodeId: only.nodeId, decision: 'removed' })
  t.strictSame(invalidated, [{ target: { deviceId: only.nodeId, role: 'node' }, reason: 'node removed' }])
  t.equal(devices.get(only.nodeId), undefined)
  await t.rejects(devices.nodeRemove(only.nodeId, { caller: admin }), { code: 'NODE_UNKNOWN' })

  const both = await paired(devices)
  await devices.admit({ ...both, ...nodeClaims, role: 'node', scopes: [] }, { caller: localAdministrator, via: 'owner' })
  await devices.nodeRemove(both.deviceId, { caller: admin })
  t.match(devices.get(both.deviceId), { roles: ['operator'], role: 'operator' })
  t.match(devices.assess({ ...both, role: 'node', scopes: [] }), { reason: 'role-upgrade' })
  t.equal(devices.assess(both).state, 'ok')
})

t.test('renaming a node is seen in both lists', async t => {
  const { devices } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface(declared)
  t.strictSame(await devices.nodeRename(declared.nodeId, 'Attic', { caller: admin }), { nodeId: declared.nodeId, displayName: 'Attic' })
  t.equal(devices.nodePairList().pending[0]?.displayName, 'Attic')
  await devices.nodeApprove(pending!.requestId, { caller: admin })
  t.equal(devices.nodePairList().paired[0]?.displayName, 'Attic')
  t.equal(devices.get(declared.nodeId)?.operatorLabel, 'Attic')
  await t.rejects(devices.nodeRename('nobody', 'x', { caller: admin }), { code: 'NODE_UNKNOWN' })
})

t.test('a declaration of any length is cut before it is kept', async t => {
  const { devices } = await deviceRoom(t)
  const declared = await node(devices)
  const { pending } = await devices.declareSurface({ ...declared, commands: Array.from({ length: 10_000 }, (_, index) => `command.${index}`) })
  t.ok(pending!.commands.length <= 512)
})
