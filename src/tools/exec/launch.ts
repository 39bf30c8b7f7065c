/** How a command becomes a process. A sandbox stands in the same place and says what starts the command inside. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import type { Duplex } from 'node:stream'

export interface LaunchOptions {
  /** A real directory. */
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: { readonly [name: string]: string }
  /** Whether somebody may write to it later. */
  readonly stdin: 'pipe' | 'ignore'
}

/** What is to be started, as the process that does it is told. */
export interface Program extends LaunchOptions {
  readonly file: string
  readonly args: readonly string[]
  /** What it can read from its file descriptor 3. */
  readonly third?: Uint8Array
}

export interface Prepared {
  readonly program: Program
  /** To be called when it has ended or could not be started. */
  readonly gone?: () => void
}

export interface Launcher {
  readonly kind: 'host' | 'sandbox'
  /** Rejects when it cannot be started. */
  prepare (command: string, options: LaunchOptions): Promise<Prepared>
}

/** The shell that models write for, else the one that is always there. Without `-l` and `-i`: no startup file is read. */
async function shellOf (platform: NodeJS.Platform): Promise<readonly [string, string]> {
  if (platform === 'win32') return ['cmd.exe', '/c']
  return [await access('/bin/bash').then(() => '/bin/bash', () => '/bin/sh'), '-c']
}

type Arguments = readonly string[]

/** Resolves when it runs, as the leader of a group of its own. */
export async function spawnDetached (file: string, args: Arguments, options: LaunchOptions, third?: Uint8Array): Promise<ChildProcess> {
  const { cwd, env, stdin } = options
  const child = spawn(file, args, {
    cwd, env, detached: true, windowsHide: true, stdio: [stdin, 'pipe', 'pipe', ...third ? ['pipe' as const] : []]
  })
  const pipe = child.stdio[3] as Duplex | null | undefined
  pipe?.on('error', () => {}).resume()
  await once(child, 'spawn')
  pipe?.end(third)
  return child
}

export function createHostLauncher (platform: NodeJS.Platform = process.platform): Launcher {
  let found: ReturnType<typeof shellOf> | undefined
  return {
    kind: 'host',
    async prepare (command, options) {
      const [file, flag] = await (found ??= shellOf(platform))
      return { program: { ...options, file, args: [flag, command] } }
    }
  }
}
