/** A run from its first step to its terminal event. */
import { isOwners } from './answerable.ts'
import type { RunContext } from './context.ts'
import { converse, useTools } from './conversation.ts'
import { fleetingMessages } from './messages.ts'
import type { RunResult } from './room.ts'
import { untilEnded, type Run } from './run.ts'
import { breakOff, conclude, type Settled } from './settlement.ts'
import { named } from '../tools/names.ts'
import { allowingEntry } from '../tools/policy/patterns.ts'
import { interruptedCall, modelMessages, noUsage, openCalls, storedMessages, type Steering, type Turn } from './turn.ts'
import type { Voice } from './voice.ts'

interface Step {
  readonly name: string
  run (turn: Turn, context: RunContext): Promise<void>
}

/** The conversation as the model will see it. */
async function load (turn: Turn, context: RunContext): Promise<void> {
  const { run, voice } = turn
  const { sessions, tools, now } = context
  voice.status('preparing_workspace')
  await context.outgoing?.ready()
  const stored = run.request.fleeting ? fleetingMessages(run, now()) : await storedMessages(run.key, sessions)
  if (run.recovered) {
    for (const call of openCalls(stored)) {
      if (await tools.isStillAsking?.({ runId: run.id, callId: call.id })) {
        turn.reopened.push(call)
        continue
      }
      const message = interruptedCall(call, now(), 'The gateway was restarted while this tool ran; whether it took effect is not known. Check before doing it again.')
      turn.unwritten.push({ type: 'message', message, runId: run.id })
      stored.push(message)
    }
  }
  turn.messages = modelMessages(stored, now())
  if (stored.some(({ role }) => role === 'toolResult')) {
    const { fitted } = await import('./tool-guard.ts')
    turn.messages = fitted(turn.messages, turn.route.model.contextWindow)
  }
  if (turn.messages.length === 0) throw new Error('the conversation was reset before this message was answered')
}

async function prompt (turn: Turn, { prompting, tools }: RunContext): Promise<void> {
  const { run, voice } = turn
  voice.status('preparing_context')
  const { provider, id } = turn.route.model
  const { agentId, key: sessionKey, request } = run
  const { clientTools = [], toolChoice = 'auto' } = request
  const isForCallerAlone = clientTools.length > 0 && toolChoice !== 'auto' && toolChoice !== 'none'
  const facts = { agentId, sessionKey, model: `${provider}/${id}`, isOwner: isOwners(turn.messages) }
  if (!isForCallerAlone && tools.prepare) await untilEnded(run.signal, tools.prepare(facts))
  const allowed = isForCallerAlone ? [] : tools.forRun(facts)
  const { toolsAllow } = request
  const own = toolsAllow ? allowed.filter(tool => allowingEntry(named(tool), toolsAllow) !== undefined) : allowed
  // A model is told of one function by each name: the caller knows which ones it brings.
  turn.tools = clientTools.length === 0 ? own : own.filter(({ name }) => !clientTools.some(tool => tool.name === name))
  turn.system = await prompting.system({ agentId, sessionKey, request, tools: turn.tools, model: turn.route.model })
}

/** What waited for a person when the gateway went down goes on waiting, and is done when the person says so. */
async function reopen (turn: Turn, context: RunContext): Promise<void> {
  if (turn.reopened.length === 0) return
  const ids = new Set(turn.reopened.map(({ id }) => id))
  turn.messages = turn.messages.filter(message => message.role !== 'toolResult' || !ids.has(message.toolCallId))
  await useTools(turn, turn.reopened, context)
}

async function begin ({ run, voice }: Turn): Promise<void> {
  voice.lifecycle({ phase: 'start', startedAt: run.startedAtMs })
  voice.status('starting_model')
}

const own: readonly Step[] = [
  { name: 'shorten', run: async (turn, context) => { await context.shorten(turn, context) } },
  { name: 'load', run: load },
  { name: 'prompt', run: prompt },
  { name: 'begin', run: begin },
  { name: 'reopen', run: reopen },
  { name: 'converse', run: converse }
]

