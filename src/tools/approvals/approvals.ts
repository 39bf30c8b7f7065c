/**
 * Questions to people. Each is stored before anybody hears of it and decided once; whoever waits hears the decision, and so does the one
 * who comes back for it after a restart.
 */
import { randomUUID } from 'node:crypto'
import type { EventBus } from '../../events/bus.ts'
import { leftUntil } from '../../lib/clock.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Store, StoreOp } from '../../store/store.ts'
import { snapshotOf, type ApprovalKind, type ApprovalRecord, type Decision, type Outcome, type Resolver } from './record.ts'

export interface ApprovalsOptions {
  readonly store: Pick<Store, 'collection' | 'commit'>
  readonly emit: EventBus['emit']
  readonly now: () => number
  /** Somebody is connected who can decide about such things. */
  readonly hasApprover: (kind: ApprovalKind) => boolean
  readonly onError: (error: unknown, what: string) => void
}

export type NewApproval = Pick<ApprovalRecord, 'kind' | 'request' | 'presentation' | 'agentId' | 'sessionKey' | 'runId'> & {
  readonly id?: string
  readonly timeoutMs: number
}

export interface Resolved {
  readonly applied: boolean
  readonly record: ApprovalRecord
}

export interface HistoryPage {
  readonly items: readonly ApprovalRecord[]
  readonly nextCursor?: string
}

export interface HistoryQuery {
  readonly cursor?: string
  readonly limit?: number
  readonly kind?: string
}

export interface Approvals {
  /** Durable when it resolves. With nobody to decide it is decided already: denied for want of a route. */
  request (approval: NewApproval): Promise<ApprovalRecord>
  /** First answer wins. `applied` is false when there was one before. */
  resolve (id: string, decision: Decision, resolver: Resolver, kind?: ApprovalKind): Promise<Resolved>
  cancel (id: string): Promise<void>
  /** Settles with the record once it is decided, or as it is when the signal ends. */
  wait (id: string, signal?: AbortSignal, kind?: ApprovalKind): Promise<ApprovalRecord>
  /** Says that the decision is being acted on. */
  take (id: string): Promise<void>
  /** What a run of an earlier process asked and has not taken. */
  untaken (matches: (record: ApprovalRecord) => boolean): Promise<ApprovalRecord | undefined>
  /** Somebody was asked before a restart, and nothing has been done yet: it may be taken up as if nothing had happened. */
  isOpen (call: { readonly runId: string, readonly callId: string }): Promise<boolean>
  get (id: string, kind?: ApprovalKind): Promise<ApprovalRecord>
  pending (kind?: ApprovalKind): Promise<readonly ApprovalRecord[]>
  history (query: HistoryQuery): Promise<HistoryPage>
  /** The gateway goes down: nobody is kept waiting, and what is pending waits for the next one. */
  release (): void
  close (): void
}

const maxPending = 256
const maxKept = 1000
const keptMs = 30 * 86_400_000
const maxWaiters = 64

class Desk implements Approvals {
  private readonly records = new Map<string, ApprovalRecord>()
  private readonly timers = new Map<string, NodeJS.Timeout>()
  private readonly waiters = new Map<string, Set<(record: ApprovalRecord) => void>>()
  /** Decisions on their way to the disk. */
  private readonly settling = new Map<string, Promise<unknown>>()
  private readonly own = new Set<string>()
  private readonly options: ApprovalsOptions
  private loaded: Promise<void> | undefined
  private isClosed = false

  constructor (options: ApprovalsOptions) {
    this.options = options
  }

  private ready (): Promise<void> {
    this.loaded ??= this.load().catch((error: unknown) => {
      this.loaded = undefined
      throw error
    })
    return this.loaded
  }

  private async load (): Promise<void> {
    const entries = await this.options.store.collection<ApprovalRecord>('approvals').all()
    for (const { value } of entries.sort((a, b) => a.value.createdAtMs - b.value.createdAtMs)) this.records.set(value.id, value)
    for (const record of this.records.values()) if (!record.outcome) this.watch(record)
    const old = this.surplus()
    if (old.length > 0) await this.options.store.commit(this.forget(old))
  }

  /** Those that were decided too long ago, and the oldest of too many. */
  private surplus (): ApprovalRecord[] {
    const before = this.options.now() - keptMs
    const decided = [...this.records.values()].filter(({ outcome }) => outcome)
    return decided.filter(({ resolvedAtMs = 0 }, index) => resolvedAtMs < before || index < decided.length - maxKept)
  }

