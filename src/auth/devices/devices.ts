import { createAdministration } from './administration.ts'
import { createApproval } from './approval.ts'
import { activeToken, assess, hasRole } from './authority.ts'
import { deviceLimits, freshDevice, type DeviceContext } from './context.ts'
import { createNodeSurfaces } from './node-surface.ts'
import { createPendingRequests } from './pending.ts'
import { mayActOn } from './permissions.ts'
import { loadRecords, put } from './records.ts'
import { createSetupCodes } from './setup-codes.ts'
import { createSightings } from './sightings.ts'
import { byTime, summaryOf } from './summaries.ts'
import { createTokenMaker } from './token-maker.ts'
import { createTokens } from './tokens.ts'
import type { Devices, DevicesOptions } from './room.ts'
import type { DeviceSummary } from './types.ts'

export type { Devices } from './room.ts'

/** Which devices are trusted with what. Reads are from memory; a change is durable before anybody is told. */
export async function createDevices (options: DevicesOptions): Promise<Devices> {
  const notice = options.notice ?? (() => {})
  const records = await loadRecords(options.store, notice)
  const maker = await createTokenMaker({ stateDir: options.stateDir, notice, keyExpected: records.liveTokens > 0 })
  const sightings = createSightings()
  const context: DeviceContext = { ...options, records, maker, sightings }
  const pendingRequests = createPendingRequests(context)
  const approval = createApproval(context, pendingRequests)
  const saving = createSaving(context)

  function listPaired (connectedIds: ReadonlySet<string>): DeviceSummary[] {
    return [...records.devices.keys()]
      .map(deviceId => ({ ...summaryOf(freshDevice(context, deviceId)!), connected: connectedIds.has(deviceId) }))
      .sort(byTime(({ approvedAtMs }) => approvedAtMs))
  }

  const listPending = () => pendingRequests.list().sort(byTime(({ ts }) => ts))

  return {
    get: deviceId => freshDevice(context, deviceId),
    isPaired: (deviceId, publicKey) => records.devices.get(deviceId)?.publicKey === publicKey,
    listPending,
    listPaired,
    list: (caller, connectedIds) => ({
      pending: listPending().filter(({ deviceId }) => mayActOn(caller, deviceId)),
      paired: listPaired(connectedIds).filter(({ deviceId }) => mayActOn(caller, deviceId))
    }),
    assess: claims => assess(records.devices.get(claims.deviceId), claims),
    stillAuthorized ({ deviceId, publicKey, role, tokenHash }) {
      const device = records.devices.get(deviceId)
      if (!device || device.publicKey !== publicKey || !hasRole(device, role)) return false
      return tokenHash === undefined || activeToken(device, role)?.tokenHash === tokenHash
    },
    request: pendingRequests.request,
    approve: approval.approve,
    admit: approval.admit,
    ...createAdministration(context, pendingRequests),
    ...createTokens(context),
    ...createSetupCodes(context, approval, pendingRequests),
    ...createNodeSurfaces(context),
    touch (deviceId, reason, address) {
      if (!records.devices.has(deviceId)) return
      sightings.seen(deviceId, reason, options.now(), address)
      saving.soon()
    },
    stats: () => ({
      paired: records.devices.size,
      pending: pendingRequests.list().length,
      setupCodes: records.setups.size,
      nodeSurfaces: records.surfaces.size,
      liveTokens: records.liveTokens,
      unsavedSightings: sightings.size
    }),
    close: saving.close
  }
}

const devicesPerCommit = 200

/** Saves sightings now and then, and when the gateway stops. A failure leaves them for the next time. */
function createSaving ({ records, sightings }: DeviceContext): { soon: () => void, close: () => Promise<void> } {
  let timer: NodeJS.Timeout | undefined

  async function saveAll (): Promise<void> {
    const unsaved = sightings.unsaved()
    for (let start = 0; start < unsaved.length; start += devicesPerCommit) {
      await Promise.all(unsaved.slice(start, start + devicesPerCommit).map(([deviceId, sighting]) => records.inLane(deviceId, async () => {
        const device = records.devices.get(deviceId)
        if (device) await records.commit([put('devices', deviceId, sightings.merged(device))])
        sightings.saved(deviceId, sighting)
      })))
    }
  }

  const save = (): Promise<void> => saveAll().catch(() => {})

  return {
    soon () {
      if (timer) return
      timer = setTimeout(() => {
        timer = undefined
        save()
      }, deviceLimits.sightingsSaveMs)
      timer.unref()
    },
    close () {
      clearTimeout(timer)
      return save()
    }
  }
}
