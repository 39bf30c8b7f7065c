/** From what somebody asks for to a job, and from a job and a change to another. */
import { momentIn } from '../../lib/duration.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Delivery, Destination, FailureAlert, JobDefinition, Payload, Schedule } from './job.ts'
import { checkPacing } from './pacing.ts'
import type { Fields } from './params.ts'
import { instantOf } from './schedule.ts'

const refuse = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

/** Without what was left out or taken away. */
const given = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null))

/** A field that is null is taken away, one that is not there stays. */
function over (before: Fields | undefined, change: unknown): Fields | undefined {
  if (change === undefined) return before
  if (change === null) return undefined
  return given({ ...before, ...change as Fields })
}

function payloadOf (change: unknown, before?: Payload): Payload {
  if (change === undefined) return before!
  const { toolsAllowIsDefault: _isDefault, allowUnsafeExternalContent: _unsafe, ...fields } = change as Fields
  const kind = fields.kind as Payload['kind']
  const merged = over(before?.kind === kind ? before as unknown as Fields : {}, fields)! as unknown as Payload
  if (kind === 'systemEvent' && !('text' in merged)) throw refuse('payload.text is required: what the agent is told')
  if (kind === 'agentTurn' && !('message' in merged)) throw refuse('payload.message is required: what the agent is to do')
  if (kind === 'command' && !('argv' in merged)) throw refuse('payload.argv is required: the program and its arguments, or ["sh", "-lc", a line for the shell]')
  return merged
}

function deliveryOf (change: unknown, before?: Delivery): Delivery | undefined {
  const merged = over(before as unknown as Fields | undefined, change)
  if (!merged) return undefined
  const { failureDestination, completionDestination, ...rest } = merged
  return {
    ...rest,
    mode: (rest.mode ?? 'announce') as Delivery['mode'],
    ...(failureDestination ? { failureDestination: given(failureDestination as Fields) as Destination } : {}),
    ...(completionDestination ? { completionDestination: completionDestination as { mode: 'webhook', to: string } } : {})
  }
}

function alertOf (change: unknown, before?: false | FailureAlert): false | FailureAlert | undefined {
  if (change === undefined) return before
  if (change === false) return false
  return over(before === false ? undefined : before as unknown as Fields | undefined, change) as FailureAlert | undefined
}

function checkWebhook (to: string | undefined): void {
  let url: URL | undefined
  try {
    url = new URL(to ?? '')
  } catch { /* Said below. */ }
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw refuse('delivery.to: a webhook needs an http or https URL')
  if (url.username !== '' || url.password !== '') throw refuse('delivery.to: no credentials in the URL; set cron.webhookToken')
}

/** What goes with what, whatever the schema allows. */
function checkTogether (definition: JobDefinition): void {
  const { payload, sessionTarget, delivery, schedule, deleteAfterRun } = definition
  checkPacing(definition)
  if (payload.kind === 'systemEvent' && sessionTarget !== 'main') {
    throw refuse('a systemEvent goes to the main session: sessionTarget "main", or a payload of kind "agentTurn"')
  }
  if (payload.kind === 'agentTurn' && sessionTarget === 'main') {
    throw refuse('sessionTarget "main" takes a payload of kind "systemEvent"; an agentTurn runs "isolated", in the "current" session or in "session:<id>"')
  }
  if (payload.kind === 'command') {
    if (sessionTarget !== 'isolated') throw refuse('a command runs in no conversation: sessionTarget "isolated"')
    if (payload.argv[0]!.trim() === '') throw refuse('payload.argv names no program')
    if (payload.toolsAllow?.every(name => name !== 'exec' && name !== '*')) throw refuse('payload.toolsAllow: a command is run by the tool exec')
  }
  if (delivery?.mode === 'webhook') checkWebhook(delivery.to)
  if (delivery?.completionDestination) checkWebhook(delivery.completionDestination.to)
  if (delivery?.mode === 'announce' && sessionTarget === 'main') {
    throw refuse('what the main session says goes where that conversation was heard of last; delivery "announce" needs sessionTarget "isolated"')
  }
  if (deleteAfterRun && schedule.kind !== 'at') throw refuse('deleteAfterRun is for jobs that run once (schedule.kind "at")')
}

/** Offsets are kept as they were written. A time without one, or so long from now, is written out: nobody takes it for another. */
function scheduleOf (schedule: Schedule, nowMs: number): Schedule {
  if (schedule.kind !== 'at') return schedule
  const laterMs = momentIn(schedule.at, nowMs)
  if (laterMs !== undefined) return { kind: 'at', at: new Date(laterMs).toISOString() }
  const atMs = instantOf(schedule.at)
  return atMs === undefined || /(?:z|[+-]\d{2}:?\d{2})$/i.test(schedule.at.trim().slice(10)) ? schedule : { kind: 'at', at: new Date(atMs).toISOString() }
}

export function newDefinition (fields: Fields, nowMs: number): JobDefinition {
  const { schedule, payload, delivery, failureAlert, enabled = true, ...rest } = given(fields)
  const timing = scheduleOf(schedule as Schedule, nowMs)
  // One-shots go when they are done, unless somebody wants to keep them.
  const definition = {
    ...(timing.kind === 'at' ? { deleteAfterRun: true } : {}),
    ...rest,
    enabled,
    schedule: timing,
    payload: payloadOf(payload),
    ...(delivery ? { delivery: deliveryOf(delivery) } : {}),
    ...(fields.failureAlert === false ? { failureAlert: false } : failureAlert ? { failureAlert: alertOf(failureAlert) } : {})
  } as unknown as JobDefinition
  checkTogether(definition)
  return definition
}

export function changedDefinition<Kept extends JobDefinition> (before: Kept, patch: Fields, nowMs: number): Kept {
  const { schedule, payload, delivery, failureAlert, state: _state, ...rest } = patch
  const plain = over(before as unknown as Fields, rest) as unknown as Kept
  const { delivery: _delivery, failureAlert: _alert, ...others } = plain
  const nextDelivery = deliveryOf(delivery, before.delivery)
  const nextAlert = alertOf(failureAlert, before.failureAlert)
  const timing = schedule === undefined ? before.schedule : scheduleOf(schedule as Schedule, nowMs)
  const { deleteAfterRun: _once, ...repeated } = others
  // What happens once now has no next time.
  const { pacing: _pacing, ...once } = others
  const definition = {
    ...(timing.kind === 'at' && !patch.pacing ? once : patch.deleteAfterRun ? others : repeated),
    schedule: timing,
    payload: payloadOf(payload, before.payload),
    ...(nextDelivery ? { delivery: nextDelivery } : {}),
    ...(nextAlert === undefined ? {} : { failureAlert: nextAlert })
  } as unknown as Kept
  checkTogether(definition)
  return definition
}
