/** What an agent asks of its jobs, as its owner's hand. A scheduled run may look, and take its own job away; it makes no others. */
import { isGatewayError } from '../../protocol/errors.ts'
import { ToolRefusal } from '../invocation.ts'
import { answer, forbidden, foreseen, problem } from '../sessions/answers.ts'
import type { Foreseen, ToolContext, ToolResult } from '../tool.ts'
import type { AutomationPort } from './port.ts'

type Fields = { readonly [name: string]: unknown }

interface Args extends Fields {
  readonly action: 'status' | 'list' | 'get' | 'add' | 'update' | 'remove' | 'run' | 'runs' | 'next_check' | 'wake'
  readonly jobId?: string
  readonly id?: string
  readonly job?: Fields
  readonly patch?: Fields
  readonly text?: string
  readonly mode?: 'now' | 'next-heartbeat' | 'due' | 'force'
  readonly agentId?: string
  readonly in?: string
}

const changing: ReadonlySet<string> = new Set(['add', 'update', 'remove', 'run'])

function idOf ({ jobId, id, action }: Args): string {
  const found = jobId ?? id
  if (found === undefined) throw new ToolRefusal(`automations: ${action} takes the jobId; the action "list" shows the jobs.`)
  return found
}

/** What is left out follows from what the job is, and from where it was asked for. */
function wholeJob (job: Fields, { sessionKey, agentId }: ToolContext): Fields {
  const payload = job['payload'] as { kind?: unknown } | undefined
  const sessionTarget = job['sessionTarget'] ?? (payload?.kind === 'systemEvent' ? 'main' : 'isolated')
  return { wakeMode: 'now', agentId, ...job, sessionTarget, sessionKey: job['sessionKey'] ?? sessionKey, owner: { agentId, sessionKey } }
}

/** Undefined: it may. */
async function refusalOf (args: Args, { sessionKey }: ToolContext, { cron }: AutomationPort): Promise<ToolResult | undefined> {
  const { action } = args
  if (action === 'add' && !args.job) throw new ToolRefusal('automations: add takes the job.')
  if (action === 'update' && !args.patch) throw new ToolRefusal('automations: update takes the patch.')
  if (action === 'next_check' && !args.in) throw new ToolRefusal('automations: next_check takes "in", such as "30m".')
  if (action === 'wake' && !args.text) throw new ToolRefusal('automations: wake takes the text.')
  if (!changing.has(action)) return undefined
  const own = await (await cron()).jobOfSession(sessionKey)
  if (own === undefined || (action === 'remove' && idOf(args) === own)) return undefined
  return forbidden('A scheduled run makes, changes and starts no jobs; it may remove its own one. Ask a person in a conversation.')
}

async function carryOut (args: Args, context: ToolContext, { cron, wake }: AutomationPort): Promise<object> {
  const { action, job = {}, patch = {}, text = '', mode, agentId, includeDisabled, limit, offset } = args
  const author = { isOwner: context.isOwner === true }
  const page = Object.fromEntries(Object.entries({ limit, offset, agentId }).filter(([, value]) => value !== undefined))
  if (action === 'wake') {
    return await wake({
      mode: mode === 'next-heartbeat' ? mode : 'now',
      text,
      agentId: agentId ?? context.agentId,
      // To wake oneself is to be told later, in the main conversation.
      isOwner: author.isOwner,
      key: `tool:${context.runId ?? 'call'}:${context.callId}`
    })
  }
  const jobs = await cron()
  switch (action) {
    case 'status': return await jobs.status()
    case 'list': return await jobs.list({ compact: true, includeDisabled: includeDisabled === true, ...page })
    case 'get': return await jobs.get(idOf(args))
    case 'add': return await jobs.add(wholeJob(job, context), author)
    case 'update': return await jobs.update(idOf(args), { patch }, author)
    case 'remove': return await jobs.remove(idOf(args))
    case 'run': return await jobs.run(idOf(args), mode === 'due' ? 'due' : 'force')
    case 'next_check': return await jobs.nextCheck(context.sessionKey, args.in ?? '')
    case 'runs': return await jobs.runs({ ...(args.jobId ?? args.id ? { id: idOf(args) } : {}), ...page })
  }
}

export async function automationAction (args: Fields, context: ToolContext, port: AutomationPort): Promise<ToolResult> {
  const asked = args as Args
  try {
    return await refusalOf(asked, context, port) ?? answer(await carryOut(asked, context, port))
  } catch (error) {
    if (isGatewayError(error) && error.status < 500) return problem(error.message)
    throw error
  }
}

export async function foreseeAutomation (args: Fields, context: ToolContext, port: AutomationPort): Promise<Foreseen> {
  return foreseen(await refusalOf(args as Args, context, port))
}
