import type { ChildProcess } from 'node:child_process'
import type { Launcher, LaunchOptions } from '../../../src/tools/exec/launch.ts'
import { startProgram } from '../../../src/tools/exec/spawner/start-program.ts'

/** A command as its process, started from here. */
export async function launched (launcher: Launcher, command: string, options: LaunchOptions): Promise<ChildProcess> {
  const { program, gone = () => {} } = await launcher.prepare(command, options)
  const child = await startProgram(program)
  child.once('exit', gone)
  return child
}
