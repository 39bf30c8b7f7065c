/** Carries out runs whose turn in their session has come, within the lanes. */
import type { RunContext } from './context.ts'
import type { Inbox } from './inboxes.ts'
import type { Lanes } from './lanes.ts'
import { carryOutRun, tellFailure } from './pipeline.ts'
import { isSamePlace } from './outbox.ts'
import type { RunResult } from './room.ts'
import type { Run } from './run.ts'
import { breakOff } from './settlement.ts'
import type { Runtimes } from './runtimes.ts'
import type { Steering } from './turn.ts'
import { createVoice, type Voice } from './voice.ts'

/** Text is told at once when it begins and then this often. */
const paceMs = 75

/** Whoever carries out the runs of some agents in our place. */
export type External = Pick<Runtimes, 'serves' | 'isPresent' | 'present' | 'converse'>

export interface ExecutionOptions {
  readonly context: RunContext
  readonly lanes: Lanes
  readonly external: External
  readonly halted: () => boolean
  readonly onSettled: (run: Run, result: RunResult, inbox: Inbox) => void
  readonly onSteered: (runs: readonly Run[], by: Run) => void
}

const toNobody = (): void => {}

export function voiceOf (run: Run, { emit, now, prompting, outgoing }: RunContext): Voice {
  const { via, spawnedBy, caller, fleeting } = run.request
  const filter = outgoing ? { sieve: () => outgoing.sieve({ agentId: run.agentId, sessionKey: run.key }) } : {}
  return createVoice({
    runId: run.id,
    sessionKey: run.key,
    agentId: run.agentId,
    sessionId: () => run.sessionId,
    phases: via === 'chat',
    ...(spawnedBy ? { spawnedBy } : {}),
    ...(caller.connectionId ? { connectionId: caller.connectionId } : {})
  }, { emit: fleeting ? toNobody : emit, now, paceMs, visible: (text, done) => prompting.visible(text, done), ...filter })
}

export function createExecution (options: ExecutionOptions): (run: Run, inbox: Inbox) => void {
  const { context, lanes, external, halted, onSettled, onSteered } = options
  const { now, config } = context

  const steeringOf = (inbox: Inbox, run: Run): Steering => {
    // Whoever waits for a reply elsewhere would not get one here.
    const isSteering = ({ mode, state, request: { deliver } }: Run): boolean =>
      mode === 'steer' && state === 'queued' && (deliver === undefined || isSamePlace(deliver, run.request.deliver))
    return {
      has: () => inbox.queue.some(isSteering),
      waiting: () => inbox.queue.filter(isSteering),
      taken (runs) {
        for (const taken of runs) inbox.queue.splice(inbox.queue.indexOf(taken), 1)
        onSteered(runs, run)
      }
    }
  }

  function limitTime (run: Run, timeoutMs: number): NodeJS.Timeout | undefined {
    return timeoutMs > 0 ? setTimeout(() => run.end({ kind: 'timeout', origin: 'timeout' }), Math.min(timeoutMs, 2 ** 31 - 1)) : undefined
  }

  function beginReply (run: Run, voice: Voice): void {
    const { id: runId, key: sessionKey, agentId, settled, request: { deliver, fleeting } } = run
    if (!deliver || fleeting || !context.outbox) return
    const soFar = (): string => context.prompting.visible(voice.soFar(), false)
    context.outbox.began({ runId, sessionKey, agentId, deliver, settled, soFar, follow: listener => voice.follow(listener) })
  }

  async function perform (run: Run, voice: Voice, inbox: Inbox): Promise<RunResult> {
    let leave: (() => void) | undefined
    const { timeoutMs } = run.request
    // Who sets a time of his own wants an answer within it. Otherwise waiting for an agent or for room takes nothing from the run.
    let timer = timeoutMs === undefined ? undefined : limitTime(run, timeoutMs)
    try {
      if (external.serves(run.agentId)) {
        if (!external.isPresent(run.agentId)) {
          run.state = 'waiting'
          if (halted()) run.end({ kind: 'shutdown', origin: 'shutdown' })
          await external.present(run.agentId, run.signal)
        }
      } else leave = await lanes.enter(run.request.lane ?? 'main', run.signal)
      run.state = 'active'
      run.startedAtMs = now()
      beginReply(run, voice)
      if (timeoutMs === undefined) timer = limitTime(run, config().config.agents.defaults.timeoutSeconds * 1000)
      return await carryOutRun(run, voice, steeringOf(inbox, run), context, external.serves(run.agentId) ? external.converse : undefined)
    } catch (error) {
      const settled = await breakOff(run, undefined, error, context)
      if (run.ending?.kind === 'shutdown') return settled.result
      if (settled.result.outcome === 'aborted') voice.terminal({ state: 'aborted', stopReason: settled.result.stopReason })
      else tellFailure(voice, settled)
      return settled.result
    } finally {
      clearTimeout(timer)
      leave?.()
    }
  }

  async function execute (run: Run, inbox: Inbox): Promise<void> {
    const result = await perform(run, run.voice!, inbox)
    run.state = 'settled'
    onSettled(run, result, inbox)
  }

  return (run, inbox) => {
    run.voice ??= voiceOf(run, context)
    // Behind the answer to the request that began it.
    setImmediate(() => { void execute(run, inbox) })
  }
}