function newTurn (run: Run, voice: Voice, steering: Steering, { models, sessions }: RunContext): Turn {
  const record = sessions.get(run.key)
  const provider = run.request.provider ?? record?.providerOverride
  const model = run.request.model ?? record?.modelOverride
  const { fallbacks } = run.request
  const chosen = { ...(provider ? { provider } : {}), ...(model ? { model } : {}), ...(fallbacks ? { fallbacks } : {}) }
  return {
    run,
    voice,
    steering,
    route: models.route(run.agentId, chosen),
    system: '',
    messages: [],
    tools: [],
    unwritten: [],
    usage: noUsage,
    lastUsage: noUsage,
    model: undefined,
    attempts: [],
    stopReason: 'stop',
    isShortened: false,
    reopened: [],
    earlier: [],
    thoughts: [],
    calls: [],
    toolNames: new Set()
  }
}

function receipt ({ route, model, run, toolNames }: Turn, disposition: string): object {
  const requested = { provider: route.model.provider, model: route.model.id }
  const effective = model ? { provider: model.provider, model: model.id } : requested
  return {
    runId: run.id,
    sessionId: run.sessionId,
    turnId: run.id,
    requested,
    effective: { ...effective, responseModel: effective.model },
    successfulToolNames: [...toolNames],
    rerouted: effective.provider !== requested.provider || effective.model !== requested.model,
    terminalDisposition: disposition
  }
}

function tellEnd (run: Run, turn: Turn, { outcome, text, startedAtMs: startedAt, endedAtMs: endedAt, stopReason }: RunResult): void {
  const { voice } = turn
  const disposition = text === '' ? 'silent' : 'visible'
  if (outcome === 'ok') {
    voice.lifecycle({ phase: 'finishing', stopReason, aborted: false, livenessState: 'working', endedAt })
    voice.lifecycle({ phase: 'model', provider: null, model: null })
    voice.lifecycle({
      phase: 'end',
      stopReason,
      aborted: false,
      livenessState: 'working',
      startedAt,
      endedAt,
      replayInvalid: false,
      terminalReply: { disposition, ...(text === '' ? {} : { text }) },
      terminalReceipt: receipt(turn, disposition),
      executionSettled: true
    })
    return voice.terminal({ state: 'final', stopReason, message: text })
  }
  voice.terminal({ state: 'aborted', stopReason, ...(run.ending?.origin === 'interrupt' ? {} : { message: text }) })
  voice.lifecycle({ phase: 'end', status: 'cancelled', aborted: true, stopReason, startedAt, endedAt, executionSettled: true })
}

export function tellFailure (voice: Voice, { result, failure }: Settled): void {
  const { outcome, startedAtMs: startedAt, endedAtMs: endedAt, stopReason } = result
  const error = failure?.message ?? result.error?.message ?? 'the run failed'
  voice.lifecycle({ phase: 'error', error, aborted: outcome === 'timeout', stopReason, livenessState: 'blocked', startedAt, endedAt, executionSettled: true })
  voice.terminal({ state: 'error', errorMessage: error, ...(failure?.wire ?? { errorKind: 'unknown' }) })
}

/** Carries a run out. Whatever happens it says one terminal event and answers with the result. */
export async function carryOutRun (run: Run, voice: Voice, steering: Steering, context: RunContext, elsewhere?: Step['run']): Promise<RunResult> {
  const work = (): Promise<RunResult> => carryOutSteps(run, voice, steering, context, elsewhere)
  return context.watch ? await context.watch.run(run, work) : await work()
}

async function carryOutSteps (run: Run, voice: Voice, steering: Steering, context: RunContext, elsewhere?: Step['run']): Promise<RunResult> {
  const steps = elsewhere ? [{ name: 'load', run: load }, { name: 'begin', run: begin }, { name: 'elsewhere', run: elsewhere }] : own
  let turn: Turn | undefined
  let settled: Settled
  try {
    turn = newTurn(run, voice, steering, context)
    for (const step of steps) {
      run.signal.throwIfAborted()
      await step.run(turn, context)
    }
    settled = await conclude(turn, context)
  } catch (error) {
    settled = await breakOff(run, turn, error, context)
  }
  run.state = 'settled'
  const { result } = settled
  // The next start goes on with it and tells how it ended.
  if (run.ending?.kind === 'shutdown' && result.outcome === 'aborted') return result
  if (turn && (result.outcome === 'ok' || result.outcome === 'aborted')) tellEnd(run, turn, result)
  else if (result.outcome === 'aborted') voice.terminal({ state: 'aborted', stopReason: result.stopReason })
  else tellFailure(voice, settled)
  return result
}
