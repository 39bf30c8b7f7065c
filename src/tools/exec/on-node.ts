/** Commands on nodes: consent is asked for here, and the rules of the node itself have the last word. */
import { randomUUID } from 'node:crypto'
import { isObject } from '../../lib/json-object.ts'
import { isGatewayError, type GatewayError } from '../../protocol/errors.ts'
import type { NodesPort, NodeView } from '../nodes/port.ts'
import type { ToolContext, ToolResult } from '../tool.ts'
import { askPerson, type Consents, type Question } from './consent.ts'
import { effectivePolicy, switchedOff, type ExecPolicy } from './exec-policy.ts'
import { chooseNode, nameOf, runCommand } from './node-choice.ts'
import { failure, said, type Redact } from './results.ts'
import type { ExecArgs } from './room.ts'
import type { ExecSettings } from './settings.ts'

export interface NodeExecSources {
  readonly nodes: NodesPort
  readonly consents: Consents
  readonly redact: Redact
}

export interface NodeOrder {
  readonly args: ExecArgs
  readonly settings: ExecSettings
  readonly context: ToolContext
  readonly timeoutMs: number
}

const longestTimeoutMs = 3_600_000
/** For the way there and back. */
const graceMs = 10_000
const updateChars = 2000
/** Nodes keep less than this; one that does not is cut. */
const maxOutputChars = 262_144
const maxErrorChars = 1000
/** Which programs lie there, only the node knows. */
const unknownThere = { isAllowed: false, commands: [], isRepeatable: false }

const refused = (because: string): ToolResult => failure('exec', `exec was refused: ${because}.`)

const shellOf = ({ platform = '' }: NodeView, line: string): string[] =>
  /^win/i.test(platform) ? ['cmd.exe', '/d', '/s', '/c', line] : ['/bin/sh', '-c', line]

type Fields = { readonly [field: string]: unknown }

const textIn = (value: unknown): string => typeof value === 'string' ? value.slice(0, maxOutputChars) : ''

/** Undefined: it went well. */
function endOf ({ exitCode, exitSignal, timedOut, error }: Fields): string | undefined {
  if (timedOut === true) return textIn(error).slice(0, maxErrorChars) || 'Command ran out of time'
  if (typeof exitCode === 'number') return exitCode === 0 ? undefined : `Command exited with code ${exitCode}`
  if (typeof exitSignal === 'string') return `Command was ended by ${exitSignal.slice(0, 20)}`
  return textIn(error).slice(0, maxErrorChars) || 'The node does not say how the command ended'
}

/** A node may answer anything; what is not what it should be is nothing. */
function resultOf (payload: unknown, node: NodeView, redact: Redact, durationMs: number): ToolResult {
  const ran: Fields = isObject(payload) ? payload : {}
  const aggregated = redact([textIn(ran['stdout']), textIn(ran['stderr'])].filter(Boolean).join('\n'))
  const exitCode = typeof ran['exitCode'] === 'number' ? ran['exitCode'] : null
  const timedOut = ran['timedOut'] === true
  const isFailed = exitCode === null || timedOut
  const end = endOf(ran)
  const where = { host: 'node', nodeId: node.nodeId, node: nameOf(node) }
  const details = { status: isFailed ? 'failed' : 'completed', ...where, exitCode, timedOut, durationMs, aggregated }
  return said([aggregated.trimEnd(), end ? `(${redact(end)})` : ''].filter(Boolean).join('\n\n') || '(no output)', details, isFailed)
}

interface Plan extends NodeOrder {
  readonly node: NodeView
  readonly policy: ExecPolicy
  readonly words: { readonly ask?: string, readonly security?: string }
  readonly limitMs: number
}

/** Nobody who could be asked is a no, whatever holds for commands here. */
async function consentProblem (plan: Plan, consents: Consents, because: string): Promise<string | undefined> {
  const { policy, node, args, context, settings, words } = plan
  const { agentId, sessionKey, callId, signal, runId } = context
  const asked: ExecPolicy = { ...policy, ask: policy.ask === 'off' ? 'on-miss' : policy.ask, askFallback: 'deny' }
  const question: Question = {
    command: args.command,
    cwd: args.workdir ?? '~',
    agentId,
    sessionKey,
    callId,
    host: 'node',
    nodeId: node.nodeId,
    searchPath: '',
    settings,
    words,
    signal,
    ...(runId === undefined ? {} : { runId })
  }
  return await askPerson(consents, question, { policy: asked, check: unknownThere, because })
}

