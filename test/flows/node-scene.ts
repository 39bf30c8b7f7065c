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

/** A gateway with an administrator and a node whose commands were approved. */
export async function withNode (t: Test, config: { [key: string]: unknown } = {}) {
  const gateway = await startGateway(t, { config })
  const admin = (await admitted(gateway.url)).client
  const bench = machine(gateway)
  const node = await bench.connect()
  const { requestId } = (await admin.event('node.pair.requested')).payload
  t.ok((await admin.request('node.pair.approve', { requestId })).ok)
  return { gateway, admin, node, nodeId: bench.nodeId, bench }
}
