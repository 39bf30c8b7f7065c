import { oneOf, Type } from '../../protocol/type.ts'
import type { AutomationSources } from '../automation/port.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'

const actions = ['status', 'list', 'get', 'add', 'update', 'remove', 'run', 'runs', 'next_check', 'wake'] as const

const params = Type.Object({
  action: oneOf(actions),
  jobId: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'For get, update, remove, run and runs.' })),
  id: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'The same as jobId.' })),
  job: Type.Optional(Type.Object({}, {
    additionalProperties: true,
    description: 'For add: {name, schedule: {kind: "at", at: "2027-02-01T16:00" | "20m"} | {kind: "every", everyMs} | {kind: "cron", expr, tz}, ' +
      'payload: {kind: "agentTurn", message} | {kind: "systemEvent", text}, sessionTarget?: "isolated" | "main" | "current" | "session:<id>", ' +
      'pacing?: {min, max}, wakeMode?, delivery?: {mode: "announce" | "webhook" | "none", channel?, to?}, deleteAfterRun?}. Times without a zone are UTC.'
  })),
  patch: Type.Optional(Type.Object({}, { additionalProperties: true, description: 'For update: the fields that change.' })),
  in: Type.Optional(Type.String({ minLength: 1, maxLength: 40, description: 'For next_check, in the run of a job with pacing: "30m" until it looks again.' })),
  text: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000, description: 'For wake: what the agent is told.' })),
  mode: Type.Optional(oneOf(['now', 'next-heartbeat', 'due', 'force'], { description: 'For wake and run.' })),
  includeDisabled: Type.Optional(Type.Boolean()),
  agentId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
  offset: Type.Optional(Type.Integer({ minimum: 0 }))
})

/** Jobs that run at times of their own, for an agent whose owner asks for them. */
export const automations = ({ automation }: AutomationSources): Tool => defineTool({
  name: 'automations',
  aliases: ['cron'],
  description: 'Jobs that run by themselves: once, at intervals, or by a cron expression in a time zone. Lists, adds, changes, removes and ' +
    'starts them, shows how their runs went, and wakes an agent.',
  params,
  capability: 'automation',
  groups: ['automation'],
  reach: 'anywhere',
  ownerOnly: true,
  effects: true,
  async foresee (args, context) {
    const { foreseeAutomation } = await import('../automation/actions.ts')
    return await foreseeAutomation(args, context, automation())
  },
  async run (args, context) {
    const { automationAction } = await import('../automation/actions.ts')
    return await automationAction(args, context, automation())
  }
})
