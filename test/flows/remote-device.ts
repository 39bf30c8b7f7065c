/** Devices that ask from far away: the test process is the proxy that says so. */
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, connect, type ConnectOptions, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { socketFrom } from '../security/attacker.ts'

export const home = '198.51.100.7'
export const remote = socketFrom(home)

/** Asks from far away, and says how it was refused. */
export async function refusedFrom (gateway: TestGateway, options: ConnectOptions): Promise<{ error: Frame, closed: { code: number, reason: string } }> {
  const { client, response } = await connect(gateway.url, { socket: remote, ...options })
  if (response.ok) throw new Error('it was let in')
  return { error: response.error, closed: await client.close() }
}

/** A device of another place that somebody has approved, and what it got. */
export async function pairedRemotely (gateway: TestGateway, admin: TestClient, options: ConnectOptions = {}): Promise<{ device: DeviceIdentity, client: TestClient, hello: Frame }> {
  const device = createDeviceIdentity()
  const asked = { scopes: ['operator.read'], ...options, device }
  const { error } = await refusedFrom(gateway, asked)
  const approved = await admin.request('device.pair.approve', { requestId: error.details.requestId })
  if (!approved.ok) throw new Error(JSON.stringify(approved.error))
  return { device, ...await admitted(gateway.url, { socket: remote, ...asked }) }
}

export const events = (client: TestClient, name: string): Frame[] => client.frames.filter(frame => frame.event === name).map(({ payload }) => payload)
