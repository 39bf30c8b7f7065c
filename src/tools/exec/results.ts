/** What an agent gets to read of a command. */
import type { ToolResult } from '../tool.ts'
import type { BackgroundSession } from './background.ts'
import type { CommandEnd, RunningCommand } from './running-command.ts'

export type Redact = (text: string) => string

export const said = (text: string, details: object, isError = false): ToolResult => ({ content: [{ type: 'text', text }], details, ...(isError ? { isError } : {}) })

export const failure = (tool: string, error: string): ToolResult => said(error, { status: 'error', tool, error }, true)

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

function endNote ({ exitCode, exitSignal, exitReason, isClean }: CommandEnd, lastedMs: number): string {
  const rest = isClean ? '' : '; something that it started could not be ended'
  if (exitReason === 'timeout') return `(Command ended after ${seconds(lastedMs)}: it ran out of time${rest})`
  if (exitReason === 'no-output-timeout') return `(Command ended after ${seconds(lastedMs)}: it printed nothing for too long${rest})`
  if (exitReason !== 'exit') return `(Command ended by ${exitSignal ?? exitReason}${rest})`
  return exitCode === 0 ? '' : `(Command exited with code ${exitCode})`
}

const didFail = ({ exitReason }: CommandEnd): boolean => exitReason !== 'exit' && exitReason !== 'killed'

export function endedDetails ({ output, startedAtMs, cwd }: RunningCommand, end: CommandEnd, redact: Redact) {
  const { exitCode, exitSignal, exitReason, endedAtMs } = end
  return {
    status: didFail(end) ? 'failed' as const : 'completed' as const,
    exitCode,
    exitSignal,
    exitReason,
    durationMs: endedAtMs - startedAtMs,
    aggregated: redact(output.text()),
    noOutputTimedOut: exitReason === 'no-output-timeout',
    timedOut: exitReason === 'timeout',
    outputBytes: output.totalBytes,
    cwd
  }
}

export function endedResult (running: RunningCommand, end: CommandEnd, redact: Redact): ToolResult {
  const details = endedDetails(running, end, redact)
  const note = endNote(end, details.durationMs)
  const text = [details.aggregated.trimEnd(), note].filter(Boolean).join('\n\n') || '(no output)'
  return said(text, details, didFail(end))
}

const tailLength = 2000
export const tailOf = (running: RunningCommand, redact: Redact): string => redact(running.output.text()).slice(-tailLength)

export function backgroundResult ({ id, running }: BackgroundSession, redact: Redact): ToolResult {
  const { pid, startedAtMs, cwd } = running
  const followUp = `Use process with action poll, log, write or kill and sessionId ${id}.`
  const tail = tailOf(running, redact)
  const text = `Command still running (session ${id}, pid ${pid}). ${followUp}${tail ? `\n\n${tail}` : ''}`
  return said(text, { status: 'running', sessionId: id, pid, startedAt: startedAtMs, cwd, tail, followUp })
}

export function sessionRow ({ id, running, isStopRequested }: BackgroundSession, now: number, redact: Redact) {
  const { command, cwd, pid, startedAtMs, lastOutputAtMs, end } = running
  const shown = redact(command)
  return {
    sessionId: id,
    name: shown.slice(0, 80),
    status: !end ? 'running' : didFail(end) ? 'failed' : 'completed',
    command: shown,
    cwd,
    pid,
    startedAt: startedAtMs,
    runtimeMs: (end?.endedAtMs ?? now) - startedAtMs,
    idleMs: (end?.endedAtMs ?? now) - lastOutputAtMs,
    takesInput: running.takesInput,
    ...(isStopRequested ? { stopRequested: true } : {}),
    ...(end ? { endedAt: end.endedAtMs, exitCode: end.exitCode, exitSignal: end.exitSignal, exitReason: end.exitReason } : {})
  }
}
