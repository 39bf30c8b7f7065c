import { oneOf, Type } from '../../protocol/type.ts'
import { isGatewayError } from '../../protocol/errors.ts'
import { keyBeside, ownerOfKey } from '../../sessions/ownership.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import { answer, foreseen, forbidden, problem } from './answers.ts'
import { forkLines } from './fork.ts'
import type { SessionToolSources } from './ports.ts'
import { limitsOf, spawnRefusal } from './spawn-rules.ts'
import type { Spawns } from './spawns.ts'

const maxTimeoutSeconds = 7 * 24 * 3600

const params = Type.Object({
  task: Type.String({ minLength: 1, maxLength: 200_000, description: 'What is to be done, with everything that must be known for it.' }),
  label: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'A short name for it.' })),
  agentId: Type.Optional(Type.String({ maxLength: 64, description: 'Another agent, if agents_list shows it.' })),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  thinking: Type.Optional(Type.String({ maxLength: 32 })),
  runTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: maxTimeoutSeconds, description: '0: no limit but that of every run.' })),
  context: Type.Optional(oneOf(['isolated', 'fork'], { description: 'fork: it knows this conversation.' })),
  cleanup: Type.Optional(oneOf(['keep', 'delete'], { description: 'delete: its session goes when the report is there.' }))
})

interface Args {
  readonly task: string
  readonly label?: string
  readonly agentId?: string
  readonly model?: string
  readonly thinking?: string
  readonly runTimeoutSeconds?: number
  readonly context?: 'isolated' | 'fork'
  readonly cleanup?: 'keep' | 'delete'
}

type Order = Args & { readonly agentId: string }

interface Choice { readonly provider: string, readonly model: string }

interface Parts { readonly sources: SessionToolSources, readonly spawns: Spawns }

const primaryOf = (model: unknown): string | undefined =>
  typeof model === 'string' ? model : typeof model === 'object' && model !== null ? (model as { primary?: string }).primary : undefined

/** The model that was asked for, else the one that is set for helpers; a sentence when there is no such model. */
function modelFor (
  { model: asked, agentId }: Order, requester: string, { config, models }: SessionToolSources
): Choice | string | undefined {
  const name = asked ?? primaryOf(limitsOf(config().config, requester).model)
  if (name === undefined) return undefined
  const found = models.find(name)
  if (!found) return `nobody serves the model "${name}"`
  if (asked !== undefined && !models.allowed(found, agentId)) return `agents.defaults.modelPolicy.allow does not name ${found.provider}/${found.id}`
  return { provider: found.provider, model: found.id }
}

const isTaken = (label: string | undefined, key: string, { sessions }: SessionToolSources): boolean => label !== undefined &&
  Iterator.from(sessions.records()).some(record => record.label === label && record.owner === ownerOfKey(key) && !record.archived)

async function begin (args: Order, context: ToolContext, key: string, { sources, spawns }: Parts): Promise<ToolResult> {
  const { sessions, config, models } = sources
  const { agentId, label, thinking, cleanup, context: mode = 'isolated' } = args
  const model = modelFor(args, context.agentId, sources)
  if (typeof model === 'string') return problem(`${model}. session_status shows the model of this conversation.`)
  const timeoutMs = (args.runTimeoutSeconds ?? limitsOf(config().config, context.agentId).runTimeoutSeconds) * 1000
  const { runId } = await spawns.start({
    requesterKey: context.sessionKey,
    agentId,
    key,
    task: args.task,
    isOwner: context.isOwner === true,
    incognito: sessions.get(context.sessionKey)?.incognito ?? false,
    ...(label ? { label } : {}),
    ...(model ? { model } : {}),
    ...(thinking ? { thinking } : {}),
    ...(timeoutMs > 0 ? { timeoutMs } : {}),
    ...(cleanup === 'delete' ? { cleanup } : {}),
    ...(mode === 'fork' ? { lines: await forkLines(context.sessionKey, sessions) } : {})
  })
  const { model: resolved } = models.route(agentId, model)
  return answer({
    status: 'accepted',
    childSessionKey: key,
    runId,
    mode: 'run',
    expectsCompletionMessage: true,
    context: mode,
    note: 'It works by itself now. Its report comes as a message in this conversation; subagents shows how far it is.',
    resolvedModel: `${resolved.provider}/${resolved.id}`,
    resolvedProvider: resolved.provider,
    modelApplied: model !== undefined
  })
}

const isAccepted = (result: ToolResult | undefined): boolean => (result?.details as { status?: string } | undefined)?.status === 'accepted'

/** The place is taken before anything is waited for, so that calls side by side do not get the same one. */
async function beginInPlace (args: Order, context: ToolContext, key: string, parts: Parts): Promise<ToolResult> {
  let result: ToolResult | undefined
  try {
    parts.spawns.reserve(context.sessionKey, key)
    result = await begin(args, context, key, parts)
    return result
  } catch (error) {
    if (isGatewayError(error)) return problem(error.message)
    throw error
  } finally {
    if (!isAccepted(result)) parts.spawns.release(key)
  }
}

const orderOf = (args: Args, context: ToolContext): Order => ({ ...args, agentId: (args.agentId ?? context.agentId).toLowerCase() })

function keyFor (args: Args, context: ToolContext, { sources, spawns }: Parts): string {
  const isIncognito = sources.sessions.get(context.sessionKey)?.incognito ?? false
  return keyBeside(context.sessionKey, spawns.newKey(orderOf(args, context).agentId, isIncognito))
}

/** Undefined when it may begin. */
function refusalOf (order: Order, key: string, context: ToolContext, { sources, spawns }: Parts): ToolResult | undefined {
  const { sessions, config, agents } = sources
  const { agentId, label } = order
  const requester = sessions.get(context.sessionKey)
  const active = spawns.active(context.sessionKey)
  const refusal = spawnRefusal({ config: config().config, context, requester, agentId, childKey: key, active })
  if (refusal !== undefined) return forbidden(`No helper was begun: ${refusal}.`)
  const isThere = agents().some(agent => agent.agentId.toLowerCase() === agentId)
  if (!isThere) return problem(`There is no agent "${agentId}". agents_list shows the agents.`)
  const isLeak = order.context === 'fork' && agentId !== context.agentId
  if (isLeak) return forbidden('No helper was begun: only a helper of the same agent may know this conversation.')
  if (isTaken(label, key, sources)) return problem(`Another session has the label "${label}". Choose another one.`)
  return undefined
}

/** Begins a helper: a session of its own that does one task and reports back. */
export const sessionsSpawn = (sources: SessionToolSources, spawns: Spawns): Tool => defineTool({
  name: 'sessions_spawn',
  description: 'Begins a helper with a session of its own for one task and returns at once. Its report comes later, as a message here.',
  params,
  capability: 'session.write',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: true,
  async foresee (args, context) {
    await sources.sessions.ready
    return foreseen(refusalOf(orderOf(args, context), keyFor(args, context, { sources, spawns }), context, { sources, spawns }))
  },
  async run (args, context) {
    const parts = { sources, spawns }
    await sources.sessions.ready
    const order = orderOf(args, context)
    const key = keyFor(args, context, parts)
    return refusalOf(order, key, context, parts) ?? await beginInPlace(order, context, key, parts)
  }
})
