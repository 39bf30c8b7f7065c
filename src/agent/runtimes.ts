/** Programs that carry out the runs of an agent themselves: who is there, and what becomes of a run when one goes away. */
import type { AssistantMessage } from '../protocol/transcript.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { RunContext } from './context.ts'
import { delivered } from './outgoing.ts'
import { reasonOf, untilEnded, type Run } from './run.ts'
import { noUsage, type Turn } from './turn.ts'

export interface RuntimeUpdate {
  readonly runId: string
  readonly delta?: string
  /** The whole reply; what was sent as deltas need not be repeated. */
  readonly final?: { readonly text?: string, readonly stopReason?: string }
  readonly error?: { readonly message: string }
}

export type AgentPresence = 'online' | 'idle' | 'crashed' | 'offline'

export interface RuntimesOptions {
  readonly isExternal: (agentId: string) => boolean
  /** False when the connection is gone. */
  readonly send: (connectionId: string, event: 'agent.run.request' | 'agent.run.cancel', payload: object) => boolean
  readonly now: () => number
}

export interface Runtimes {
  register (agentId: string, connectionId: string): void
  unregister (agentId: string, connectionId: string): boolean
  update (connectionId: string, update: RuntimeUpdate): void
  /** The connection ended, for whatever reason. */
  gone (connectionId: string): void
  presence (agentId: string, isBusy: boolean): { readonly state: AgentPresence, readonly sinceMs?: number }
  serves (agentId: string): boolean
  isPresent (agentId: string): boolean
  present (agentId: string, signal: AbortSignal): Promise<void>
  converse (turn: Turn, context: RunContext): Promise<void>
}

interface Assignment {
  readonly run: Run
  readonly connectionId: string
  readonly tell: (delta: string) => void
  readonly settle: (outcome: 'gone' | RuntimeUpdate) => void
}

/** How often a run is handed to a runtime that goes away while it works on it. */
const maxAttempts = 3
/** Messages of the conversation that a runtime is given along. */
const maxHistory = 100

export function createRuntimes ({ isExternal, send, now }: RuntimesOptions): Runtimes {
  const present = new Map<string, { readonly connectionId: string, readonly sinceMs: number }>()
  const left = new Map<string, { readonly crashed: boolean, readonly atMs: number }>()
  const waiting = new Map<string, Set<() => void>>()
  const assignments = new Map<string, Assignment>()

  function leave (agentId: string, connectionId: string, crashed: boolean): boolean {
    if (present.get(agentId)?.connectionId !== connectionId) return false
    present.delete(agentId)
    left.set(agentId, { crashed, atMs: now() })
    for (const assignment of [...assignments.values()]) {
      if (assignment.run.agentId === agentId && assignment.connectionId === connectionId) assignment.settle('gone')
    }
    return true
  }

  async function untilPresent (agentId: string, signal: AbortSignal): Promise<void> {
    if (present.has(agentId)) return
    const known = waiting.get(agentId) ?? new Set()
    waiting.set(agentId, known)
    let arrived!: () => void
    const arrival = new Promise<void>(resolve => { arrived = resolve })
    known.add(arrived)
    try {
      await untilEnded(signal, arrival)
    } finally {
      known.delete(arrived)
    }
  }

  function assign (turn: Turn, connectionId: string): Promise<'gone' | RuntimeUpdate> {
    const { run, voice } = turn
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        assignments.delete(run.id)
        send(connectionId, 'agent.run.cancel', { runId: run.id, agentId: run.agentId, reason: run.ending?.origin ?? 'aborted' })
        reject(reasonOf(run.signal))
      }
      const settle = (outcome: 'gone' | RuntimeUpdate): void => {
        assignments.delete(run.id)
        run.signal.removeEventListener('abort', cancel)
        resolve(outcome)
      }
      run.signal.addEventListener('abort', cancel, { once: true })
      assignments.set(run.id, { run, connectionId, tell: delta => voice.text(delta), settle })
    })
  }

  function reply (turn: Turn, { final }: RuntimeUpdate, { outgoing }: RunContext): void {
    const { run, voice } = turn
    const said = voice.said()
    const text = final?.text ?? said
    if (text !== said) {
      if (text.startsWith(said)) voice.text(text.slice(said.length))
      else {
        voice.nextMessage()
        voice.text(text)
      }
    }
    const message: AssistantMessage = {
      role: 'assistant', content: [{ type: 'text', text }], api: 'external', provider: 'external', model: run.agentId, usage: noUsage, stopReason: 'stop', timestamp: now()
    }
    turn.unwritten.push({ type: 'message', message: delivered(message, { agentId: run.agentId, sessionKey: run.key }, outgoing), runId: run.id })
    turn.stopReason = final?.stopReason ?? 'stop'
  }

  return {
    serves: isExternal,
    isPresent: agentId => present.has(agentId),
    present: untilPresent,
    register (agentId, connectionId) {
      if (!isExternal(agentId)) {
        throw new GatewayError('INVALID_PARAMS', { message: `agent "${agentId}" has no external runtime; set agents.entries.${agentId}.runtime to "external"`, details: { agentId } })
      }
      const before = present.get(agentId)
      if (before?.connectionId === connectionId) return
      if (before) leave(agentId, before.connectionId, false)
      present.set(agentId, { connectionId, sinceMs: now() })
      left.delete(agentId)
      const arrived = waiting.get(agentId)
      waiting.delete(agentId)
      for (const go of arrived ?? []) go()
    },
    unregister: (agentId, connectionId) => leave(agentId, connectionId, false),
    update (connectionId, update) {
      const assignment = assignments.get(update.runId)
      if (assignment?.connectionId !== connectionId) throw new GatewayError('NOT_FOUND', { message: `run ${update.runId} is not yours to answer`, details: { runId: update.runId } })
      if (update.delta) assignment.tell(update.delta)
      if (update.final || update.error) assignment.settle(update)
    },
    gone (connectionId) {
      for (const [agentId, runtime] of [...present]) if (runtime.connectionId === connectionId) leave(agentId, connectionId, true)
    },
    presence (agentId, isBusy) {
      if (!isExternal(agentId)) return { state: isBusy ? 'online' : 'idle' }
      const runtime = present.get(agentId)
      if (runtime) return { state: isBusy ? 'online' : 'idle', sinceMs: runtime.sinceMs }
      const gone = left.get(agentId)
      return gone ? { state: gone.crashed ? 'crashed' : 'offline', sinceMs: gone.atMs } : { state: 'offline' }
    },
    async converse (turn, context) {
      const { run, voice, messages } = turn
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        run.state = 'waiting'
        await untilPresent(run.agentId, run.signal)
        run.state = 'active'
        const { connectionId } = present.get(run.agentId)!
        const answered = assign(turn, connectionId)
        send(connectionId, 'agent.run.request', {
          runId: run.id,
          agentId: run.agentId,
          sessionKey: run.key,
          sessionId: run.sessionId,
          attempt,
          messages: messages.slice(-maxHistory)
        })
        const outcome = await answered
        if (outcome === 'gone') {
          voice.nextMessage()
          continue
        }
        if (outcome.error) throw new Error(outcome.error.message)
        return reply(turn, outcome, context)
      }
      throw new Error(`the runtime of agent "${run.agentId}" went away ${maxAttempts} times while it worked on this`)
    }
  }
}
