/** What the methods that begin runs have in common. */
import { commandOf, type Command } from '../agent/commands.ts'
import type { RunHandle, RunRequest, RunResult } from '../agent/room.ts'
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { missingScope } from '../rpc/dispatch.ts'
import type { MethodContext } from '../rpc/define-method.ts'
import type { Rooms } from './rooms.ts'

export type Context = MethodContext<Rooms>

export const callerOf = ({ caller, connection }: Context): RunRequest['caller'] => ({
  principal: caller.principal,
  connectionId: connection.id,
  ...(caller.deviceId ? { deviceId: caller.deviceId } : {}),
  ...(caller.key ? { key: caller.key } : {})
})

/** Stored with the message: who sent it, and through what. */
export const originOf = ({ caller, connection }: Context): NonNullable<RunRequest['origin']> => ({
  senderIsOwner: caller.owner,
  ...(connection.client ? { transport: { clients: [{ id: connection.client.id, mode: connection.client.mode }] } } : {})
})

export const readCommand = (message: string, { rooms }: Context): Command | undefined =>
  commandOf(message, rooms.config().config.session.resetTriggers)

/** Beginning a conversation anew is what sessions.reset does, and takes the same right. */
export function mayReset (caller: Caller): void {
  const refusal = missingScope(['operator.admin'], caller)
  if (refusal) throw refusal
}

const aborted = ({ stopReason = 'rpc', endedAtMs }: RunResult) => ({ status: 'timeout', summary: 'aborted', stopReason, endedAt: endedAtMs })

/** The answer to chat.send and its kin; what a repeated key finds is said in full. */
export async function sendAnswer ({ runId, status, interrupted, result }: RunHandle): Promise<object> {
  if (status !== 'done') return { runId, status, ...(interrupted ? { interruptedActiveRun: true } : {}) }
  const settled = await result
  if (settled.outcome === 'ok') return { runId, status: 'ok' }
  if (settled.outcome === 'aborted') return { runId, ...aborted(settled) }
  if (settled.outcome === 'timeout') return { runId, status: 'timeout', summary: 'timeout', stopReason: 'timeout', endedAt: settled.endedAtMs }
  return { runId, status: 'error', summary: settled.error?.message ?? 'the run failed', endedAt: settled.endedAtMs }
}

/** The second answer to `agent`. */
export function agentAnswer (result: RunResult): object {
  const { runId, outcome, text, sessionId, provider, model, usage, startedAtMs, endedAtMs, error } = result
  if (outcome === 'aborted' && result.stopReason === 'shutdown') {
    throw new GatewayError('STOPPING', { message: 'the gateway is restarting; the run goes on afterwards, ask agent.wait for it', details: { runId } })
  }
  if (outcome === 'aborted') return { runId, ...aborted(result) }
  const durationMs = startedAtMs === undefined ? 0 : endedAtMs - startedAtMs
  const meta = {
    durationMs,
    agentMeta: {
      sessionId,
      ...(provider ? { provider, model } : {}),
      ...(usage
        ? { usage: { ...usage, total: usage.totalTokens }, promptTokens: usage.input + usage.cacheRead, costUsd: usage.cost?.total ?? 0 }
        : {})
    }
  }
  const payloads = text === '' ? [] : [{ text, mediaUrl: null }]
  if (outcome === 'ok') return { runId, status: 'ok', summary: 'completed', result: { payloads, meta } }
  return { runId, status: outcome, summary: error?.message ?? outcome, error: error?.message ?? outcome, result: { payloads, meta } }
}

export function waitAnswer (runId: string, result: RunResult | undefined): object {
  if (!result) return { runId, status: 'timeout' }
  const { outcome, startedAtMs, endedAtMs, stopReason, text, error, sessionId, provider, model } = result
  const common = {
    runId,
    status: outcome === 'ok' ? 'ok' : 'error',
    ...(startedAtMs === undefined ? {} : { startedAt: startedAtMs }),
    endedAt: endedAtMs,
    ...(stopReason ? { stopReason } : {}),
    ...(error ? { error: error.message } : {})
  }
  if (outcome !== 'ok') return common
  const disposition = text === '' ? 'silent' : 'visible'
  const effective = provider ? { provider, model } : undefined
  return {
    ...common,
    livenessState: 'working',
    terminalReply: { disposition, ...(text === '' ? {} : { text }) },
    terminalReceipt: {
      runId,
      sessionId,
      turnId: runId,
      ...(effective ? { requested: effective, effective: { ...effective, responseModel: model } } : {}),
      terminalDisposition: disposition
    }
  }
}
