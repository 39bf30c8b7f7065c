/** What waits for a node: questions it answers when it is here again, and commands that wait until somebody looks at it. */
import { randomUUID } from 'node:crypto'
import { hasPassed } from '../lib/clock.ts'
import { createLanes } from '../lib/one-at-a-time.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Collection } from '../store/store.ts'

export type WorkType = 'status.request' | 'location.request'
export type Priority = 'default' | 'normal' | 'high'

export interface WorkItem {
  readonly id: string
  readonly type: WorkType
  readonly priority: Priority
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
}

/** What the store keeps for one node. */
export interface NodeWork {
  readonly nodeId: string
  readonly revision: number
  readonly items: readonly WorkItem[]
}

export interface WantedWork {
  readonly type: WorkType
  readonly priority?: Priority
  readonly expiresInMs?: number
}

export interface DrainedWork {
  readonly revision: number
  readonly items: readonly WorkItem[]
  readonly hasMore: boolean
}

export interface PendingWork {
  /** Durable when it resolves. The same question does not wait twice. */
  enqueue (nodeId: string, wanted: WantedWork): Promise<{ readonly revision: number, readonly queued: WorkItem }>
  /** The next of them, the pressing ones first; they are the node's from now on. */
  drain (nodeId: string, maxItems?: number): Promise<DrainedWork>
  forget (nodeId: string): Promise<void>
}

export interface LiveAction {
  readonly id: string
  readonly command: string
  readonly paramsJSON: string | null
  readonly enqueuedAtMs: number
}

export interface LiveActions {
  add (nodeId: string, command: string, params: unknown): LiveAction
  pull (nodeId: string): readonly LiveAction[]
  /** How many were there. */
  ack (nodeId: string, ids: readonly string[]): number
}

const maxWaiting = 64
const defaultExpiryMs = 3_600_000
const defaultDrain = 4
const actionTtlMs = 600_000
const maxActions = 64
const maxActingNodes = 200

const urgency: { readonly [priority in Priority]: number } = { high: 0, normal: 1, default: 2 }
const byUrgency = (a: WorkItem, b: WorkItem): number => urgency[a.priority] - urgency[b.priority] || a.createdAtMs - b.createdAtMs

export function createPendingWork (collection: Collection<NodeWork>, now: () => number): PendingWork {
  /** One change of a node after the other: each begins with what the one before has stored. */
  const inLane = createLanes()

  async function read (nodeId: string): Promise<NodeWork> {
    const kept = await collection.get(nodeId)
    if (!kept) return { nodeId, revision: 0, items: [] }
    return { ...kept, items: kept.items.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > now()) }
  }

  return {
    enqueue: (nodeId, { type, priority = 'normal', expiresInMs = defaultExpiryMs }) => inLane(nodeId, async () => {
      const { items, revision } = await read(nodeId)
      const same = items.find(item => item.type === type && urgency[item.priority] <= urgency[priority])
      if (same) return { revision, queued: same }
      const others = items.filter(item => item.type !== type)
      if (others.length >= maxWaiting) throw new GatewayError('BUSY', { message: 'too much waits for this node', details: { nodeId } })
      const queued: WorkItem = { id: randomUUID(), type, priority, createdAtMs: now(), expiresAtMs: now() + expiresInMs }
      await collection.put(nodeId, { nodeId, revision: revision + 1, items: [...others, queued] })
      return { revision: revision + 1, queued }
    }),
    drain: (nodeId, maxItems = defaultDrain) => inLane(nodeId, async () => {
      const { items, revision } = await read(nodeId)
      const sorted = items.toSorted(byUrgency)
      const taken = sorted.slice(0, maxItems)
      if (taken.length === 0) return { revision, items: [], hasMore: false }
      const left = sorted.slice(maxItems)
      await collection.put(nodeId, { nodeId, revision: revision + 1, items: left })
      return { revision: revision + 1, items: taken, hasMore: left.length > 0 }
    }),
    forget: nodeId => inLane(nodeId, async () => { await collection.delete(nodeId) })
  }
}

export function createLiveActions (now: () => number): LiveActions {
  const byNode = new Map<string, LiveAction[]>()
  const isFresh = ({ enqueuedAtMs }: LiveAction): boolean => !hasPassed(enqueuedAtMs, actionTtlMs, now())
  const fresh = (nodeId: string): LiveAction[] => (byNode.get(nodeId) ?? []).filter(isFresh)

  function keep (nodeId: string, actions: LiveAction[]): void {
    byNode.delete(nodeId)
    if (actions.length > 0) byNode.set(nodeId, actions)
    for (const oldest of byNode.keys()) {
      if (byNode.size <= maxActingNodes) break
      byNode.delete(oldest)
    }
  }

  return {
    add (nodeId, command, params) {
      const action = { id: randomUUID(), command, paramsJSON: params === undefined ? null : JSON.stringify(params), enqueuedAtMs: now() }
      keep(nodeId, [...fresh(nodeId), action].slice(-maxActions))
      return action
    },
    pull (nodeId) {
      const actions = fresh(nodeId)
      keep(nodeId, actions)
      return actions
    },
    ack (nodeId, ids) {
      const before = fresh(nodeId)
      const left = before.filter(({ id }) => !ids.includes(id))
      keep(nodeId, left)
      return before.length - left.length
    }
  }
}
