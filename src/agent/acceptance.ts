/** One claim, one run: for callers at the same time, after a reconnect and after a restart. */
import { randomUUID } from 'node:crypto'
import { runIdFor } from '../auth/keys/caller-key.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { parseKey } from '../sessions/keys.ts'
import type { SessionTarget } from '../sessions/room.ts'
import { checkSendPolicy } from '../sessions/send-policy.ts'
import type { Anew } from './anew.ts'
import { beginCharge, type Charge } from './charges.ts'
import type { RunContext } from './context.ts'
import type { Inboxes } from './inboxes.ts'
import { charsOf, type Registry } from './registry.ts'
import type { QueueMode, RunHandle, RunRequest } from './room.ts'
import { Run } from './run.ts'
import { claimOf, keptOf, resultOf, settledRow, type StoredEntry } from './stored-run.ts'

/** Runs that this process holds at most, waiting ones included. */
const maxLive = 20_000
/** What their messages may amount to. */
const maxHeldChars = 2 ** 28

const queueModes: ReadonlySet<unknown> = new Set<QueueMode>(['steer', 'followup', 'collect', 'interrupt'])
const isQueueMode = (value: unknown): value is QueueMode => queueModes.has(value)

export interface AcceptanceOptions {
  readonly context: RunContext
  readonly inboxes: Inboxes
  readonly registry: Registry
  readonly claims: Map<string, Promise<Run | StoredEntry>>
  readonly expectRoom: (request: RunRequest) => void
  readonly beginAnew: (order: Anew) => Promise<StoredEntry | undefined>
  /** A message that waits is answered with an empty final event, and later under another run id. */
  readonly onQueued: (run: Run) => void
}

/** What is settled when a run begins. */
interface Beginning {
  readonly claim: string
  readonly id: string
  readonly leavesNoTrace: boolean
  readonly charge: Charge
}

export function handleOf (run: Run, status: RunHandle['status']): RunHandle {
  return {
    runId: run.id,
    sessionKey: run.key,
    agentId: run.agentId,
    sessionId: run.sessionId,
    acceptedAtMs: run.atMs,
    status,
    ...(run.interrupted ? { interrupted: true } : {}),
    result: run.settled
  }
}

