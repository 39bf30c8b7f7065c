/** The tool `process`: what an agent can do with its commands in the background. */
import { sharesOwner } from '../../sessions/ownership.ts'
import type { ToolContext, ToolResult } from '../tool.ts'
import type { Background, BackgroundSession } from './background.ts'
import { endedDetails, failure, said, sessionRow, type Redact } from './results.ts'

export const processActions = ['list', 'poll', 'log', 'write', 'submit', 'kill', 'clear', 'remove'] as const

export interface ProcessArgs {
  readonly action: typeof processActions[number]
  readonly sessionId?: string
  readonly data?: string
  readonly eof?: boolean
  /** Time for `poll` to wait for something new. */
  readonly timeout?: number
  readonly offset?: number
  readonly limit?: number
}

export interface ProcessSources {
  readonly background: Background
  readonly redact: Redact
  readonly now: () => number
}

type Handle = (session: BackgroundSession, args: ProcessArgs, context: ToolContext) => ToolResult | Promise<ToolResult>

const longestPollMs = 30_000
const lookEveryMs = 50
const defaultLines = 200

const pause = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })

/** Until there is something to tell, the command is over, nobody waits any more, or the time is up. */
async function somethingNew ({ running, told }: BackgroundSession, timeoutMs: number, signal: AbortSignal): Promise<void> {
  for (let left = timeoutMs; left > 0 && !running.end && !signal.aborted && running.output.totalBytes <= told; left -= lookEveryMs) {
    await Promise.race([pause(Math.min(left, lookEveryMs)), running.ended])
  }
}

export function createProcessActions ({ background, redact, now }: ProcessSources) {
  const stateOf = (session: BackgroundSession): string => {
    const { status, exitCode, exitSignal } = sessionRow(session, now(), redact)
    if (status === 'running') return 'Process still running.'
    return exitSignal ? `Process ended by ${exitSignal}.` : `Process exited with code ${exitCode}.`
  }

  const poll: Handle = async (session, { timeout = 0 }, { signal }) => {
    await somethingNew(session, Math.min(timeout, longestPollMs), signal)
    const { text, position } = session.running.output.since(session.told)
    session.told = position
    const fresh = redact(text)
    const row = sessionRow(session, now(), redact)
    const ended = session.running.end && endedDetails(session.running, session.running.end, redact)
    return said(`${fresh.trimEnd() || '(no new output)'}\n\n${stateOf(session)}`, { ...ended, ...row, output: fresh }, row.status === 'failed')
  }

  const log: Handle = (session, { offset, limit = defaultLines }) => {
    const lines = redact(session.running.output.text()).split('\n')
    const start = offset ?? Math.max(0, lines.length - limit)
    const text = lines.slice(start, start + limit).join('\n')
    return said(text || '(no output)', { ...sessionRow(session, now(), redact), totalLines: lines.length, offset: start, log: text })
  }

  const write = (suffix: string): Handle => async (session, { data = '', eof = false }) => {
    const { running, id } = session
    if (!running.takesInput) return failure('process', `Session ${id} takes no input: start the command with background true.`)
    if (!await running.write(data + suffix, eof)) return failure('process', `Session ${id} does not read any more.`)
    return said(`Wrote ${Buffer.byteLength(data + suffix)} bytes to session ${id}${eof ? ' and closed its input' : ''}.`, sessionRow(session, now(), redact))
  }

  const kill: Handle = async session => {
    session.isStopRequested = true
    await session.running.stop('killed')
    return said(`Ended session ${session.id}. ${stateOf(session)}`, sessionRow(session, now(), redact))
  }

  const handles: { readonly [action in Exclude<ProcessArgs['action'], 'list'>]: Handle } = {
    poll,
    log,
    write: write(''),
    submit: write('\n'),
    kill,
    clear (session) {
      if (!session.running.end) return failure('process', `Session ${session.id} is still running: end it with kill, or use remove.`)
      background.remove(session.id)
      return said(`Forgot session ${session.id}.`, { status: 'completed', sessionId: session.id })
    },
    async remove (session, args, context) {
      if (!session.running.end) await kill(session, args, context)
      background.remove(session.id)
      return said(`Removed session ${session.id}.`, { status: 'completed', sessionId: session.id })
    }
  }

  return async (args: ProcessArgs, context: ToolContext): Promise<ToolResult> => {
    const { action, sessionId } = args
    const isTheirs = (session: BackgroundSession): boolean => sharesOwner(context.sessionKey, session.sessionKey)
    if (action === 'list') {
      const sessions = background.list(context.agentId).filter(isTheirs).map(session => sessionRow(session, now(), redact))
      const text = sessions.map(row => `${row.sessionId} ${row.status} ${Math.round(row.runtimeMs / 1000)}s ${row.name}`).join('\n')
      return said(text || 'No background commands.', { status: 'completed', sessions })
    }
    const session = sessionId === undefined ? undefined : background.find(context.agentId, sessionId)
    if (!session || !isTheirs(session)) return failure('process', `There is no session ${sessionId ?? 'without a sessionId'}. List them with action list.`)
    return await handles[action](session, args, context)
  }
}
