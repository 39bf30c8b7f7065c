/** The real daemon as a child process: spawned, watched and ended by its own pid, whatever the test does. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../fixtures/free-port.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

export { eventually } from '../fixtures/eventually.ts'
export { freePort }

export const launcher = fileURLToPath(new URL('../../bin/openclaw.js', import.meta.url))
export const longRun = process.env.OPENCLAW_TEST_LONG === '1'
export const daemonToken = 'daemon-token-0123456789abcdef0123456789abcdef'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Daemon {
  readonly pid: number
  readonly port: number
  readonly url: string
  readonly http: string
  readonly stateDir: string
  /** Everything it has printed so far, both streams in the order of arrival. */
  output (): string
  /** Resolves when something like this has been printed; rejects when it ends without. */
  said (pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  ready (): Promise<Daemon>
  kill (signal: NodeJS.Signals): void
  exit (timeoutMs?: number): Promise<Exit>
}

export interface Home {
  readonly directory: string
  readonly stateDir: string
  readonly configPath: string
  readonly env: NodeJS.ProcessEnv
}

export interface DaemonOptions {
  readonly home: Home
  /** After `gateway run`; `--port` is added unless it is there or `port` is false. */
  readonly args?: readonly string[]
  /** Before the command: options of the command line as a whole. */
  readonly globals?: readonly string[]
  readonly port?: number | false
  readonly env?: NodeJS.ProcessEnv
  /** A command that runs the daemon in its own place, such as `ip netns exec NAME`. */
  readonly within?: readonly string[]
  readonly spawn?: SpawnOptions
}

/** A home of its own with an own place for temporary files; `config` is written when it is given. */
export function createHome (t: Test, config?: object | string, name = 'home'): Home {
  const directory = join(ownDirectory(t), name)
  const stateDir = join(directory, 'state')
  mkdirSync(join(directory, 'tmp'), { recursive: true, mode: 0o700 })
  mkdirSync(stateDir, { mode: 0o700 })
  const home = { directory, stateDir, configPath: join(stateDir, 'openclaw.json'), env: envOf(directory, { OPENCLAW_STATE_DIR: stateDir }) }
  if (config !== undefined) writeFileSync(home.configPath, typeof config === 'string' ? config : JSON.stringify(config, null, 2))
  return home
}

/** Nothing of the machine that runs the tests is seen. */
export const envOf = (directory: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH, HOME: directory, TMPDIR: join(directory, 'tmp'), NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...more
})

/** The runner of the tests gives children modules of its own to load, which would be part of everything that is measured here. */
const plainNode = ({ NODE_OPTIONS: options }: NodeJS.ProcessEnv): string[] =>
  ['env', '-u', 'NODE_OPTIONS', ...(options === undefined ? [] : [`NODE_OPTIONS=${options}`]), process.execPath]

export async function startDaemon (t: Test, options: DaemonOptions): Promise<Daemon> {
  const port = options.port === undefined ? await freePort() : options.port
  const args = [...(options.globals ?? []), 'gateway', 'run', ...(port === false ? [] : ['--port', String(port)]), ...(options.args ?? [])]
  const env = { ...options.home.env, ...options.env }
  const [command, ...before] = [...(options.within ?? []), ...plainNode(env), launcher]
  const child = spawn(command!, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options.spawn, env })
  t.teardown(() => end(child))
  return watch(child, port || 0, options.home.stateDir)
}

const isRunning = (child: ChildProcess): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null

async function end (child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const gone = new Promise(resolve => child.once('close', resolve))
  child.kill('SIGKILL')
  await gone
}

function watch (child: ChildProcess, port: number, stateDir: string): Daemon {
  let output = ''
  let stdout = ''
  let stderr = ''
  let ended: Exit | undefined
  const listeners = new Set<() => void>()
  const wake = (): void => { for (const listener of listeners) listener() }
  child.stdout!.setEncoding('utf8').on('data', text => { output += text; stdout += text; wake() })
  child.stderr!.setEncoding('utf8').on('data', text => { output += text; stderr += text; wake() })
  child.on('error', error => { output += error.message })
  child.on('close', (code, signal) => {
    ended = { code, signal, stdout, stderr }
    wake()
  })

  async function until<T> (look: () => T | undefined | null, what: string, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const found = look()
      if (found !== undefined && found !== null) return found
      if (Date.now() >= deadline) throw new Error(`the daemon did not ${what}; it said:\n${output}`)
      await new Promise<void>(resolve => {
        const listener = (): void => { clearTimeout(timer); listeners.delete(listener); resolve() }
        const timer = setTimeout(listener, deadline - Date.now())
        listeners.add(listener)
      })
    }
  }

  const daemon: Daemon = {
    pid: child.pid!,
    port,
    url: `ws://127.0.0.1:${port}`,
    http: `http://127.0.0.1:${port}`,
    stateDir,
    output: () => output,
    async said (pattern, timeoutMs = 60_000) {
      const found = await until(() => {
        const found = pattern.exec(output)
        if (!found && ended) throw new Error(`the daemon ended (${ended.code ?? ended.signal}) without saying ${pattern}:\n${output}`)
        return found
      }, `say ${pattern}`, timeoutMs)
      // What it wrote before to its other stream lies there already, and is read in this turn of the loop.
      await nextTurn()
      return found
    },
    async ready () {
      await daemon.said(/\] ready in \d+ ms/)
      return daemon
    },
    kill: signal => { child.kill(signal) },
    exit: (timeoutMs = 60_000) => until(() => ended, 'exit', timeoutMs)
  }
  return daemon
}

/** Starts and waits until it serves. */
export const serve = async (t: Test, options: DaemonOptions): Promise<Daemon> => (await startDaemon(t, options)).ready()

/** Runs a start that is expected to be refused. */
export const refusal = async (t: Test, options: DaemonOptions): Promise<Exit> => (await startDaemon(t, options)).exit()

export async function stop (daemon: Daemon): Promise<Exit> {
  daemon.kill('SIGTERM')
  return daemon.exit()
}

/** Runs any command of the command line in a home, to its end. */
export function runCommand (t: Test, home: Home, args: readonly string[], env: NodeJS.ProcessEnv = {}, within: readonly string[] = []): Promise<Exit> {
  const [command, ...before] = [...within, ...plainNode(env), launcher]
  const child = spawn(command!, [...before, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...home.env, ...env } })
  t.teardown(() => end(child))
  return watch(child, 0, home.stateDir).exit()
}

export async function getJson (url: string, init?: RequestInit): Promise<{ status: number, body: any }> {
  const response = await fetch(url, { ...init, headers: { connection: 'close', ...init?.headers } })
  return { status: response.status, body: await response.json() }
}