  private forget (records: readonly ApprovalRecord[]): StoreOp[] {
    return records.map(({ id }) => {
      this.records.delete(id)
      this.own.delete(id)
      return { op: 'delete', collection: 'approvals', key: id }
    })
  }

  private watch ({ id, createdAtMs, expiresAtMs }: ApprovalRecord): void {
    if (this.isClosed) return
    const leftMs = Math.min(leftUntil(expiresAtMs, expiresAtMs - createdAtMs, this.options.now()), 2_147_483_647)
    this.timers.set(id, setTimeout(() => {
      this.settle(id, { status: 'expired', reason: 'timeout' }, { kind: 'system' }).catch(error => this.options.onError(error, 'expiry'))
    }, leftMs).unref())
  }

  async request ({ id = randomUUID(), timeoutMs, ...facts }: NewApproval): Promise<ApprovalRecord> {
    await this.ready()
    if (this.records.has(id)) throw new GatewayError('APPROVAL_EXISTS', { details: { id } })
    const open = [...this.records.values()].filter(({ outcome }) => !outcome).length
    if (open >= maxPending) throw new GatewayError('BUSY', { message: `${maxPending} approvals are pending already`, details: { limit: maxPending } })
    const createdAtMs = this.options.now()
    const record: ApprovalRecord = { id, ...facts, createdAtMs, expiresAtMs: createdAtMs + timeoutMs }
    this.own.add(id)
    if (!this.options.hasApprover(facts.kind)) return await this.turnAway(record)
    this.records.set(id, record)
    try {
      await this.options.store.commit([{ op: 'put', collection: 'approvals', key: id, value: record }, ...this.forget(this.surplus())])
    } catch (error) {
      this.records.delete(id)
      this.own.delete(id)
      throw error
    }
    this.watch(record)
    this.tellRequested(record)
    return record
  }

  private async turnAway (record: ApprovalRecord): Promise<ApprovalRecord> {
    const denied: ApprovalRecord = {
      ...record,
      outcome: { status: 'denied', decision: 'deny', reason: 'no-route' },
      resolver: { kind: 'system', id: 'no-approval-route' },
      resolvedAtMs: this.options.now(),
      isTaken: true
    }
    await this.options.store.commit([{ op: 'put', collection: 'approvals', key: record.id, value: denied }])
    this.records.set(record.id, denied)
    return denied
  }

  private tellRequested (record: ApprovalRecord): void {
    const { kind, id, request, createdAtMs, expiresAtMs } = record
    this.options.emit(`${kind}.approval.requested`, { approvalKind: kind, id, request, createdAtMs, expiresAtMs })
    this.tellSession(record, 'pending')
  }

  private tellSession (record: ApprovalRecord, phase: 'pending' | 'terminal'): void {
    const { sessionKey } = record
    if (!sessionKey) return
    this.options.emit('session.approval', { sessionKey, updatedAtMs: this.options.now(), phase, approval: snapshotOf(record) }, { sessionKey })
  }

  async resolve (id: string, decision: Decision, resolver: Resolver, kind?: ApprovalKind): Promise<Resolved> {
    const record = await this.get(id, kind)
    if (!record.outcome && !record.presentation.allowedDecisions.includes(decision)) {
      const allowedDecisions = record.presentation.allowedDecisions
      throw new GatewayError('INVALID_PARAMS', { message: `${decision} is unavailable for this request`, details: { id, allowedDecisions } })
    }
    const outcome: Outcome = decision === 'deny'
      ? { status: 'denied', decision, reason: 'user' }
      : { status: 'allowed', decision, reason: 'user' }
    const applied = await this.settle(id, outcome, resolver)
    return { applied, record: this.records.get(id)! }
  }

  /** False when somebody was faster. */
  private async settle (id: string, outcome: Outcome, resolver: Resolver): Promise<boolean> {
    while (this.settling.has(id)) await this.settling.get(id)!.catch(() => {})
    const record = this.records.get(id)
    if (!record || record.outcome) return false
    const decided: ApprovalRecord = { ...record, outcome, resolver, resolvedAtMs: this.options.now() }
    const audit = { id, command: record.presentation['commandText'], outcome, resolver, agentId: record.agentId, sessionKey: record.sessionKey }
    const stored = this.options.store.commit([
      { op: 'put', collection: 'approvals', key: id, value: decided },
      { op: 'audit', atMs: decided.resolvedAtMs!, kind: `${record.kind}.approval`, value: audit }
    ])
    this.settling.set(id, stored)
    try {
      await stored
    } finally {
      this.settling.delete(id)
    }
    this.records.set(id, decided)
    this.tellResolved(decided)
    return true
  }

