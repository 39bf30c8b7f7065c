/** Starting a gateway process in a directory of its own. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Children } from '../children.ts'
import type { Spawned, TargetName, Wish } from './target.ts'

const host = '127.0.0.1'
const keptOutputChars = 4_000

/** Where the bench keeps its processes and files; both are gone when it ends. */
export interface Workshop {
  readonly children: Children
  readonly directory: string
}

export async function freePort (): Promise<number> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

export interface Launch {
  readonly name: TargetName
  readonly args: (at: { port: number, token: string }) => readonly string[]
  /** Writes what the process reads at start. */
  readonly prepare?: (configPath: string) => Promise<void>
  readonly seed?: Wish['seed']
}

/**
 * The user's own settings must not leak into a measurement. State and configuration are new for every start; the temporary
 * directory and the cache are one per target, so that a compile cache behaves as on a machine where the program has run before.
 */
async function cleanEnvironment (home: string, temporary: string): Promise<NodeJS.ProcessEnv> {
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  const kept = Object.entries(process.env).filter(([name]) => !/^(OPENCLAW_|NODE_|npm_|XDG_)/.test(name))
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    TMPDIR: temporary,
    XDG_CACHE_HOME: join(temporary, 'cache'),
    OPENCLAW_STATE_DIR: join(home, 'state'),
    OPENCLAW_CONFIG_PATH: join(home, 'openclaw.json')
  }
}

interface Command {
  readonly argv: readonly string[]
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  readonly port: number
  readonly token: string
}

/** Starts the command, whatever stands in its directories. */
function begin (children: Children, command: Command): Spawned {
  const { argv, home, env, port, token } = command
  const child = children.spawn(process.execPath, argv, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => { output = (output + chunk.toString()).slice(-keptOutputChars) }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return {
    endpoint: { host, port },
    secret: { token },
    pid: child.pid,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    output: () => output,
    home,
    async crash () {
      await children.kill(child)
      return begin(children, command)
    },
    async stop () {
      await children.stop(child)
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

export async function launch ({ children, directory }: Workshop, { name, args, prepare, seed }: Launch): Promise<Spawned> {
  const home = await mkdtemp(join(directory, `${name}-`))
  await prepare?.(join(home, 'openclaw.json'))
  await seed?.(join(home, 'state'))
  const env = await cleanEnvironment(home, join(directory, `tmp-${name}`))
  const port = await freePort()
  const token = randomBytes(24).toString('hex')
  return begin(children, { argv: args({ port, token }), home, env, port, token })
}
