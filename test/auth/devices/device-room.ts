/** The devices room over a real store, with a clock of its own and everything it says written down. */
import type { Test } from 'tap'
import { createDevices } from '../../../src/auth/devices/devices.ts'
import type {
  DeviceCaller, DeviceClaims, DeviceDecision, DeviceEvent, Devices, DeviceSettings, DevicesOptions, InvalidationTarget
} from '../../../src/auth/devices/types.ts'
import { createDeviceIdentity } from '../../../src/lib/device-identity.ts'
import { expandScopes, fullOperatorScopes, type Scope } from '../../../src/protocol/scopes.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'

export interface DeviceRoom {
  devices: Devices
  store: Store
  clock: { ms: number }
  settings: DeviceSettings
  events: Array<{ event: DeviceEvent, payload: any }>
  invalidated: Array<{ target: InvalidationTarget, reason: string }>
  notices: string[]
  /** What was announced under this name, in order. */
  told: (event: DeviceEvent) => any[]
}

export interface RoomOptions extends Partial<Pick<DevicesOptions, 'stateDir' | 'isConnected' | 'currentIssuer'>> {
  store?: Store
  settings?: Partial<DeviceSettings>
}

export async function deviceRoom (t: Test, options: RoomOptions = {}): Promise<DeviceRoom> {
  const store = options.store ?? createMemoryStore()
  const clock = { ms: 1_800_000_000_000 }
  const settings: DeviceSettings = { maxPending: 100, maxPendingPerAddress: 20, scopeSurplus: 'pending', ...options.settings }
  const events: DeviceRoom['events'] = []
  const invalidated: DeviceRoom['invalidated'] = []
  const notices: string[] = []
  const devices = await createDevices({
    store,
    now: () => clock.ms,
    settings: () => settings,
    emit: (event, payload) => events.push({ event, payload }),
    invalidate: (target, reason) => invalidated.push({ target, reason }),
    notice: text => notices.push(text),
    stateDir: options.stateDir,
    isConnected: options.isConnected,
    currentIssuer: options.currentIssuer
  })
  t.teardown(() => devices.close())
  const told = (name: DeviceEvent) => events.filter(({ event }) => event === name).map(({ payload }) => payload)
  return { devices, store, clock, settings, events, invalidated, notices, told }
}

export type Claims = DeviceClaims & { remoteAddress?: string, silent?: boolean }

/** What a new device says when it connects. */
export function newDevice (claims: Partial<Claims> = {}): Claims {
  const { deviceId, publicKey } = createDeviceIdentity()
  return { deviceId, publicKey, role: 'operator', scopes: ['operator.read'], platform: 'linux', clientId: 'cli', clientMode: 'cli', ...claims }
}

export const callerWith = (scopes: readonly Scope[], more: Partial<DeviceCaller> = {}): DeviceCaller =>
  ({ scopes: expandScopes(scopes), label: 'a caller', admin: scopes.includes('operator.admin'), ...more })

export const admin = callerWith(fullOperatorScopes, { label: 'the owner' })
export const localAdministrator: DeviceCaller = { scopes: new Set(), label: 'local', admin: false, localAdministrator: true }

/** A caller that the token of this very device authenticated. */
export const ownCaller = (deviceId: string, scopes: readonly Scope[]): DeviceCaller => callerWith(scopes, { deviceId, label: `device:${deviceId}` })

export async function paired (devices: Devices, claims: Partial<Claims> = {}): Promise<Claims & { decision: DeviceDecision }> {
  const device = newDevice(claims)
  const { requestId } = await devices.request(device)
  return { ...device, decision: await devices.approve(requestId, { caller: localAdministrator }) }
}

/** What the device gets in its hello. */
export async function tokenOf (devices: Devices, { deviceId, role, scopes }: Claims): Promise<string> {
  const { token } = await devices.issueToken({ deviceId, role, scopes })
  return token!
}

export const check = (claims: Claims, token: string, more: Partial<Claims> = {}) => {
  const { deviceId, publicKey, role, scopes } = { ...claims, ...more }
  return { deviceId, publicKey, role, scopes, token }
}
