import { createLanes, type InLane } from '../../lib/one-at-a-time.ts'
import type { Role } from '../../protocol/client-info.ts'
import type { CollectionName, Entry, Store, StoreOp } from '../../store/store.ts'
import { activeToken } from './authority.ts'
import { storedDevice, storedUnder } from './stored-shape.ts'
import type { NodeSurfaceRecord } from './node-types.ts'
import type { SetupRecord } from './setup-types.ts'
import type { PairedDevice, PendingRequest } from './types.ts'

interface Kinds {
  devices: PairedDevice
  'device-requests': PendingRequest
  'node-surfaces': NodeSurfaceRecord
  'setup-codes': SetupRecord
}
type Kind = keyof Kinds & CollectionName

/** Everything about devices in memory, for reads without waiting, and the one way to change it: first on the disk, then here. */
export interface Records {
  readonly devices: ReadonlyMap<string, PairedDevice>
  readonly pending: ReadonlyMap<string, PendingRequest>
  readonly surfaces: ReadonlyMap<string, NodeSurfaceRecord>
  readonly setups: ReadonlyMap<string, SetupRecord>
  /** Who holds this active token. */
  holderOf (tokenHash: string): { deviceId: string, role: Role } | undefined
  readonly liveTokens: number
  commit (changes: Change[]): Promise<void>
  /** Leaves memory at once; leaves the disk with the next change, which is soon enough for what counts no more. */
  drop (kind: Kind, key: string): void
  /** Changes memory only. */
  refresh (pending: PendingRequest): void
  /** One change of a device after the other, so that none is computed from a record that another is about to replace. */
  readonly inLane: InLane
}

export type Change =
  | { [K in Kind]: { kind: K, key: string, value: Kinds[K] } }[Kind]
  | { kind: Kind, key: string, value?: undefined }

export const put = <K extends Kind>(kind: K, key: string, value: Kinds[K]): Change => ({ kind, key, value } as Change)
export const remove = (kind: Kind, key: string): Change => ({ kind, key })

const roles: readonly Role[] = ['operator', 'node']

export async function loadRecords (store: Store, notice: (text: string) => void): Promise<Records> {
  const maps = {
    devices: new Map<string, PairedDevice>(),
    'device-requests': new Map<string, PendingRequest>(),
    'node-surfaces': new Map<string, NodeSurfaceRecord>(),
    'setup-codes': new Map<string, SetupRecord>()
  }
  const holders = new Map<string, { deviceId: string, role: Role }>()
  const dropped = new Map<string, StoreOp>()

  function index (device: PairedDevice | undefined, present: boolean): void {
    for (const role of device ? roles : []) {
      const token = activeToken(device!, role)
      if (!token) continue
      if (present) holders.set(token.tokenHash, { deviceId: device!.deviceId, role })
      else holders.delete(token.tokenHash)
    }
  }

  function apply ({ kind, key, value }: Change): void {
    if (kind === 'devices') {
      index(maps.devices.get(key), false)
      index(value as PairedDevice | undefined, true)
    }
    if (value === undefined) maps[kind].delete(key)
    else (maps[kind] as Map<string, unknown>).set(key, value)
  }

  async function load<K extends Kind> (kind: K, read: (entry: Entry<unknown>) => Kinds[K] | undefined): Promise<void> {
    for (const entry of await store.collection<unknown>(kind).all()) {
      const value = read(entry)
      if (value) apply(put(kind, entry.key, value))
      else notice(`the stored record ${kind}/${entry.key} is not understood; it grants nothing and stays where it is`)
    }
  }

  await load('devices', ({ key, value }) => storedDevice(key, value))
  await load('device-requests', ({ key, value }) => storedUnder('requestId', key, value))
  await load('node-surfaces', ({ key, value }) => storedUnder('nodeId', key, value))
  await load('setup-codes', ({ key, value }) => storedUnder('setupId', key, value))

  async function commit (changes: Change[]): Promise<void> {
    const late = [...dropped]
    const ops = changes.map(({ kind, key, value }): StoreOp =>
      value === undefined ? { op: 'delete', collection: kind, key } : { op: 'put', collection: kind, key, value })
    await store.commit([...late.map(([, op]) => op), ...ops])
    for (const [name] of late) dropped.delete(name)
    for (const change of changes) apply(change)
  }

  return {
    devices: maps.devices,
    pending: maps['device-requests'],
    surfaces: maps['node-surfaces'],
    setups: maps['setup-codes'],
    holderOf: tokenHash => holders.get(tokenHash),
    get liveTokens () { return holders.size },
    commit,
    drop (kind, key) {
      apply(remove(kind, key))
      dropped.set(`${kind}/${key}`, { op: 'delete', collection: kind, key })
    },
    refresh (pending) { apply(put('device-requests', pending.requestId, pending)) },
    inLane: createLanes()
  }
}