function paramsOf ({ args, node, context: { agentId, sessionKey, runId, callId }, policy, limitMs }: Plan, approved: boolean): object {
  return {
    command: shellOf(node, args.command),
    rawCommand: args.command,
    ...(args.workdir ? { cwd: args.workdir } : {}),
    ...(args.env ? { env: args.env } : {}),
    timeoutMs: limitMs,
    agentId,
    sessionKey,
    runId: runId ?? callId,
    security: policy.security,
    ask: policy.ask,
    approved,
    // Whoever asked gets the answer itself.
    suppressNotifyOnExit: true
  }
}

/** What it prints meanwhile is shown as far as it goes. */
function following ({ runId, update }: ToolContext, redact: Redact): (chunk: string) => void {
  let tail = ''
  return chunk => {
    tail = (tail + chunk).slice(-updateChars)
    if (runId !== undefined) update(said(redact(tail), { status: 'running', tail: redact(tail) }))
  }
}

/** An agent that may repeat a command must know that it may have happened already. */
const nextOf = (error: GatewayError): string => nodeCode(error) === 'DISCONNECTED'
  ? 'How far the command came there is not known.'
  : error.code === 'NODE_FAILED' ? '' : error.row.next

const nodeCode = (error: unknown): string | undefined =>
  isGatewayError(error) ? (error.details['nodeError'] as { code?: string } | undefined)?.code : undefined

async function ask (plan: Plan, { nodes, redact }: NodeExecSources, approved: boolean): Promise<ToolResult> {
  const { node, context, limitMs } = plan
  const startedAt = performance.now()
  const { payload } = await nodes.invoke({
    nodeId: node.nodeId,
    command: runCommand,
    params: paramsOf(plan, approved),
    timeoutMs: limitMs + graceMs,
    idempotencyKey: randomUUID(),
    sessionKey: context.sessionKey,
    onProgress: following(context, redact)
  }, context.signal)
  return resultOf(payload, node, redact, Math.round(performance.now() - startedAt))
}

/** Without a yes first, unless every command needs one; with one when the node wants it. */
async function asked (plan: Plan, sources: NodeExecSources): Promise<ToolResult> {
  const always = plan.policy.ask === 'always'
  const early = always
    ? undefined
    : await ask(plan, sources, false).catch((error: unknown) => {
      if (nodeCode(error) !== 'APPROVAL_REQUIRED') throw error
      return undefined
    })
  if (early) return early
  const because = always ? 'every command needs the consent of a person' : 'the node runs it only with the consent of a person'
  const problem = await consentProblem(plan, sources.consents, because)
  return problem ? failure('exec', problem) : await ask(plan, sources, true)
}

export async function runOnNode (order: NodeOrder, sources: NodeExecSources): Promise<ToolResult> {
  const { args, settings, context, timeoutMs } = order
  if (args.background) return refused('commands on nodes do not go on in the background')
  const node = chooseNode(await sources.nodes.list(), args.node, settings.node)
  if (typeof node === 'string') return refused(node)
  const words = { ...(args.ask ? { ask: args.ask } : {}), ...(args.security ? { security: args.security } : {}) }
  const policy = effectivePolicy([...settings.layers, (await sources.consents.rulesFor(context.agentId)).words, words])
  if (policy.security === 'deny') return refused(switchedOff)
  try {
    return await asked({ ...order, node, policy, words, limitMs: Math.min(timeoutMs || longestTimeoutMs, longestTimeoutMs) }, sources)
  } catch (error) {
    context.signal.throwIfAborted()
    if (!isGatewayError(error)) throw error
    return failure('exec', `exec on node ${nameOf(node)} failed: ${sources.redact(error.message)}. ${nextOf(error)}`.trimEnd())
  }
}
