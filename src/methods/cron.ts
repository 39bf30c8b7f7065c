/** Jobs that run by themselves, what wakes agents, and their heartbeats. */
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import { RawJson } from '../rpc/define-method.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional

/** Named either way. */
const named = { id: optional(text({ maxLength: 200 })), jobId: optional(text({ maxLength: 200 })) }

function idOf ({ id, jobId }: { readonly id?: string, readonly jobId?: string }): string {
  const found = id ?? jobId
  if (found === undefined) throw new GatewayError('INVALID_PARAMS', { message: 'id (or jobId) is required' })
  return found
}

/** What a job costs goes on nobody's account but the owner's. */
function mayPlan ({ key }: Caller): void {
  if (key) throw new GatewayError('KEY_NOT_ALLOWED', { message: 'an API key plans no work; use the shared secret or a paired device' })
}

const emptyPage = (list: string, { limit, offset }: { readonly limit?: number, readonly offset?: number }, usual: number): object =>
  ({ [list]: [], total: 0, offset: offset ?? 0, limit: limit ?? usual, hasMore: false, nextOffset: null })

/** Nothing is loaded as long as there is no job. */
const jobsOf = async ({ automation }: Rooms) => await automation.jobs()

const all = ['all', 'enabled', 'disabled'] as const
const statuses = ['ok', 'error', 'skipped'] as const
const arrivals = ['delivered', 'not-delivered', 'unknown', 'not-requested'] as const
const page = { limit: optional(Type.Integer({ minimum: 1, maximum: 200 })), offset: optional(Type.Integer({ minimum: 0 })) }

