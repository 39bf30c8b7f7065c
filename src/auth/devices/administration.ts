import { GatewayError } from '../../protocol/errors.ts'
import { freshDevice, type DeviceContext } from './context.ts'
import type { PendingRequests } from './pending.ts'
import { denied, mayActOn } from './permissions.ts'
import { put, remove, type Change } from './records.ts'
import { setupsOf } from './setup-codes.ts'
import type { Devices } from './room.ts'
import type { DeviceCaller, PendingRequest } from './types.ts'

export type Administration = Pick<Devices, 'reject' | 'remove' | 'rename'>

/** Saying no, taking away, and giving names. */
export function createAdministration (context: DeviceContext, pendingRequests: PendingRequests): Administration {
  const { records, sightings, now, emit, invalidate } = context

  const resolved = ({ requestId, deviceId }: PendingRequest, decision: string): void =>
    emit('device.pair.resolved', { requestId, deviceId, decision, ts: now() })
  const changed = (deviceId: string, change: string): void => emit('device.pair.changed', { deviceId, change, ts: now() })

  const revokedSetups = (deviceId: string): Change[] =>
    setupsOf(context, deviceId).map(setup => put('setup-codes', setup.setupId, { ...setup, revokedAtMs: now() }))

  async function reject (requestId: string, caller: DeviceCaller): Promise<{ requestId: string, deviceId: string }> {
    const request = pendingRequests.find(requestId)
    if (!request) throw new GatewayError('PAIRING_REQUEST_UNKNOWN')
    if (!mayActOn(caller, request.deviceId)) throw denied('device pairing rejection')
    await records.commit([remove('device-requests', requestId), ...revokedSetups(request.deviceId)])
    resolved(request, 'rejected')
    return { requestId, deviceId: request.deviceId }
  }

  async function removeDevice (deviceId: string, caller: DeviceCaller): Promise<{ deviceId: string }> {
    if (!mayActOn(caller, deviceId)) throw denied('device pairing removal')
    if (!records.devices.has(deviceId)) throw new GatewayError('DEVICE_UNKNOWN')
    const waiting = pendingRequests.ofDevice(deviceId)
    const surface = records.surfaces.get(deviceId)
    await records.commit([
      remove('devices', deviceId),
      ...(surface ? [remove('node-surfaces', deviceId)] : []),
      ...(waiting ? [remove('device-requests', waiting.requestId)] : []),
      ...revokedSetups(deviceId)
    ])
    sightings.forget(deviceId)
    if (waiting) resolved(waiting, 'rejected')
    if (surface) emit('node.pair.resolved', { requestId: '', nodeId: deviceId, decision: 'removed', ts: now() })
    changed(deviceId, 'removed')
    invalidate({ deviceId }, 'device removed')
    return { deviceId }
  }

  async function rename (deviceId: string, label: string, caller: DeviceCaller): Promise<{ deviceId: string, label: string }> {
    if (!mayActOn(caller, deviceId)) throw denied('device rename')
    const device = freshDevice(context, deviceId)
    if (!device) throw new GatewayError('DEVICE_UNKNOWN')
    await records.commit([put('devices', deviceId, { ...device, operatorLabel: label })])
    changed(deviceId, 'renamed')
    return { deviceId, label }
  }

  return {
    async reject (requestId, { caller }) {
      const deviceId = pendingRequests.find(requestId)?.deviceId ?? requestId
      return records.inLane(deviceId, () => reject(requestId, caller))
    },
    remove: (deviceId, { caller }) => records.inLane(deviceId, () => removeDevice(deviceId, caller)),
    rename: (deviceId, label, { caller }) => records.inLane(deviceId, () => rename(deviceId, label.trim(), caller))
  }
}