export function createAcceptance (options: AcceptanceOptions): (request: RunRequest) => Promise<RunHandle> {
  const { context, inboxes, registry, claims } = options
  const { sessions, store, now, config } = context

  function modeOf (request: RunRequest, key: string): QueueMode | 'own' {
    if (request.ownTurn) return 'own'
    const { queue } = config().config.messages
    const channel = typeof request.origin?.channel === 'string' ? queue.byChannel[request.origin.channel] : undefined
    const chosen = request.queueMode ?? sessions.get(key)?.queueMode ?? channel ?? queue.mode
    return isQueueMode(chosen) ? chosen : queue.mode
  }

  /** Runs that the store does not know are known as long as this process remembers them. */
  function remembered ({ via }: RunRequest, runId: string, { key, agentId }: SessionTarget, claim: string): StoredEntry | undefined {
    const result = registry.recent(runId)
    if (result?.sessionKey !== key) return undefined
    const { sessionId, outcome, endedAtMs: atMs } = result
    const value = settledRow({ agentId, sessionId, via, state: outcome, ...keptOf(result) }, result)
    return { runId, sessionKey: key, claim, open: false, atMs, value }
  }

  async function accept (request: RunRequest, target: SessionTarget, claim: string): Promise<Run | StoredEntry> {
    await sessions.ready
    const leavesNoTrace = request.fleeting !== undefined || (parseKey(target.key).incognito ?? sessions.get(target.key)?.incognito ?? false)
    const wanted = runIdFor(request.caller.key, request.idempotencyKey)
    const past = leavesNoTrace ? remembered(request, wanted, target, claim) : undefined
    if (past) return past
    const named = request.fleeting ? undefined : await store.runs.get<StoredEntry['value']>(wanted)
    if (named?.claim === claim) return named
    checkSendPolicy(target.key, sessions.get(target.key), config().config.session.sendPolicy)
    if (registry.live.size >= maxLive || registry.heldChars() + charsOf(request) > maxHeldChars) {
      throw new GatewayError('BUSY', { message: `${registry.live.size} runs are under way or waiting`, retryAfterMs: 5000 })
    }
    context.expectRoom?.()
    options.expectRoom(request)
    const charge = await chargeFor(request, target)
    try {
      const isTaken = named !== undefined || registry.live.has(wanted)
      // The key is the run id, unless somebody else's run has it already.
      const id = isTaken ? runIdFor(request.caller.key, randomUUID()) : wanted
      const found = await begin(request, target, { claim, id, leavesNoTrace, charge })
      if (found instanceof Run) void found.settled.then(charge.release)
      else charge.release()
      return found
    } catch (error) {
      charge.release()
      throw error
    }
  }

  /** A helper goes on the account of the run that began it. */
  async function chargeFor (request: RunRequest, { key }: SessionTarget): Promise<Charge> {
    const parent = request.spawnedBy === undefined ? undefined : inboxes.get(request.spawnedBy)?.active
    return await beginCharge(request, key, parent, context)
  }

  async function begin (request: RunRequest, target: SessionTarget, beginning: Beginning): Promise<Run | StoredEntry> {
    const { claim, id, leavesNoTrace, charge } = beginning
    const done = request.anew === undefined ? undefined : await options.beginAnew({ request, target, claim, runId: id, leavesNoTrace })
    if (done) return done
    const run = new Run({
      id,
      claim,
      key: target.key,
      agentId: target.agentId,
      request,
      atMs: now(),
      mode: modeOf(request, target.key)
    })
    run.leavesNoTrace = leavesNoTrace
    run.keyId = charge.keyId
    registry.add(run)
    try {
      await inboxes.accept(run)
    } catch (error) {
      registry.forget(run)
      const holder = isGatewayError(error) && error.code === 'CLAIM_TAKEN' ? await store.runs.claimed<StoredEntry['value']>(claim) : undefined
      if (holder) return holder
      throw error
    }
    if (run.row?.state === 'queued' && run.mode !== 'own' && run.mode !== 'interrupt') options.onQueued(run)
    return run
  }

  async function finalEntry (entry: StoredEntry): Promise<StoredEntry> {
    const { executedAs } = entry.value
    return (executedAs === undefined ? undefined : await store.runs.get<StoredEntry['value']>(executedAs)) ?? entry
  }

  async function repeated (entry: StoredEntry): Promise<RunHandle> {
    const { runId, sessionKey, atMs, value } = entry
    const facts = { runId, sessionKey, agentId: value.agentId, sessionId: value.sessionId, acceptedAtMs: atMs }
    const live = registry.live.get(value.executedAs ?? runId)
    if (live) return { ...facts, status: 'in_flight', result: live.settled.then(result => ({ ...result, runId })) }
    const last = await finalEntry(entry)
    const result = { ...resultOf(last), runId }
    if (!last.open) return { ...facts, status: 'done', result: Promise.resolve(result) }
    const error = { kind: 'parked', message: 'this message was accepted before a restart and is parked; send it again with a new key' }
    return { ...facts, status: 'done', result: Promise.resolve({ ...result, outcome: 'error', error }) }
  }

  return async request => {
    const target = sessions.as(request.caller).target(request.sessionKey, request.agentId)
    const claim = claimOf(request.caller.principal, request.via, request.idempotencyKey)
    const known = claims.get(claim)
    const accepted = known ?? accept(request, target, claim)
    if (!known) claims.set(claim, accepted)
    let found: Run | StoredEntry
    try {
      found = await accepted
    } catch (error) {
      if (!known) claims.delete(claim)
      throw error
    }
    if (!known && !(found instanceof Run)) claims.delete(claim)
    const foundKey = found instanceof Run ? found.key : found.sessionKey
    if (foundKey !== target.key) {
      throw new GatewayError('IDEMPOTENCY_CONFLICT', { details: { sessionKey: target.key, usedFor: foundKey } })
    }
    const { fingerprint } = found instanceof Run ? found.request : found.value
    if (fingerprint !== undefined && request.fingerprint !== undefined && fingerprint !== request.fingerprint) {
      throw new GatewayError('IDEMPOTENCY_CONFLICT', { details: { sessionKey: target.key } })
    }
    if (!(found instanceof Run)) return repeated(found)
    return handleOf(found, known ? 'in_flight' : 'started')
  }
}
