/** How a command becomes a process. A sandbox stands in the same place and starts the command inside. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'

export interface LaunchOptions {
  /** A real directory. */
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: { readonly [name: string]: string }
  /** Whether somebody may write to it later. */
  readonly stdin: 'pipe' | 'ignore'
}

export interface Launcher {
  readonly kind: 'host' | 'sandbox'
  /** Resolves when the process runs, as the leader of a group of its own; rejects when it cannot be started. */
  launch (command: string, options: LaunchOptions): Promise<ChildProcess>
}

/** The shell that models write for, else the one that is always there. Without `-l` and `-i`: no startup file is read. */
async function shellOf (platform: NodeJS.Platform): Promise<readonly [string, string]> {
  if (platform === 'win32') return ['cmd.exe', '/c']
  return [await access('/bin/bash').then(() => '/bin/bash', () => '/bin/sh'), '-c']
}

export async function spawnDetached (file: string, args: readonly string[], { cwd, env, stdin }: LaunchOptions): Promise<ChildProcess> {
  const child = spawn(file, args, { cwd, env, detached: true, windowsHide: true, stdio: [stdin, 'pipe', 'pipe'] })
  await once(child, 'spawn')
  return child
}

export function createHostLauncher (platform: NodeJS.Platform = process.platform): Launcher {
  let found: ReturnType<typeof shellOf> | undefined
  return {
    kind: 'host',
    async launch (command, options) {
      const [shell, flag] = await (found ??= shellOf(platform))
      return spawnDetached(shell, [flag, command], options)
    }
  }
}

/** One start after the other, and the loop breathes between them: a fork stops it for as long as it takes. */
export function spacedOut (): <T>(start: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })
  return start => {
    const started = last.then(turn).then(start)
    last = started.catch(() => {})
    return started
  }
}
