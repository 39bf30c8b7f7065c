/** One command from its start to the end of everything it started. */
import { randomUUID } from 'node:crypto'
import { environmentFor, type Environment } from './environment.ts'
import type { Launcher } from './launch.ts'
import { createOutput, type Output } from './output.ts'
import type { Printed } from './spawner/orders.ts'
import type { Spawned, Spawner } from './spawner/spawner.ts'

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
  readonly spawner: Spawner
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
/** What a command prints is told in pieces; a shorter silence than this could be the time between two of them. */
const shortestSilenceMs = 300

type Start = { readonly spawned: Spawned, readonly gone: () => void }

async function spawnCommand (options: CommandOptions, onOutput: (printed: Printed) => void): Promise<Start> {
  const { command, cwd, launcher, spawner, environment, env, stdin } = options
  const marker = randomUUID()
  const { program, gone = () => {} } = await launcher.prepare(command, { cwd, env: environmentFor(environment, env, marker), stdin })
  try {
    return { spawned: await spawner.start(program, { marker, onOutput }), gone }
  } catch (error) {
    gone()
    throw error
  }
}

export async function startCommand (options: CommandOptions): Promise<RunningCommand> {
  const { command, cwd, stdin, timeoutMs, noOutputTimeoutMs, now } = options
  const output = createOutput()
  let lastOutputAtMs = now()
  let silence: NodeJS.Timeout | undefined
  let end: CommandEnd | undefined
  let stopping: EndReason | undefined

  const { spawned, gone } = await spawnCommand(options, ({ head, skipped, tail }) => {
    output.add(head)
    output.skip(skipped)
    output.add(tail)
    lastOutputAtMs = now()
    silence?.refresh()
  })
  const startedAtMs = now()

  function stop (reason: EndReason): Promise<CommandEnd> {
    if (!end && !stopping) {
      stopping = reason
      spawned.stop(reason === 'stopped' ? 0 : graceMs)
    }
    return ended
  }
  const lifetime = timeoutMs > 0 ? setTimeout(() => { stop('timeout') }, timeoutMs) : undefined
  if (noOutputTimeoutMs > 0) silence = setTimeout(() => { stop('no-output-timeout') }, Math.max(shortestSilenceMs, noOutputTimeoutMs))

  const ended = spawned.ended.then(({ code, signal, isClean }): CommandEnd => {
    clearTimeout(lifetime)
    clearTimeout(silence)
    gone()
    end = { exitCode: code, exitSignal: signal, exitReason: stopping ?? (signal ? 'signal' : 'exit'), endedAtMs: now(), isClean }
    return end
  })

  return {
    command,
    cwd,
    pid: spawned.pid,
    startedAtMs,
    output,
    get lastOutputAtMs () { return lastOutputAtMs },
    get end () { return end },
    ended,
    takesInput: stdin === 'pipe',
    write: (data, isLast) => end ? Promise.resolve(false) : spawned.write(data, isLast),
    stop
  }
}
