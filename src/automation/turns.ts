/**
 * Turns that an agent takes because of a heartbeat or a wake: told once, answered once, and what comes of it is on its way however the
 * gateway ends in between.
 */
import type { RunRequest, RunResult } from '../agent/room.ts'
import { isThere, type Arrival, type Places, type Wanted } from './places.ts'
import type { AutomationSources } from './ports.ts'
import type { SystemEvents, WaitingText } from './system-events.ts'

export interface Turn extends Pick<RunRequest, 'model' | 'thinking' | 'timeoutMs' | 'lane'> {
  /** Names the turn: the same one is taken once. */
  readonly id: string
  readonly via: 'heartbeat' | 'cron' | 'wake'
  readonly agentId: string
  readonly sessionKey: string
  /** Whoever asked for it holds the gateway. */
  readonly isOwners: boolean
  readonly route: TurnRoute
  /** With what waits for this conversation. */
  readonly message: (waiting: readonly WaitingText[]) => string
}

export interface TurnRoute {
  /** Absent: the reply stays in the conversation. */
  readonly wanted?: Wanted
  /** A reply that has no more than this beside the word for "all is well" is not sent; absent: every reply is. */
  readonly ackMaxChars?: number
  /** Why a reply is not sent although there is somewhere to send it to. */
  readonly mute?: string
}

export interface TurnEnd {
  readonly result: RunResult
  /** What is to be told: nothing when all is well. */
  readonly text: string
  readonly isAcknowledgement: boolean
  readonly sent: Arrival | { readonly status: 'not-requested', readonly error?: string }
}

/** What a later process needs to know of a turn that this one did not bring to its end. */
interface Open {
  readonly via: Turn['via']
  readonly sessionKey: string
  readonly route: TurnRoute
}

export interface Turns {
  /** Resolves when it is durable. `end` is undefined when the gateway stops before the turn is over: the next process goes on with it. */
  begin (turn: Turn): Promise<{ readonly runId: string, readonly end: Promise<TurnEnd | undefined> }>
  /** Turns of an earlier process. */
  adopt (ended: (via: Turn['via'], end: TurnEnd) => void): Promise<void>
}

const principal = 'automation'
const allIsWell = /^[\s*`"]*HEARTBEAT_OK\b|\bHEARTBEAT_OK[\s*`".]*$/i
const linesLookedAt = 6

export type TurnSources = Pick<AutomationSources, 'runs' | 'sessions' | 'store' | 'log'> & {
  readonly systemEvents: SystemEvents
  readonly places: Places
}

/** It was put down by a stop of the gateway, and the next one goes on with it. */
export const isPutDown = ({ outcome, stopReason }: RunResult): boolean => outcome === 'aborted' && stopReason === 'shutdown'

export function createTurns ({ runs, sessions, store, log, systemEvents, places }: TurnSources): Turns {
  const open = store.collection<Open>('automation-turns')

  /** What the model said, as it stands in the transcript: the words for silence are taken out of every reply. */
  async function saidAllIsWell ({ runId, sessionKey }: RunResult): Promise<boolean> {
    const lines = await sessions.lines.tail(sessionKey, { limit: linesLookedAt }).catch(() => [])
    const said = lines.toReversed().find(({ value }) => value.type === 'message' && value.runId === runId && value.message.role === 'assistant')?.value
    if (said?.type !== 'message') return false
    const { content } = said.message as { content: string | ReadonlyArray<{ type: string, text?: string }> }
    return allIsWell.test(typeof content === 'string' ? content : content.map(({ text = '' }) => text).join(''))
  }

  async function send (id: string, text: string, { wanted }: TurnRoute, sessionKey: string): Promise<TurnEnd['sent']> {
    if (!wanted) return { status: 'not-requested' }
    if (isThere(wanted, sessionKey)) return { status: 'delivered' }
    try {
      const { ops, committed } = await places.prepare(id, await places.address(wanted), text)
      await store.commit([...ops, { op: 'delete', collection: 'automation-turns', key: id }])
      committed()
      return await places.arrival(id)
    } catch (error) {
      return { status: 'not-delivered', error: error instanceof Error ? error.message : String(error) }
    }
  }

  async function finish (id: string, result: RunResult, route: TurnRoute): Promise<TurnEnd | undefined> {
    if (isPutDown(result)) return undefined
    const text = result.outcome === 'ok' ? result.text.trim() : ''
    const isWell = route.ackMaxChars !== undefined && text.length <= route.ackMaxChars && (text === '' || await saidAllIsWell(result))
    const told = isWell ? '' : text
    const sent = told === '' || route.mute !== undefined
      ? { status: 'not-requested' as const, ...(route.mute === undefined ? {} : { error: route.mute }) }
      : await send(id, told, route, result.sessionKey)
    await open.delete(id)
    return { result, text: told, isAcknowledgement: isWell, sent }
  }

  const claimOf = (id: string, via: string) => ({ caller: { principal }, via, idempotencyKey: id })

  return {
    async begin ({ id, via, agentId, sessionKey, isOwners, route, message, ...settings }) {
      await sessions.ready
      const known = await runs.find(claimOf(id, via))
      const waiting = known ? undefined : await systemEvents.take(sessionKey, { principal, via, key: id })
      try {
        await open.put(id, { via, sessionKey, route })
        const entries = waiting?.entries ?? []
        const isTrusted = isOwners && entries.every(({ external }) => external === undefined)
        const handle = await runs.start({
          ...claimOf(id, via),
          ...settings,
          agentId,
          sessionKey,
          message: message(entries),
          ownTurn: true,
          origin: { source: via, ...(isTrusted ? { senderIsOwner: true } : {}) }
        })
        await waiting?.done()
        return { runId: handle.runId, end: handle.result.then(async result => await finish(id, result, route)) }
      } catch (error) {
        waiting?.giveBack()
        await open.delete(id).catch(() => {})
        throw error
      }
    },
    async adopt (ended) {
      for (const { key, value: { via, route } } of await open.all()) {
        const report = await runs.find(claimOf(key, via))
        if (!report) {
          // It never began, and what it was to tell still waits.
          await open.delete(key)
          continue
        }
        report.result.then(async result => await finish(key, result, route))
          .then(end => { if (end) ended(via, end) })
          .catch((err: unknown) => log.warn({ err, runId: key }, 'a turn of an earlier process could not be brought to its end'))
      }
    }
  }
}
