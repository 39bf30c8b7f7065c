import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Program } from '../launch.ts'

/** Resolves when it runs, as the leader of a group of its own. */
export async function startProgram ({ file, args, cwd, env, stdin, third }: Program): Promise<ChildProcess> {
  const child = spawn(file, args, {
    cwd, env, detached: true, windowsHide: true, stdio: [stdin, 'pipe', 'pipe', ...third ? ['pipe' as const] : []]
  })
  const pipe = child.stdio[3] as Duplex | null | undefined
  pipe?.on('error', () => {}).resume()
  await once(child, 'spawn')
  pipe?.end(third)
  return child
}
