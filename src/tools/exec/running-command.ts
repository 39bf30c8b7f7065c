/** One command from its start to the end of everything it started. */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { environmentFor, type Environment } from './environment.ts'
import type { Launcher } from './launch.ts'
import { createOutput, type Output } from './output.ts'
import { endGroup, endTree } from './process-tree.ts'

export type EndReason = 'exit' | 'signal' | 'timeout' | 'no-output-timeout' | 'killed' | 'aborted' | 'stopped'

export interface CommandEnd {
  readonly exitCode: number | null
  readonly exitSignal: string | null
  readonly exitReason: EndReason
  readonly endedAtMs: number
  /** False: something that it started could not be ended. */
  readonly isClean: boolean
}

export interface CommandOptions {
  readonly command: string
  readonly cwd: string
  readonly launcher: Launcher
  readonly environment: Environment
  readonly env?: { readonly [name: string]: string }
  readonly stdin: 'pipe' | 'ignore'
  /** 0: none. */
  readonly timeoutMs: number
  readonly noOutputTimeoutMs: number
  readonly now: () => number
}

export interface RunningCommand {
  readonly command: string
  readonly cwd: string
  readonly pid: number
  readonly startedAtMs: number
  readonly output: Output
  readonly lastOutputAtMs: number
  readonly end: CommandEnd | undefined
  /** Never rejects. */
  readonly ended: Promise<CommandEnd>
  readonly takesInput: boolean
  /** False when it does not read any more. */
  write (data: string, isLast: boolean): Promise<boolean>
  /** Resolves when everything is gone. */
  stop (reason: EndReason): Promise<CommandEnd>
}

/** Time to end in peace. */
const graceMs = 500
/** A pipe that somebody outside the group holds open is not waited for. */
const closeWaitMs = 250

interface Exit { readonly code: number | null, readonly signal: NodeJS.Signals | null }

const exitOf = (child: ChildProcess): Promise<Exit> => new Promise(resolve => {
  // A launcher that takes its time may hand over what has ended already.
  if (child.exitCode !== null || child.signalCode !== null) resolve({ code: child.exitCode, signal: child.signalCode })
  else child.once('exit', (code, signal) => resolve({ code, signal }))
})

/** Once the shell is gone, whoever it left in the group goes too; then the pipes are read to their end. */
async function drained (child: ChildProcess): Promise<void> {
  endGroup(child.pid!)
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, closeWaitMs)
    child.once('close', () => { clearTimeout(timer); resolve() })
  })
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.stdin?.destroy()
}

function writeTo (child: ChildProcess, data: string, isLast: boolean): Promise<boolean> {
  const { stdin } = child
  if (!stdin?.writable) return Promise.resolve(false)
  return new Promise(resolve => {
    const done = (error?: Error | null): void => resolve(!error)
    if (isLast) stdin.end(data, done)
    else stdin.write(data, done)
  })
}

export async function startCommand (options: CommandOptions): Promise<RunningCommand> {
  const { command, cwd, launcher, environment, env, stdin, timeoutMs, noOutputTimeoutMs, now } = options
  const marker = randomUUID()
  const child = await launcher.launch(command, { cwd, env: environmentFor(environment, env, marker), stdin })
  const exited = exitOf(child)
  const startedAtMs = now()
  const output = createOutput()
  let lastOutputAtMs = startedAtMs
  let end: CommandEnd | undefined
  let stopping: { reason: EndReason, done: Promise<boolean> } | undefined

  function stop (reason: EndReason): Promise<CommandEnd> {
    if (!end) stopping ??= { reason, done: endTree(child.pid!, marker, { graceMs: reason === 'stopped' ? 0 : graceMs }) }
    return ended
  }
  const lifetime = timeoutMs > 0 ? setTimeout(() => { stop('timeout') }, timeoutMs) : undefined
  const silence = noOutputTimeoutMs > 0 ? setTimeout(() => { stop('no-output-timeout') }, noOutputTimeoutMs) : undefined
  const listen = (chunk: Buffer): void => {
    output.add(chunk)
    lastOutputAtMs = now()
    silence?.refresh()
  }
  child.stdout?.on('data', listen)
  child.stderr?.on('data', listen)
  for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter?.on('error', () => {})

  const ended = exited.then(async ({ code, signal }): Promise<CommandEnd> => {
    clearTimeout(lifetime)
    clearTimeout(silence)
    const isClean = await stopping?.done ?? true
    await drained(child)
    end = { exitCode: code, exitSignal: signal, exitReason: stopping?.reason ?? (signal ? 'signal' : 'exit'), endedAtMs: now(), isClean }
    return end
  })

  return {
    command,
    cwd,
    pid: child.pid!,
    startedAtMs,
    output,
    get lastOutputAtMs () { return lastOutputAtMs },
    get end () { return end },
    ended,
    takesInput: stdin === 'pipe',
    write: (data, isLast) => end ? Promise.resolve(false) : writeTo(child, data, isLast),
    stop
  }
}
