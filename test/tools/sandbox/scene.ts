/** A sandbox of a gateway whose state is in a directory of the test, and commands in it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validateConfig } from '../../../src/config/validate.ts'
import { createFiles } from '../../../src/tools/files/files.ts'
import { createSandbox, type Sandbox } from '../../../src/tools/sandbox/sandbox.ts'
import { launched } from './launched.ts'

export interface SandboxScene {
  readonly base: string
  readonly workspace: string
  readonly stateDir: string
  readonly sandbox: Sandbox
  readonly files: ReturnType<typeof createFiles>
  run (command: string, more?: RunOptions): Promise<Ended>
}

export interface RunOptions {
  readonly sessionKey?: string
  readonly agentId?: string
  readonly cwd?: string
  readonly env?: { readonly [name: string]: string }
  readonly stdin?: string
}

export interface Ended { readonly code: number | null, readonly signal: string | null, readonly out: string, readonly err: string }

export interface SceneOptions {
  readonly sandbox?: object
  readonly tools?: object
  readonly agents?: object
  readonly env?: { readonly [name: string]: string | undefined }
  /** Relative to the base. */
  readonly workspace?: string
}

/** Why there is no bubblewrap to test with; false when there is. */
export function bubblewrapMissing (): string | false {
  if (process.platform !== 'linux') return 'bubblewrap needs Linux'
  try {
    execFileSync('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true'], { stdio: 'pipe' })
    return false
  } catch (error) {
    return `bubblewrap cannot make a sandbox here: ${String((error as { stderr?: Buffer }).stderr ?? error).trim().slice(0, 120)}`
  }
}

export function createSandboxScene (t: { teardown (fn: () => unknown): void }, options: SceneOptions = {}): SandboxScene {
  const { sandbox: settings = { mode: 'all' }, tools = {}, agents = {}, env = process.env, workspace: at = 'state/workspace' } = options
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'sandbox-')))
  const [workspace, stateDir] = [join(base, at), join(base, 'state')]
  for (const directory of [workspace, stateDir]) mkdirSync(directory, { recursive: true })
  const { config, issues } = validateConfig({ tools, agents: { ...agents, defaults: { sandbox: settings } } }) as { config: any, issues?: unknown[] }
  if (issues && issues.length > 0) throw new Error(JSON.stringify(issues))
  const paths = { stateDir, homeDir: base, configPath: join(stateDir, 'openclaw.json') }
  const workspaceOf = (): string => workspace
  const sandbox = createSandbox({ config: () => ({ config }), paths, workspaceOf, env: () => env, now: Date.now })
  t.teardown(async () => {
    await sandbox.close()
    rmSync(base, { recursive: true, force: true })
  })
  return {
    base,
    workspace,
    stateDir,
    sandbox,
    files: createFiles({ config: () => ({ config }), paths, workspaceOf, plan: sandbox.plan }),
    async run (command, { sessionKey = 'agent:main:main', agentId = 'main', cwd = workspace, env: more = {}, stdin } = {}) {
      const launcher = await sandbox.launcherFor({ agentId, sessionKey })
      const child = await launched(launcher, command, { cwd, env: { PATH: process.env['PATH']!, HOME: base, ...more }, stdin: stdin === undefined ? 'ignore' : 'pipe' })
      const parts: { out: Buffer[], err: Buffer[] } = { out: [], err: [] }
      child.stdout!.on('data', chunk => parts.out.push(chunk))
      child.stderr!.on('data', chunk => parts.err.push(chunk))
      if (stdin !== undefined) child.stdin!.end(stdin)
      const [code, signal] = await new Promise<[number | null, string | null]>(resolve => child.once('close', (...end) => resolve(end)))
      return { code, signal, out: Buffer.concat(parts.out).toString(), err: Buffer.concat(parts.err).toString() }
    }
  }
}
