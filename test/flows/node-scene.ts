/** A machine that lends a gateway commands, played by the test. */
import type { Test } from 'tap'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, startGateway, type ConnectOptions, type TestClient, type TestGateway } from '../helper.ts'

const commands = ['system.notify', 'system.run', 'system.which', 'camera.snap', 'computer.act']

export interface Machine {
  readonly device: DeviceIdentity
  readonly nodeId: string
  connect (): Promise<TestClient>
}

export const machine = (gateway: TestGateway, more: Partial<ConnectOptions['client']> = {}): Machine => {
  const device = createDeviceIdentity()
  const options: ConnectOptions = {
    device,
    role: 'node',
    scopes: [],
    client: { id: 'node-host', mode: 'node', displayName: 'Workbench', deviceFamily: 'Linux', ...more },
    adjust: params => ({ ...params, caps: ['system'], commands })
  }
  return { device, nodeId: device.deviceId, connect: async () => (await admitted(gateway.url, options)).client }
}

/** A node that comes, and whose commands an administrator approves. */
export async function joined (gateway: TestGateway, admin: TestClient, more: Partial<ConnectOptions['client']> = {}) {
  const bench = machine(gateway, more)
  const node = await bench.connect()
  const { requestId } = (await admin.frame(({ event, payload }) => event === 'node.pair.requested' && payload.nodeId === bench.nodeId)).payload
  const { ok, error } = await admin.request('node.pair.approve', { requestId })
  if (!ok) throw new Error(error.message)
  return { node, nodeId: bench.nodeId, bench }
}

/** A gateway with an administrator and a node whose commands were approved. */
export async function withNode (t: Test, config: { [key: string]: unknown } = {}) {
  const gateway = await startGateway(t, { config })
  const admin = (await admitted(gateway.url)).client
  return { gateway, admin, ...await joined(gateway, admin) }
}
