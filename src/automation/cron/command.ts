/** Jobs that are commands of this machine: under the rules for commands of their agent, and never twice for one slot. */
import { shellLine } from '../../lib/shell-quote.ts'
import { truncateUtf8 } from '../../lib/text.ts'
import type { AutomationSources } from '../ports.ts'
import type { Carried } from './carrying.ts'
import type { Job, Payload, Underway } from './job.ts'
import { failureOf, type Ended } from './outcome.ts'

export type CommandPayload = Extract<Payload, { kind: 'command' }>

export interface Commands {
  /** Undefined: the gateway stops first. */
  carry (job: Job, underway: Underway, agentId: string): Promise<Carried | undefined>
  abandon (runId: string): void
}

const usualSeconds = 600
/** The longest that anybody waits for a command. */
export const longestSeconds = 3_500
const usualBytes = 65_536

function cut (text: string, bytes: number): string {
  const kept = truncateUtf8(text, bytes)
  return kept === text ? text : `${kept}\n[truncated]`
}

/** What the tool for commands says of one that it has run, as far as it did. */
interface Ran {
  readonly status?: 'completed' | 'failed' | 'running' | 'error'
  readonly exitCode?: number | null
  readonly exitSignal?: string | null
  readonly exitReason?: string
  readonly aggregated?: string
  readonly error?: string
}

function reasonOf ({ status, exitCode, exitSignal, exitReason, error }: Ran): string | undefined {
  if (status === 'error') return error ?? 'it could not be run'
  if (status === 'running') return 'it takes too long, and goes on in the background'
  if (exitReason === 'timeout') return 'the command ran out of time'
  if (exitReason === 'no-output-timeout') return 'the command printed nothing for too long'
  if (exitCode === 0) return undefined
  return typeof exitCode === 'number' ? `the command ended with code ${exitCode}` : `the command was ended (${exitSignal ?? exitReason ?? 'nobody knows why'})`
}

/** Nobody knows whether a second try would do the same again, so none is made before its time. */
function failed (text: string, endedAtMs: number, reason: string): Ended {
  const { isPassing: _isPassing, ...failure } = failureOf('unclassified', reason)
  return { status: 'error', endedAtMs, text, ...failure }
}

export const lostCommand = (endedAtMs: number): Carried =>
  ({ end: failed('', endedAtMs, 'the gateway ended while the command was at work; it is not begun again for this slot') })

export function createCommands ({ tools, clock }: Pick<AutomationSources, 'tools' | 'clock'>): Commands {
  const running = new Map<string, AbortController>()

  async function run (payload: CommandPayload, { runId, sessionKey }: Underway, agentId: string, signal: AbortSignal): Promise<Ran> {
    const facts = { agentId, sessionKey, isOwner: true }
    await tools.prepare?.(facts)
    const tool = tools.forRun(facts).find(({ name }) => name === 'exec')
    if (!tool) return { status: 'error', error: `agent ${agentId} may run no commands: openclaw tools why exec --agent ${agentId} says which rule keeps them away` }
    const { argv, cwd, env, timeoutSeconds, noOutputTimeoutSeconds } = payload
    const { details } = await tool.run({
      command: shellLine(argv),
      timeoutSeconds: Math.min(timeoutSeconds || usualSeconds, longestSeconds),
      // Nobody looks after what goes on in the background.
      yieldMs: longestSeconds * 1000 + 60_000,
      ...(cwd === undefined ? {} : { workdir: cwd }),
      ...(env === undefined ? {} : { env }),
      ...(noOutputTimeoutSeconds === undefined ? {} : { noOutputTimeoutMs: noOutputTimeoutSeconds * 1000 })
    }, { runId, sessionKey, agentId, callId: `command:${runId}`, signal, isOwner: true, update () {} })
    return details as Ran
  }

  return {
    async carry (job, underway, agentId) {
      const payload = job.payload as CommandPayload
      if (!job.isOwners) return { end: failed('', clock.now(), 'commands run for the owner of the gateway, who did not write this job') }
      const ending = new AbortController()
      running.set(underway.runId, ending)
      try {
        const ran = await run(payload, underway, agentId, ending.signal)
        if (ran.exitReason === 'stopped') return undefined
        const text = cut((ran.aggregated ?? '').trim(), payload.outputMaxBytes ?? usualBytes)
        const reason = reasonOf(ran)
        if (reason !== undefined) return { end: failed(text, clock.now(), reason) }
        return { end: { status: 'ok', endedAtMs: clock.now(), text: text === 'NO_REPLY' ? '' : text } }
      } finally {
        running.delete(underway.runId)
      }
    },
    abandon: runId => running.get(runId)?.abort()
  }
}
