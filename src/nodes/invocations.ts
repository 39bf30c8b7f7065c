/** Commands that nodes were asked for and have not answered yet. */
import { randomUUID } from 'node:crypto'
import type { EventBus } from '../events/bus.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { NodeQuestion } from '../tools/nodes/port.ts'
import type { InvokeReply, InvokeResult, NodePeer, NodeVoice } from './room.ts'

export interface Invocations {
  begin (peer: NodePeer, request: NodeQuestion, signal: AbortSignal): Promise<InvokeReply>
  result (voice: NodeVoice, result: InvokeResult): boolean
  progress (voice: NodeVoice, progress: { readonly invokeId: string, readonly seq: number, readonly chunk: string }): boolean
}

const defaultTimeoutMs = 30_000
const longestTimeoutMs = 3_600_000
const maxUnderWay = 256
const maxPerNode = 32
/** Parts that came before one that should have come first. */
const maxEarly = 64
const maxParamsChars = 4 * 1024 * 1024

interface Waiting extends NodeVoice {
  readonly id: string
  readonly settle: (reply: InvokeResult | GatewayError) => void
  readonly onProgress: ((chunk: string) => void) | undefined
  readonly early: Map<number, string>
  nextSeq: number
}

interface Asking {
  readonly node: AbortSignal
  readonly caller: AbortSignal
  readonly timeoutMs: number
  readonly fail: (code: string, message: string) => void
  readonly ask: () => void
  readonly answer: Promise<InvokeResult | GatewayError>
}

export const nodeFailure = (nodeId: string, command: string, code: string, message: string, dispatched: boolean): GatewayError =>
  new GatewayError(code === 'NOT_CONNECTED' ? 'NODE_NOT_CONNECTED' : 'NODE_FAILED', {
    message: code ? `${code}: ${message}` : message,
    details: { ...(code === 'NOT_CONNECTED' ? { code } : {}), nodeId, command, nodeError: { code, message }, nodeCommandDispatched: dispatched }
  })

function textOf (params: unknown): string | undefined {
  if (params === undefined) return undefined
  const text = JSON.stringify(params)
  if (text.length > maxParamsChars) {
    throw new GatewayError('PAYLOAD_TOO_LARGE', { message: 'the params of a node command are too large', details: { limitBytes: maxParamsChars } })
  }
  return text
}

/** What a node answered, read whichever way it wrote it. */
function replyOf ({ nodeId, command }: NodeQuestion, { ok, payload, payloadJSON, error }: InvokeResult): InvokeReply {
  if (!ok) throw nodeFailure(nodeId, command, error?.code ?? 'UNAVAILABLE', error?.message ?? 'the node gave no reason', true)
  if (payload !== undefined) return { ok, nodeId, command, payload, payloadJSON: payloadJSON ?? JSON.stringify(payload) }
  if (payloadJSON === undefined) return { ok, nodeId, command, payload: null, payloadJSON: null }
  try {
    return { ok, nodeId, command, payload: JSON.parse(payloadJSON), payloadJSON }
  } catch {
    throw nodeFailure(nodeId, command, 'INVALID_RESULT', 'the node answered with something that is not JSON', true)
  }
}

export function createInvocations ({ emit, now }: { readonly emit: EventBus['emit'], readonly now: () => number }): Invocations {
  const underWay = new Map<string, Waiting>()

  function checkRoom (nodeId: string): void {
    let ofNode = 0
    for (const waiting of underWay.values()) if (waiting.nodeId === nodeId) ofNode++
    if (underWay.size >= maxUnderWay || ofNode >= maxPerNode) {
      throw new GatewayError('BUSY', { message: `${ofNode} commands of this node are under way`, details: { nodeId } })
    }
  }

  function found ({ nodeId, connectionId }: NodeVoice, id: string): Waiting | undefined {
    const waiting = underWay.get(id)
    return waiting?.nodeId === nodeId && waiting.connectionId === connectionId ? waiting : undefined
  }

  const cancel = ({ id, nodeId, connectionId }: Waiting): void =>
    emit('node.invoke.cancel', { invokeId: id, id, nodeId, ts: now() }, { connectionIds: [connectionId] })

  /** The answer, or what comes in its way. Nothing that happens while the node is asked is missed. */
  async function settled (waiting: Waiting, { node, caller, timeoutMs, fail, ask, answer }: Asking): Promise<InvokeResult | GatewayError> {
    const giveUp = (code: string, message: string) => () => {
      cancel(waiting)
      fail(code, message)
    }
    const gone = (): void => fail('DISCONNECTED', 'the node went away before it answered')
    const unwanted = giveUp('CANCELLED', 'whoever asked no longer wants it')
    const timer = setTimeout(giveUp('TIMEOUT', `the node did not answer within ${timeoutMs} ms`), timeoutMs).unref()
    node.addEventListener('abort', gone)
    caller.addEventListener('abort', unwanted)
    underWay.set(waiting.id, waiting)
    try {
      ask()
      return await answer
    } finally {
      clearTimeout(timer)
      node.removeEventListener('abort', gone)
      caller.removeEventListener('abort', unwanted)
      underWay.delete(waiting.id)
    }
  }

  async function begin (peer: NodePeer, request: NodeQuestion, signal: AbortSignal): Promise<InvokeReply> {
    const { nodeId, command, idempotencyKey, onProgress } = request
    const { connectionId } = peer
    signal.throwIfAborted()
    checkRoom(nodeId)
    const paramsJSON = textOf(request.params)
    const timeoutMs = Math.min(request.timeoutMs || defaultTimeoutMs, longestTimeoutMs)
    const { promise: answer, resolve: settle } = Promise.withResolvers<InvokeResult | GatewayError>()
    const waiting: Waiting = { id: randomUUID(), nodeId, connectionId, settle, onProgress, early: new Map(), nextSeq: 0 }
    const more = { ...(paramsJSON === undefined ? {} : { paramsJSON }), ...(idempotencyKey ? { idempotencyKey } : {}) }
    const outcome = await settled(waiting, {
      node: peer.signal,
      caller: signal,
      timeoutMs,
      fail: (code, message) => settle(nodeFailure(nodeId, command, code, message, true)),
      ask: () => emit('node.invoke.request', { id: waiting.id, nodeId, command, timeoutMs, ...more }, { connectionIds: [connectionId] }),
      answer
    })
    if (outcome instanceof GatewayError) throw outcome
    return replyOf(request, outcome)
  }

  return {
    begin,
    result (voice, result) {
      const waiting = found(voice, result.id)
      waiting?.settle(result)
      return waiting !== undefined
    },
    progress (voice, { invokeId, seq, chunk }) {
      const waiting = found(voice, invokeId)
      if (!waiting?.onProgress || seq < waiting.nextSeq || waiting.early.size >= maxEarly) return false
      waiting.early.set(seq, chunk)
      for (let next = waiting.early.get(waiting.nextSeq); next !== undefined; next = waiting.early.get(waiting.nextSeq)) {
        waiting.early.delete(waiting.nextSeq++)
        waiting.onProgress(next)
      }
      return true
    }
  }
}
