import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import { ToolRefusal } from '../invocation.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import { answer, foreseen, problem } from './answers.ts'
import { helpersOf, isActive, listing, pick } from './family.ts'
import type { SessionToolSources } from './ports.ts'
import type { Spawns } from './spawns.ts'

const defaultRecentMinutes = 60
const defaultTimeoutSeconds = 60
const maxTimeoutSeconds = 600

interface Args {
  readonly action?: 'list' | 'wait' | 'cancel'
  readonly recentMinutes?: number
  readonly taskId?: string
  readonly timeoutSeconds?: number
}

const unknownHelper = (taskId: string): ToolResult => problem(`This conversation has no helper "${taskId.slice(0, 200)}". subagents list shows those that there are.`)

async function wait (args: Args, context: ToolContext, sources: SessionToolSources, spawns: Spawns): Promise<ToolResult> {
  const { taskId, recentMinutes = defaultRecentMinutes, timeoutSeconds = defaultTimeoutSeconds } = args
  const helpers = helpersOf(context, sources)
  const picked = taskId === undefined ? undefined : pick(helpers, taskId)
  if (taskId !== undefined && !picked) return unknownHelper(taskId)
  const keys = (picked ? [picked] : helpers.filter(isActive)).map(({ key }) => key)
  await spawns.settled(keys, AbortSignal.any([context.signal, AbortSignal.timeout(timeoutSeconds * 1000)]))
  const after = helpersOf(context, sources)
  const isLate = after.some(helper => isActive(helper) && keys.includes(helper.key))
  return answer({ ...listing('wait', after, recentMinutes, context, sources), ...(isLate ? { status: 'timeout' } : {}) })
}

async function cancel ({ taskId }: Args, context: ToolContext, sources: SessionToolSources, spawns: Spawns): Promise<ToolResult> {
  const helpers = helpersOf(context, sources)
  const picked = pick(helpers, taskId!)
  if (!picked && taskId !== 'all') return unknownHelper(taskId!)
  const wanted = (picked ? [picked] : helpers).filter(isActive)
  const ended = await Promise.all(wanted.map(async ({ key }) => await spawns.cancel(key)))
  const cancelled = wanted.filter((_helper, at) => ended[at]).map(({ spawn }) => spawn.runId)
  return answer({
    status: 'ok',
    action: 'cancel',
    requesterSessionKey: context.sessionKey,
    cancelled,
    text: cancelled.length > 0 ? `Cancelled ${cancelled.length}.` : 'Nothing was at work any more.'
  })
}

/** Shows, awaits and ends the helpers of this conversation. */
export const subagents = (sources: SessionToolSources, spawns: Spawns): Tool => defineTool({
  name: 'subagents',
  description: 'Lists the helpers that this conversation began, waits until they are done, or cancels one. Their reports come as messages.',
  params: Type.Object({
    action: Type.Optional(oneOf(['list', 'wait', 'cancel'])),
    recentMinutes: Type.Optional(Type.Number({ minimum: 0, maximum: 100_000, description: `How long finished ones are listed; ${defaultRecentMinutes} unless told.` })),
    taskId: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'Which one; for wait all that are at work unless told, for cancel also "all".' })),
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: maxTimeoutSeconds }))
  }),
  capability: 'session.write',
  groups: ['sessions'],
  reach: 'anywhere',
  // Ending what has ended is nothing.
  effects: false,
  verify ({ action, taskId }) {
    if (action === 'cancel' && !taskId) throw new ToolRefusal('subagents cancel takes a taskId: that of the list, or "all"')
  },
  async foresee ({ taskId }, context) {
    await sources.sessions.ready
    const isUnknown = taskId !== undefined && taskId !== 'all' && !pick(helpersOf(context, sources), taskId)
    return foreseen(isUnknown ? unknownHelper(taskId) : undefined)
  },
  async run (args, context) {
    await sources.sessions.ready
    if (args.action === 'wait') return await wait(args, context, sources, spawns)
    if (args.action === 'cancel') return await cancel(args, context, sources, spawns)
    return answer(listing('list', helpersOf(context, sources), args.recentMinutes ?? defaultRecentMinutes, context, sources))
  }
})
