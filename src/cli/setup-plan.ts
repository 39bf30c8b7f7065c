/** What `setup` writes: a configuration with which the gateway starts, and the directories that go with it. */
import { randomBytes } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { expandPath, type Paths } from '../config/paths.ts'
import type { LoadedConfig } from '../config/load.ts'
import { valueAt } from '../config/path-syntax.ts'
import type { ConfigOperation } from './config-change.ts'
import { UsageError } from './define-command.ts'

const generatedTokenBytes = 24

export interface Onboarding {
  readonly mode: 'local' | 'remote'
  readonly port?: number | undefined
  readonly bind?: string | undefined
  readonly auth: 'token' | 'password'
  readonly token?: string | undefined
  readonly tokenRefEnv?: string | undefined
  readonly password?: string | undefined
  readonly tailscale?: string | undefined
  readonly remoteUrl?: string | undefined
  readonly remoteToken?: string | undefined
  readonly version: string
  readonly nowMs: number
}

export interface SetupDirectories {
  readonly workspaceDir: string
  readonly sessionsDir: string
}

const set = (path: string, value: unknown): ConfigOperation => ({ kind: 'set', path, value })

export function directoriesOf (paths: Paths, loaded: LoadedConfig, workspace: string | undefined): SetupDirectories {
  const configured = valueAt(loaded.source, ['agents', 'defaults', 'workspace'])
  const named = workspace ?? (typeof configured === 'string' ? configured : undefined)
  const workspaceDir = named === undefined ? paths.workspaceDir : isAbsolute(named) ? named : expandPath(named, paths.homeDir)
  return { workspaceDir, sessionsDir: join(paths.stateDir, 'agents', 'main', 'sessions') }
}

/** Only what is missing: nobody's choice is replaced. */
export function baselineOperations (loaded: LoadedConfig, { workspaceDir }: SetupDirectories, chosen: boolean): ConfigOperation[] {
  const missing = (path: string): boolean => valueAt(loaded.source, path.split('.')) === undefined
  return [
    ...(missing('gateway.mode') ? [set('gateway.mode', 'local')] : []),
    ...(chosen || missing('agents.defaults.workspace') ? [set('agents.defaults.workspace', workspaceDir)] : []),
    ...(missing('agents.entries') && missing('agents.list') ? [set('agents.entries.main', { name: 'main' })] : [])
  ]
}

function authOperations (loaded: LoadedConfig, wish: Onboarding): ConfigOperation[] {
  const existing = (key: string): unknown => valueAt(loaded.source, ['gateway', 'auth', key])
  if (wish.auth === 'password') {
    if (wish.password === undefined && existing('password') === undefined) {
      throw new UsageError('--gateway-auth password needs --gateway-password')
    }
    return [set('gateway.auth.mode', 'password'), ...(wish.password === undefined ? [] : [set('gateway.auth.password', wish.password)])]
  }
  const mode = set('gateway.auth.mode', 'token')
  if (wish.tokenRefEnv) return [mode, set('gateway.auth.token', { source: 'env', provider: 'default', id: wish.tokenRefEnv })]
  if (wish.token) return [mode, set('gateway.auth.token', wish.token)]
  const generated = randomBytes(generatedTokenBytes).toString('hex')
  return existing('token') === undefined ? [mode, set('gateway.auth.token', generated)] : [mode]
}

const wizardOperation = ({ mode, version, nowMs }: Onboarding): ConfigOperation => set('wizard', {
  lastRunAt: new Date(nowMs).toISOString(), lastRunVersion: version, lastRunCommand: 'onboard', lastRunMode: mode
})

export function onboardOperations (loaded: LoadedConfig, wish: Onboarding): ConfigOperation[] {
  if (wish.mode === 'remote') {
    if (!wish.remoteUrl) throw new UsageError('--mode remote needs --remote-url')
    const token = wish.remoteToken ? [set('gateway.remote.token', wish.remoteToken)] : []
    return [set('gateway.mode', 'remote'), set('gateway.remote.url', wish.remoteUrl), ...token, wizardOperation(wish)]
  }
  return [
    set('gateway.mode', 'local'),
    ...(wish.port === undefined ? [] : [set('gateway.port', wish.port)]),
    ...(wish.bind === undefined ? [] : [set('gateway.bind', wish.bind)]),
    ...(wish.tailscale === undefined ? [] : [set('gateway.tailscale.mode', wish.tailscale)]),
    ...authOperations(loaded, wish),
    wizardOperation(wish)
  ]
}
