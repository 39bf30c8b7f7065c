/** Runs the command line inside this process, with its own home and everything it prints in two strings. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { main, type CommandIo } from '../../src/cli/main.ts'

export interface CliRun {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What was printed, as JSON. */
  json (): any
}

export interface CliOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly isTTY?: boolean
  /** What somebody types at the terminal, line by line. */
  readonly typed?: readonly string[]
}

function collector (isTTY: boolean): { stream: CommandIo['stdout'], text: () => string } {
  let text = ''
  const stream = new Writable({ write (chunk, _encoding, done) { text += String(chunk); done() } })
  return { stream: Object.assign(stream, { isTTY, columns: 100 }), text: () => text }
}

/** A home of its own: nothing of the machine that runs the tests is seen. */
export function cliHome (directory: string): { env: NodeJS.ProcessEnv, stateDir: string, configPath: string } {
  const stateDir = join(directory, 'state')
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const env = { HOME: directory, OPENCLAW_HOME: directory, OPENCLAW_STATE_DIR: stateDir, TERM: 'xterm' }
  return { env, stateDir, configPath: join(stateDir, 'openclaw.json') }
}

export async function runCli (argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const out = collector(options.isTTY ?? false)
  const err = collector(options.isTTY ?? false)
  const { typed = [] } = options
  const stdin = Object.assign(Readable.from(typed.map(line => `${line}\n`)), { isTTY: options.typed !== undefined })
  const code = await main(argv, { env: options.env ?? {}, stdout: out.stream, stderr: err.stream, stdin })
  return { code, out: out.text(), err: err.text(), json: () => JSON.parse(out.text()) }
}
