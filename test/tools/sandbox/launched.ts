import type { ChildProcess } from 'node:child_process'
import { spawnDetached, type Launcher, type LaunchOptions } from '../../../src/tools/exec/launch.ts'

/** A command as its process, started from here. */
export async function launched (launcher: Launcher, command: string, options: LaunchOptions): Promise<ChildProcess> {
  const { program, gone = () => {} } = await launcher.prepare(command, options)
  const child = await spawnDetached(program.file, program.args, program, program.third)
  child.once('exit', gone)
  return child
}
