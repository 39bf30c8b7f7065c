/** Has an agent do what a job asks for. The same run is begun once, however often it is asked for, by whichever process. */
import type { Runs } from '../../agent/room.ts'
import { defaultAgentId } from '../../config/agent-entries.ts'
import { isGatewayError } from '../../protocol/errors.ts'
import type { StoreOp } from '../../store/store.ts'
import type { Heartbeats } from '../heartbeat/heartbeats.ts'
import { mainKeyOf } from '../places.ts'
import type { AutomationSources } from '../ports.ts'
import type { SystemEvents } from '../system-events.ts'
import { isPutDown } from '../turns.ts'
import { createCommands, lostCommand } from './command.ts'
import type { HandedOver, Job, Underway } from './job.ts'
import { declaredOf, endedOf, failedWord, failureOf } from './outcome.ts'

export type CarryingSources = Pick<AutomationSources, 'config' | 'sessions' | 'tools' | 'clock'> & {
  readonly runs: Pick<Runs, 'start' | 'abort'>
  readonly systemEvents: SystemEvents
  readonly heartbeats: () => Promise<Pick<Heartbeats, 'wake'>>
}

export interface Carried {
  readonly end: Omit<HandedOver, 'deliveryStatus'>
  /** What became of the reply, where it is not for the job to see to it. */
  readonly delivery?: Pick<HandedOver, 'deliveryStatus' | 'deliveryError' | 'suppressed'>
  /** What belongs to the same commit as the end. */
  readonly ops?: readonly StoreOp[]
  committed? (): void
}

export interface Carrying {
  agentOf (job: Pick<Job, 'agentId'>): string
  /** The conversation of a run. Throws for agents and keys that do not exist. */
  sessionKeyOf (job: Pick<Job, 'id' | 'agentId' | 'sessionKey' | 'sessionTarget'>, runName: string): string
  /** The conversation whose chat "last" means. */
  homeOf (job: Pick<Job, 'agentId' | 'sessionKey'>): string
  /** Undefined: the gateway stops first, and the next one asks again. `isAdopted`: an earlier process may have begun it. */
  perform (job: Job, underway: Underway, isAdopted: boolean): Promise<Carried | undefined>
  /** What it was about to do and to say is not wanted any more. */
  abandon (underway: Underway): Promise<void>
}

/** Turns of jobs are not watched: one that hangs is ended. */
const longestTurnSeconds = 3_600

const unattended = 'You are carrying out a scheduled job. Nobody is here to answer questions or to approve anything: the last reply is the result ' +
  'itself, not a plan for it. When there is nothing to report, reply NO_REPLY. When it cannot be done, begin the reply with a line that says ' +
  `${failedWord} and nothing else, and then say what failed and what you tried.`

const paced = 'When you know when it is worth looking again, say so before the end with the tool automations: action "next_check", in "30m".'

export function createCarrying ({ config, sessions, tools, clock, runs, systemEvents, heartbeats }: CarryingSources): Carrying {
  const commands = createCommands({ tools, clock })
  const agentOf: Carrying['agentOf'] = ({ agentId }) => (agentId ?? defaultAgentId(config().config)).toLowerCase()

  const mainOf = ({ agentId, sessionKey }: Pick<Job, 'agentId' | 'sessionKey'>): string => sessions.target(sessionKey ?? 'main', agentOf({ ...agentId ? { agentId } : {} })).key

  function homeOf (job: Pick<Job, 'agentId' | 'sessionKey'>): string {
    try {
      return mainOf(job)
    } catch {
      // Its agent is gone, and nothing was said there.
      return mainKeyOf(config)
    }
  }

  async function turn (job: Job, { runId, sessionKey }: Underway): Promise<Carried | undefined> {
    const { payload, isOwners, name, id } = job
    if (payload.kind !== 'agentTurn') throw new Error('not a turn')
    const { message, model, fallbacks, thinking, toolsAllow, timeoutSeconds } = payload
    const seconds = timeoutSeconds || Math.min(config().config.agents.defaults.timeoutSeconds, longestTurnSeconds)
    const { result } = await runs.start({
      caller: { principal: 'cron' },
      via: 'cron',
      idempotencyKey: runId,
      agentId: agentOf(job),
      sessionKey,
      message,
      ownTurn: true,
      lane: 'cron',
      timeoutMs: seconds * 1000,
      extraSystemPrompt: job.pacing ? `${unattended} ${paced}` : unattended,
      origin: { source: 'cron', jobId: id, name, ...(isOwners ? { senderIsOwner: true } : {}) },
      ...(model ? { model } : {}),
      ...(fallbacks ? { fallbacks } : {}),
      ...(thinking ? { thinking } : {}),
      ...(toolsAllow ? { toolsAllow } : {})
    })
    const ended = await result
    return isPutDown(ended) ? undefined : { end: declaredOf(endedOf(ended)) }
  }

  async function event (job: Job, { runId, sessionKey }: Underway): Promise<Carried | undefined> {
    const { payload, isOwners, wakeMode } = job
    if (payload.kind !== 'systemEvent') throw new Error('not an event')
    if (wakeMode === 'next-heartbeat') {
      const prepared = await systemEvents.prepare(sessionKey, payload.text)
      return { ...prepared, end: { status: 'ok', endedAtMs: clock.now(), text: payload.text }, delivery: { deliveryStatus: 'not-requested' } }
    }
    const room = await heartbeats()
    const { end } = await room.wake({ id: runId, via: 'cron', agentId: agentOf(job), sessionKey, text: payload.text, isOwners })
    const ended = await end
    if (!ended) return undefined
    const { result, sent, text } = ended
    return {
      end: endedOf(result),
      ...(job.delivery?.mode === 'webhook'
        ? {}
        : {
            delivery: {
              deliveryStatus: sent.status,
              ...(sent.error === undefined ? {} : { deliveryError: sent.error }),
              ...(text === '' ? { suppressed: 'silent' } : {})
            }
          })
    }
  }

  return {
    agentOf,
    homeOf,
    sessionKeyOf (job, runName) {
      const agentId = agentOf(job)
      const { sessionTarget, sessionKey, id } = job
      if (sessionTarget === 'main') return mainOf(job)
      if (sessionTarget === 'current' && sessionKey !== undefined) return sessions.target(sessionKey, agentId).key
      if (sessionTarget.startsWith('session:')) return sessions.target(sessionTarget.slice('session:'.length), agentId).key
      return sessions.target(`agent:${agentId}:cron:${id}:run:${runName}`, agentId).key
    },
    async perform (job, underway, isAdopted) {
      const { kind } = job.payload
      try {
        if (kind === 'command') return isAdopted ? lostCommand(clock.now()) : await commands.carry(job, underway, agentOf(job))
        return kind === 'agentTurn' ? await turn(job, underway) : await event(job, underway)
      } catch (error) {
        if (isGatewayError(error) && error.code === 'STOPPING') return undefined
        const kind = isGatewayError(error) ? error.code.toLowerCase() : 'internal'
        const message = error instanceof Error ? error.message : String(error)
        return { end: { status: 'error', endedAtMs: clock.now(), text: '', ...failureOf(kind, message) } }
      }
    },
    async abandon ({ runId }) {
      commands.abandon(runId)
      await runs.abort({ runId, origin: 'cron.remove' }).catch(() => {})
    }
  }
}
