/** The work behind `nodes`: what an agent asks of a machine that lends this gateway commands. */
import { isGatewayError } from '../../protocol/errors.ts'
import { wrapResult } from '../guards/untrusted.ts'
import { answer, problem } from '../sessions/answers.ts'
import type { Foreseen, ToolContext, ToolResult } from '../tool.ts'
import { meantNode, type NodesPort, type NodeView } from './port.ts'

export interface NodeArgs {
  readonly action: string
  readonly node?: string
  readonly requestId?: string
  readonly invokeCommand?: string
  readonly invokeParamsJson?: string
  readonly invokeTimeoutMs?: number
  readonly title?: string
  readonly body?: string
}

const maxResultChars = 100_000
/** Programs run under the rules for programs. */
const byExecOnly = new Set(['system.run', 'system.run.prepare', 'system.execApprovals.set'])

const commandOf: { readonly [action: string]: string } = {
  notify: 'system.notify', camera_list: 'camera.list', location_get: 'location.get', device_info: 'device.info', device_status: 'device.status'
}

interface Asked { readonly command: string, readonly params: unknown }

function asked ({ action, invokeCommand, invokeParamsJson, title, body }: NodeArgs): Asked | string {
  if (action !== 'invoke') {
    return { command: commandOf[action]!, params: action === 'notify' ? { ...(title ? { title } : {}), ...(body ? { body } : {}) } : {} }
  }
  if (!invokeCommand) return 'invokeCommand is required for action invoke'
  if (byExecOnly.has(invokeCommand)) return `${invokeCommand} is not asked for this way: use exec with host=node`
  try {
    return { command: invokeCommand, params: JSON.parse(invokeParamsJson ?? '{}') }
  } catch {
    return 'invokeParamsJson is not JSON'
  }
}

async function target ({ node }: NodeArgs, port: NodesPort): Promise<NodeView | string> {
  return node ? meantNode(await port.list(), node) : 'node is required for this action'
}

async function invoke (args: NodeArgs, { signal, callId, sessionKey }: ToolContext, port: NodesPort): Promise<ToolResult> {
  const node = await target(args, port)
  if (typeof node === 'string') return problem(node)
  const question = asked(args)
  if (typeof question === 'string') return problem(question)
  const timeoutMs = args.invokeTimeoutMs ?? 30_000
  const reply = await port.invoke({ ...question, nodeId: node.nodeId, timeoutMs, idempotencyKey: callId, sessionKey }, signal)
  const text = (reply.payloadJSON ?? 'null').slice(0, maxResultChars)
  // What a machine of somebody answers is its word, not ours.
  return wrapResult({ content: [{ type: 'text', text }], details: { nodeId: node.nodeId, command: question.command, payload: reply.payload } }, 'a node')
}

export async function nodeAction (args: NodeArgs, context: ToolContext, port: NodesPort): Promise<ToolResult> {
  try {
    switch (args.action) {
      case 'status': return answer({ ts: Date.now(), nodes: await port.list() })
      case 'describe': {
        const node = await target(args, port)
        return typeof node === 'string' ? problem(node) : answer({ ts: Date.now(), ...node })
      }
      case 'pending': return answer(await port.pairing())
      case 'approve': case 'reject':
        return args.requestId ? answer(await port.decide(args.requestId, args.action)) : problem('requestId is required for this action')
      default: return await invoke(args, context, port)
    }
  } catch (error) {
    if (isGatewayError(error)) return problem(error.message, { code: error.code, next: error.row.next })
    throw error
  }
}

export async function foreseeNodeAction (args: NodeArgs, port: NodesPort): Promise<Foreseen> {
  const { action } = args
  if (action === 'status' || action === 'pending') return { wouldRun: true }
  if (action === 'approve' || action === 'reject') {
    return args.requestId ? { wouldRun: true } : { wouldRun: false, because: 'requestId is required for this action' }
  }
  const node = await target(args, port)
  if (typeof node === 'string') return { wouldRun: false, because: node }
  if (action === 'describe') return { wouldRun: true }
  const question = asked(args)
  if (typeof question === 'string') return { wouldRun: false, because: question }
  if (!node.connected) return { wouldRun: false, because: 'the node is not here' }
  return node.commands.includes(question.command)
    ? { wouldRun: true }
    : { wouldRun: false, because: `the node does not offer ${question.command}, or nobody has approved it` }
}
