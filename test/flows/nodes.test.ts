/** Setup codes from their making to their tokens, and what nodes may do before and after somebody has looked. */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, startGateway, type ConnectOptions, type Frame } from '../helper.ts'
import { behindProxy } from '../security/attacker.ts'
import { home, refusedFrom, remote } from './remote-device.ts'

t.test('a setup code from its making to the tokens it stands for', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const made = (await admin.client.request('device.pair.setupCode', { bootstrapProfile: 'limited' })).payload
  t.equal(contractProblem('DevicePairSetupCodeResult', made), undefined)
  const content = JSON.parse(Buffer.from(made.setupCode, 'base64url').toString())
  t.match(content, { url: made.gatewayUrl, bootstrapToken: /^[\w-]{43}$/, expiresAtMs: made.expiresAtMs })
  t.same((await admin.client.request('device.pair.setupStatus', { setupId: made.setupId })).payload, {})

  const device = createDeviceIdentity()
  const phone: ConnectOptions = {
    device, role: 'node', scopes: [], client: { id: 'openclaw-ios', mode: 'node', platform: 'ios', deviceFamily: 'iPhone', displayName: 'Phone' }, socket: remote,
    auth: { bootstrapToken: content.bootstrapToken }, adjust: params => ({ ...params, caps: ['camera'], commands: ['system.notify'] })
  }
  const { client, hello } = await admitted(gateway.url, phone)
  t.match(hello.auth, { role: 'node', scopes: [], deviceToken: /^[\w-]{43}$/, deviceTokens: [{ role: 'node' }, { role: 'operator', scopes: Array }] })
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.equal(hello.auth.deviceTokens[0].deviceToken, hello.auth.deviceToken)
  const completed = (await admin.client.event('device.pair.setup.completed')).payload
  t.equal(contractProblem('DevicePairSetupCompletedEvent', completed), undefined)
  t.match((await admin.client.request('device.pair.setupStatus', { setupId: made.setupId })).payload, { completion: { deviceId: device.deviceId, access: 'limited', deviceName: 'Phone' } })
  t.match((await admin.client.request('node.list', {})).payload.nodes, [{ nodeId: device.deviceId, approvalState: 'approved', commands: ['system.notify'], connected: true, remoteIp: home }], 'its first surface needs no second yes')

  const operatorToken = hello.auth.deviceTokens[1].deviceToken
  const operator = await admitted(gateway.url, { device, socket: remote, scopes: ['operator.read', 'operator.write'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios', deviceFamily: 'iPhone' }, auth: { deviceToken: operatorToken } })
  t.match(await operator.client.request('status', {}), { ok: true })
  const greedy = await refusedFrom(gateway, { device, scopes: ['operator.admin'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios' }, auth: { deviceToken: operatorToken } })
  t.equal(greedy.error.details.code, 'AUTH_SCOPE_MISMATCH', 'no more than the code was made for')
  const replayed = await refusedFrom(gateway, { ...phone, device: createDeviceIdentity() })
  t.match(replayed.error.details, { code: 'AUTH_BOOTSTRAP_TOKEN_INVALID' })
  for (const each of [client, operator.client, admin.client]) await closeClient(each)
})

t.test('a node is let in at once, and may do nothing until somebody has looked at what it offers', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const offering = (caps: string[], commands: string[]): ConnectOptions => ({
    device, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', displayName: 'Workbench', deviceFamily: 'Linux' }, adjust: params => ({ ...params, caps, commands, permissions: { camera: true } })
  })
  const row = async (): Promise<Frame> => (await admin.client.request('node.list', {})).payload.nodes.find((node: Frame) => node.nodeId === device.deviceId)
  const first = await admitted(gateway.url, offering(['system'], ['system.notify']))
  const asked = (await admin.client.event('node.pair.requested')).payload
  t.same(asked, {
    requestId: asked.requestId,
    nodeId: device.deviceId,
    clientId: 'node-host',
    clientMode: 'node',
    displayName: 'Workbench',
    platform: 'linux',
    version: '1.0.0',
    deviceFamily: 'Linux',
    caps: ['system'],
    commands: ['system.notify'],
    permissions: { camera: true },
    requiredApproveScopes: ['operator.pairing', 'operator.write'],
    silent: true,
    ts: asked.ts
  })
  t.match(await row(), {
    approvalState: 'pending-approval', pendingRequestId: asked.requestId, pendingDeclaredCaps: ['system'], pendingDeclaredCommands: ['system.notify'],
    caps: [], commands: [], connected: true, paired: true, connectedAtMs: Number, platform: 'linux', sessionHost: false, nodePluginTools: []
  })
  t.same((await admin.client.request('node.pair.list', {})).payload, { pending: [asked], paired: [] })

  const approved = (await admin.client.request('node.pair.approve', { requestId: asked.requestId })).payload
  t.match(approved, { requestId: asked.requestId, node: { nodeId: device.deviceId, caps: ['system'], commands: ['system.notify'], createdAtMs: Number, approvedAtMs: Number } })
  for (const { client } of [admin, first]) t.match((await client.event('node.pair.resolved')).payload, { requestId: asked.requestId, nodeId: device.deviceId, decision: 'approved' })
  t.match(await row(), { approvalState: 'approved', caps: ['system'], commands: ['system.notify'], permissions: { camera: true } }, 'in force without a reconnect')
  t.match((await admin.client.request('node.describe', { nodeId: device.deviceId })).payload, { approvalState: 'approved', ts: Number })
  await closeClient(first.client)
  await eventually(row, node => node.connected === false)

  const wider = await admitted(gateway.url, offering(['system', 'browser'], ['system.notify', 'system.run']))
  const again = (await admin.client.frame(frame => frame.event === 'node.pair.requested' && frame.payload.requestId !== asked.requestId)).payload
  t.same(again.requiredApproveScopes, ['operator.pairing', 'operator.admin'])
  t.match(await row(), { approvalState: 'pending-reapproval', pendingRequestId: again.requestId, caps: ['system'], commands: ['system.notify'] }, 'the approved part stays in force')
  t.match((await admin.client.request('node.pair.reject', { requestId: again.requestId })).payload, { requestId: again.requestId, nodeId: device.deviceId })
  t.match((await wider.client.event('node.pair.resolved')).payload, { decision: 'rejected' })
  await closeClient(wider.client)
  await eventually(row, node => node.connected === false)
  const narrower = await admitted(gateway.url, offering([], []))
  t.match(await row(), { approvalState: 'approved', caps: [], commands: [] }, 'what is not offered is not there')
  t.match((await admin.client.request('node.pair.remove', { nodeId: device.deviceId })).payload, { nodeId: device.deviceId })
  t.equal((await narrower.client.close()).code, 4001)
  t.equal(await row(), undefined)
  await closeClient(admin.client)
})