export const cron = {
  'cron.status': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    async handle (_params, { rooms }) {
      const jobs = await jobsOf(rooms)
      if (jobs) return await jobs.status()
      return { enabled: rooms.automation.isScheduled(), triggersEnabled: false, jobs: 0, running: 0, nextWakeAtMs: null }
    }
  }),
  'cron.list': method({
    scope: 'operator.read',
    params: Type.Object({
      ...page,
      includeDisabled: optional(Type.Boolean()),
      query: optional(Type.String({ maxLength: 200 })),
      enabled: optional(oneOf(all)),
      scheduleKind: optional(oneOf(['all', 'at', 'every', 'cron', 'on-exit', 'stream'])),
      lastRunStatus: optional(oneOf(['all', ...statuses, 'unknown'])),
      trigger: optional(oneOf(['all', 'conditional', 'unconditional'])),
      sortBy: optional(oneOf(['nextRunAtMs', 'updatedAtMs', 'name'])),
      sortDir: optional(oneOf(['asc', 'desc'])),
      agentId: optional(text()),
      compact: optional(Type.Boolean()),
      includeDeliveryPreviews: optional(Type.Boolean())
    }),
    result: openObject,
    async handle (params, { rooms }) {
      const jobs = await jobsOf(rooms)
      return jobs ? await jobs.list(params) : { ...emptyPage('jobs', params, 200), snapshotRevision: 'none' }
    }
  }),
  'cron.get': method({
    scope: 'operator.read',
    params: Type.Object(named),
    result: openObject,
    handle: async (params, { rooms }) => await (await rooms.automation.cron()).get(idOf(params))
  }),
  'cron.runs': method({
    scope: 'operator.read',
    params: Type.Object({
      ...page,
      ...named,
      agentId: optional(text()),
      scope: optional(oneOf(['job', 'all'])),
      runId: optional(text()),
      statuses: optional(Type.Array(oneOf(statuses), { minItems: 1, maxItems: 3 })),
      status: optional(oneOf(['all', ...statuses])),
      deliveryStatuses: optional(Type.Array(oneOf(arrivals), { minItems: 1, maxItems: 4 })),
      deliveryStatus: optional(oneOf(arrivals)),
      query: optional(Type.String({ maxLength: 200 })),
      sortDir: optional(oneOf(['asc', 'desc']))
    }),
    result: openObject,
    async handle (params, { rooms }) {
      if (params.scope === 'job') idOf(params)
      const jobs = await jobsOf(rooms)
      if (jobs) return await jobs.runs(params)
      if (params.scope !== 'all' && (params.id ?? params.jobId) !== undefined) return await (await rooms.automation.cron()).get(idOf(params))
      return emptyPage('entries', params, 50)
    }
  }),
  'cron.add': method({
    scope: 'operator.admin',
    // Looked at in detail where jobs are understood.
    params: openObject,
    result: openObject,
    async handle ({ idempotencyKey: _key, ...fields }: { readonly [field: string]: unknown }, { rooms, caller }) {
      mayPlan(caller)
      return await (await rooms.automation.cron()).add(fields, { isOwner: caller.owner })
    }
  }),
  'cron.update': method({
    scope: 'operator.admin',
    params: Type.Object({
      ...named, patch: openObject, expectedConfigRevision: optional(text({ maxLength: 128 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle (params, { rooms, caller }) {
      mayPlan(caller)
      const { patch, expectedConfigRevision } = params
      return await (await rooms.automation.cron()).update(idOf(params), {
        patch: patch as { readonly [field: string]: unknown }, ...(expectedConfigRevision === undefined ? {} : { expectedConfigRevision })
      }, { isOwner: caller.owner })
    }
  }),
  'cron.remove': method({
    scope: 'operator.admin',
    params: Type.Object(named, { additionalProperties: false }),
    result: openObject,
    handle: async (params, { rooms }) => await (await rooms.automation.cron()).remove(idOf(params))
  }),
  'cron.run': method({
    scope: 'operator.admin',
    params: Type.Object({
      ...named, mode: optional(oneOf(['due', 'force', 'if-enabled'])), expectedProcessInstanceId: optional(text())
    }, { additionalProperties: false }),
    result: openObject,
    async handle (params, { rooms, caller }) {
      mayPlan(caller)
      const { mode = 'force', expectedProcessInstanceId } = params
      const jobs = await rooms.automation.cron()
      if (expectedProcessInstanceId !== undefined && expectedProcessInstanceId !== rooms.automation.processId) {
        throw new GatewayError('INVALID_PARAMS', { message: 'the gateway was restarted in between; look at the job again' })
      }
      return await jobs.run(idOf(params), mode)
    }
  }),
  wake: method({
    scope: 'operator.write',
    params: Type.Object({
      mode: oneOf(['now', 'next-heartbeat']),
      text: text({ maxLength: 20_000 }),
      sessionKey: optional(text({ maxLength: 512 })),
      agentId: optional(text({ maxLength: 64 })),
      idempotencyKey: optional(text({ maxLength: 256 }))
    }, { additionalProperties: true }),
    result: openObject,
    async handle ({ mode, text, sessionKey, agentId, idempotencyKey }, { rooms, caller }) {
      mayPlan(caller)
      return await rooms.automation.wake({
        mode,
        text,
        isOwner: caller.owner,
        ...(sessionKey === undefined ? {} : { sessionKey }),
        ...(agentId === undefined ? {} : { agentId }),
        ...(idempotencyKey === undefined ? {} : { key: `${caller.principal}:${idempotencyKey}` })
      })
    }
  }),
  'last-heartbeat': method({
    scope: 'operator.read',
    params: openObject,
    result: Type.Union([Type.Null(), openObject]),
    handle: async (_params, { rooms }) => new RawJson(JSON.stringify(await rooms.automation.lastHeartbeat()))
  }),
  'set-heartbeats': method({
    scope: 'operator.admin',
    params: Type.Object({ enabled: Type.Boolean() }, { additionalProperties: false }),
    result: openObject,
    async handle ({ enabled }, { rooms }) {
      await rooms.automation.enableHeartbeats(enabled)
      return { ok: true, enabled }
    }
  })
}