  private tellResolved (record: ApprovalRecord): void {
    const { id, kind, outcome, resolver, request, resolvedAtMs } = record
    clearTimeout(this.timers.get(id))
    this.timers.delete(id)
    const decision = outcome?.status === 'allowed' ? outcome.decision : 'deny'
    this.options.emit(`${kind}.approval.resolved`, { id, decision, resolvedBy: resolver?.id ?? null, ts: resolvedAtMs, request })
    this.tellSession(record, 'terminal')
    for (const hear of this.waiters.get(id) ?? []) hear(record)
  }

  async cancel (id: string): Promise<void> {
    await this.ready()
    await this.settle(id, { status: 'cancelled', reason: 'run-aborted' }, { kind: 'system' })
  }

  async wait (id: string, signal?: AbortSignal, kind?: ApprovalKind): Promise<ApprovalRecord> {
    const record = await this.get(id, kind)
    if (record.outcome || signal?.aborted) return record
    const waiting = this.waiters.get(id) ?? new Set()
    if (waiting.size >= maxWaiters) throw new GatewayError('BUSY', { message: 'too many clients wait for this approval', details: { limit: maxWaiters } })
    this.waiters.set(id, waiting)
    return await new Promise(resolve => {
      const done = (decided: ApprovalRecord): void => {
        waiting.delete(done)
        if (waiting.size === 0) this.waiters.delete(id)
        signal?.removeEventListener('abort', leave)
        resolve(decided)
      }
      const leave = (): void => done(this.records.get(id) ?? record)
      waiting.add(done)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  async take (id: string): Promise<void> {
    const record = await this.get(id)
    const value = { ...record, isTaken: true }
    await this.options.store.commit([{ op: 'put', collection: 'approvals', key: id, value }])
    this.records.set(id, value)
  }

  async untaken (matches: (record: ApprovalRecord) => boolean): Promise<ApprovalRecord | undefined> {
    await this.ready()
    const found = [...this.records.values()].find(record => !this.own.has(record.id) && !record.isTaken && matches(record))
    if (found) this.own.add(found.id)
    return found
  }

  async isOpen ({ runId, callId }: { readonly runId: string, readonly callId: string }): Promise<boolean> {
    await this.ready()
    return this.records.values().some(({ request, isTaken, ...record }) => !isTaken && record.runId === runId && request['toolCallId'] === callId)
  }

  async get (id: string, kind?: ApprovalKind): Promise<ApprovalRecord> {
    await this.ready()
    const record = this.records.get(id)
    if (!record || (kind !== undefined && record.kind !== kind)) throw new GatewayError('APPROVAL_UNKNOWN', { details: { id } })
    return record
  }

  async pending (kind?: ApprovalKind): Promise<readonly ApprovalRecord[]> {
    await this.ready()
    return [...this.records.values()].filter(record => !record.outcome && (kind === undefined || record.kind === kind))
  }

  async history ({ cursor, limit = 50, kind }: HistoryQuery): Promise<HistoryPage> {
    await this.ready()
    const after = this.options.now() - keptMs
    const isMeant = (record: ApprovalRecord): boolean => (record.resolvedAtMs ?? 0) > after && (kind === undefined || record.kind === kind)
    const decided = [...this.records.values()].filter(isMeant)
    decided.sort((a, b) => b.resolvedAtMs! - a.resolvedAtMs! || (a.id < b.id ? 1 : -1))
    const start = cursor === undefined ? 0 : decided.findIndex(({ id }) => id === cursor) + 1
    if (cursor !== undefined && start === 0) throw new GatewayError('INVALID_PARAMS', { message: 'invalid cursor', details: { cursor } })
    const items = decided.slice(start, start + limit)
    return { items, ...(start + limit < decided.length ? { nextCursor: items.at(-1)!.id } : {}) }
  }

  release (): void {
    for (const [id, waiting] of this.waiters) for (const hear of waiting) hear(this.records.get(id)!)
  }

  close (): void {
    this.isClosed = true
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.timers.clear()
  }
}

export const createApprovals = (options: ApprovalsOptions): Approvals => new Desk(options)
