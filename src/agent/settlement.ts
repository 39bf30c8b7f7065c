/** How a run ends: what is kept is committed first, then the one terminal event is told. */
import type { PreparedReply } from '../channels/replies/reply.ts'
import type { AssistantMessage } from '../protocol/transcript.ts'
import type { SessionRecord, SessionStatus } from '../sessions/record.ts'
import { book } from './charges.ts'
import type { RunContext } from './context.ts'
import { endingOf, failureOf, type Failure } from './failures.ts'
import { brokenReply } from './messages.ts'
import type { RunOutcome, RunResult } from './room.ts'
import type { Ending, Run } from './run.ts'
import { settledRow } from './stored-run.ts'
import type { NewLine, Turn } from './turn.ts'

const statuses: { readonly [outcome in RunOutcome]: SessionStatus } = { ok: 'done', error: 'failed', aborted: 'killed', timeout: 'timeout' }

/** A commit that fails is tried again: the reply is there, only the disk is not. */
const retryDelaysMs = [50, 250, 1000]

export interface Settled {
  readonly result: RunResult
  readonly failure?: Failure
}

function sessionPatch (turn: Turn | undefined, result: RunResult, record: SessionRecord | undefined): Partial<SessionRecord> {
  const { startedAtMs, endedAtMs } = result
  const common: Partial<SessionRecord> = {
    status: statuses[result.outcome],
    endedAt: endedAtMs,
    lastRunId: result.runId,
    abortedLastRun: result.outcome === 'aborted',
    lastActivityAt: endedAtMs,
    ...(startedAtMs === undefined ? {} : { runtimeMs: endedAtMs - startedAtMs })
  }
  if (!turn?.model) return common
  const { usage, lastUsage, model } = turn
  return {
    ...common,
    modelProvider: model.provider,
    model: model.id,
    contextTokens: model.contextWindow,
    inputTokens: usage.input,
    outputTokens: usage.output,
    totalTokens: lastUsage.input + lastUsage.cacheRead,
    usage,
    estimatedCostUsd: (record?.estimatedCostUsd ?? 0) + (usage.cost?.total ?? 0)
  }
}

function brokenLine (run: Run, turn: Turn, text: string, { now }: RunContext, failure: Failure | undefined): NewLine | undefined {
  const { ending } = run
  // What an interrupted run had said is replaced by the answer to what interrupted it.
  if (ending?.origin === 'interrupt' || (ending && text === '')) return undefined
  const last = turn.unwritten.at(-1)
  if (last?.type === 'message' && last.message.role === 'assistant') return undefined
  const how: Pick<AssistantMessage, 'stopReason'> & Partial<AssistantMessage> = ending?.kind === 'aborted'
    ? { stopReason: 'aborted', idempotencyKey: `${run.id}:assistant`, openclawAbort: { aborted: true, origin: ending.origin, runId: run.id } }
    : { stopReason: 'error', errorMessage: failure?.message ?? 'the run took too long' }
  return { type: 'message', runId: run.id, message: brokenReply(text, turn.model ?? turn.route.model, now(), how) }
}

type MaybeReply = PreparedReply | undefined

/** What goes out with the end of a run, and only then. */
async function outgoingOf (run: Run, turn: Turn | undefined, result: RunResult, { outbox }: RunContext): Promise<MaybeReply> {
  const { id: runId, key: sessionKey, agentId, request: { deliver, fleeting } } = run
  if (!deliver || fleeting || !outbox) return undefined
  const isSilent = result.text === '' && (turn?.voice.said().trim() ?? '') !== ''
  return await outbox.ended({ runId, sessionKey, agentId, deliver, result, isSilent })
}

async function commit (run: Run, turn: Turn | undefined, result: RunResult, lines: readonly NewLine[], context: RunContext): Promise<void> {
  const { sessions, log } = context
  const booked = await book(run, result.usage, context)
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await outgoingOf(run, turn, result, context)
      await run.write(sessions, {
        lines,
        patch: sessionPatch(turn, result, sessions.get(run.key)),
        ops: [...run.ops(settledRow(run.row!, result), false), ...booked(), ...reply?.ops ?? []],
        reason: 'agent.input.settled',
        phase: 'end',
        runId: run.id
      })
      reply?.committed()
      return
    } catch (error) {
      const delayMs = retryDelaysMs[attempt]
      if (delayMs === undefined) throw error
      log.warn({ err: error, runId: run.id, delayMs }, 'the end of a run could not be stored; trying again')
      await new Promise(resolve => setTimeout(resolve, delayMs))
    }
  }
}

function common (run: Run, turn: Turn | undefined): Partial<RunResult> {
  const model = turn?.model
  return {
    sessionId: run.sessionId,
    ...(model ? { provider: model.provider, model: model.id, usage: turn.usage } : {}),
    ...(turn && turn.calls.length > 0 ? { calls: turn.calls } : {})
  }
}

/** The run came to its end by itself. */
export async function conclude (turn: Turn, context: RunContext): Promise<Settled> {
  const { run, voice } = turn
  run.signal.throwIfAborted()
  run.state = 'committing'
  const text = context.prompting.visible(voice.said(), true)
  const earlier = turn.earlier.map(said => context.prompting.visible(said, true)).filter(Boolean)
  const result = run.ended({
    outcome: 'ok',
    endedAtMs: context.now(),
    text,
    stopReason: turn.stopReason,
    ...(earlier.length > 0 ? { earlier } : {}),
    ...(turn.thoughts.length > 0 ? { thought: turn.thoughts.join('\n\n') } : {}),
    ...common(run, turn)
  })
  await commit(run, turn, result, turn.unwritten, context)
  return { result }
}

/** It did not. Never throws: a run whose end cannot be stored is told as failed and looked at again by the next start. */
export async function breakOff (run: Run, turn: Turn | undefined, error: unknown, context: RunContext): Promise<Settled> {
  const { now, log } = context
  const ending: Ending | undefined = run.state === 'committing' ? undefined : endingOf(error)
  const failure = ending ? undefined : failureOf(error, turn)
  if (failure) log.warn({ err: error, runId: run.id, sessionKey: run.key, kind: failure.kind }, 'a run failed')
  run.state = 'committing'
  const text = turn ? context.prompting.visible(turn.voice.said(), true) : ''
  const outcome: RunOutcome = ending ? (ending.kind === 'timeout' ? 'timeout' : 'aborted') : 'error'
  const told: Failure | undefined = failure ?? (outcome === 'timeout' ? { kind: 'timeout', message: 'the run took too long', wire: { errorKind: 'timeout' } } : undefined)
  const result = run.ended({
    outcome,
    endedAtMs: now(),
    text,
    stopReason: ending?.origin ?? 'error',
    ...common(run, turn),
    ...(told ? { error: { kind: told.kind, message: told.message, ...told.more } } : {})
  })
  if (ending?.kind === 'shutdown') return { result }
  const broken = turn && brokenLine(run, turn, text, context, told)
  try {
    await commit(run, turn, result, [...turn?.unwritten ?? [], ...broken ? [broken] : []], context)
  } catch (err) {
    log.error({ err, runId: run.id }, 'the end of a run could not be stored')
  }
  return { result, ...(told ? { failure: told } : {}) }
}
