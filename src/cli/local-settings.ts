/** What the configuration of this machine says about its gateway, as far as a client needs it. */
import { join } from 'node:path'
import { formatIssue, loadConfig, type LoadedConfig } from '../config/load.ts'
import { valueAt } from '../config/path-syntax.ts'
import { resolvePaths, type Paths } from '../config/paths.ts'
import type { SecretInput } from '../config/schema.ts'
import { isLoopbackAddress } from '../lib/net-address.ts'
import { readIfPresent } from '../lib/private-file.ts'
import { UsageError, type CommandContext } from './define-command.ts'

export interface LocalSettings {
  readonly paths: Paths
  readonly configPath: string
  readonly loaded: LoadedConfig
  /** The process's variables, and behind them those of `.env` and of the configuration. */
  readonly env: NodeJS.ProcessEnv
  readonly port: number
  /** `lock`: the gateway that has the state directory says it, in the place of a configuration that cannot. */
  readonly portSource: 'env' | 'config' | 'lock' | 'default'
  /** Why the configuration does not say where its gateway is. */
  readonly addressProblem: string | undefined
  readonly bindMode: string
  /** Where the gateway is reached from this machine. */
  readonly loopbackHost: string
  readonly mode: 'local' | 'remote' | undefined
  readonly auth: {
    readonly mode: 'none' | 'token' | 'password' | 'trusted-proxy' | undefined
    readonly token: string | undefined
    readonly password: string | undefined
  }
  /** Credentials that are configured and could not be read. */
  readonly credentialProblems: readonly string[]
  /** What the gateway made for itself on a first run without configuration. */
  readonly generatedToken: string | undefined
  /** Of the certificate on our own port, where it speaks TLS. */
  readonly tls: { readonly enabled: boolean, readonly fingerprint?: string | undefined }
  readonly remote: {
    readonly url?: string | undefined
    readonly token?: string | undefined
    readonly password?: string | undefined
    readonly tlsFingerprint?: string | undefined
  }
}

export const generatedTokenPath = (stateDir: string): string => join(stateDir, 'gateway.token')

export function pathsOf ({ global, io }: Pick<CommandContext, 'global' | 'io'>): Paths {
  try {
    return resolvePaths({ env: io.env, profile: global.profile, dev: global.dev })
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message)
    throw error
  }
}

const addressPaths: ReadonlySet<string> = new Set(['', 'gateway', 'gateway.port', 'gateway.mode', 'gateway.remote', 'gateway.remote.url'])

function addressProblemOf (loaded: LoadedConfig): string | undefined {
  const issue = loaded.issues.find(({ path, critical }) => addressPaths.has(path) && (critical || path !== ''))
  return issue && formatIssue(issue, loaded.path)
}

type Address = Pick<LocalSettings, 'port' | 'portSource' | 'addressProblem'>

async function addressOf (env: NodeJS.ProcessEnv, loaded: LoadedConfig, paths: Paths): Promise<Address> {
  const addressProblem = addressProblemOf(loaded)
  const fromEnv = Number(env['OPENCLAW_GATEWAY_PORT'])
  if (Number.isInteger(fromEnv) && fromEnv >= 1 && fromEnv <= 65_535) return { port: fromEnv, portSource: 'env', addressProblem }
  if (addressProblem !== undefined) {
    const { findLockOwner } = await import('../lib/state-lock.ts')
    const { port } = await findLockOwner(paths.stateDir) ?? {}
    return port === undefined ? { port: paths.basePort, portSource: 'default', addressProblem } : { port, portSource: 'lock', addressProblem }
  }
  const isConfigured = valueAt(loaded.source, ['gateway', 'port']) !== undefined
  const own = isConfigured ? { port: loaded.config.gateway.port, portSource: 'config' as const } : { port: paths.basePort, portSource: 'default' as const }
  return { ...own, addressProblem }
}

const credentialPaths = [
  ['gateway', 'auth', 'token'], ['gateway', 'auth', 'password'], ['gateway', 'remote', 'token'], ['gateway', 'remote', 'password']
] as const

interface Credentials { values: readonly (string | undefined)[], problems: readonly string[] }

/** References are followed only when there are some, because that loads what follows them. */
async function credentialsOf (loaded: LoadedConfig): Promise<Credentials> {
  const written = credentialPaths.map(steps => valueAt(loaded.config, steps))
  const plain = (value: unknown): value is string | undefined => value === undefined || (typeof value === 'string' && !value.startsWith('$'))
  if (written.every(plain)) return { values: written, problems: [] }
  const { createSecretResolver } = await import('../config/secrets.ts')
  const resolver = createSecretResolver({ config: loaded.config, env: loaded.env })
  const found = await Promise.all(written.map(value => resolver.resolve(value as SecretInput | undefined)))
  const problems = found.flatMap(({ error }, index) => error ? [`${credentialPaths[index]!.join('.')}: ${error}`] : [])
  return { values: found.map(({ value }) => value), problems }
}

/** 127.0.0.1 unless the gateway is told to listen on another address of this kind alone. */
function loopbackHostOf (bind: string, customBindHost: string | undefined): string {
  const host = bind === 'custom' ? customBindHost ?? '' : bind
  return isLoopbackAddress(host) && !host.includes(':') ? host : '127.0.0.1'
}

const fingerprintToPin = async ({ config: { gateway: { tls } } }: LoadedConfig, { stateDir }: Paths): Promise<string | undefined> =>
  tls.enabled ? await (await import('../lib/certificate-files.ts')).ownFingerprint(tls, stateDir) : undefined

export async function loadLocalSettings (context: Pick<CommandContext, 'global' | 'io'>): Promise<LocalSettings> {
  const paths = pathsOf(context)
  const loaded = await loadConfig({ paths, env: context.io.env })
  const env = { ...loaded.env }
  const { gateway } = loaded.config
  const { values: [token, password, remoteToken, remotePassword], problems } = await credentialsOf(loaded)
  const remote = gateway.remote
  return {
    paths,
    configPath: paths.configPath,
    loaded,
    env,
    ...await addressOf(env, loaded, paths),
    bindMode: gateway.bind,
    loopbackHost: loopbackHostOf(gateway.bind, gateway.customBindHost),
    mode: gateway.mode,
    auth: { mode: gateway.auth.mode, token, password },
    credentialProblems: problems,
    generatedToken: await readIfPresent(generatedTokenPath(paths.stateDir)).then(text => text?.trim() || undefined, () => undefined),
    tls: { enabled: gateway.tls.enabled, fingerprint: await fingerprintToPin(loaded, paths) },
    remote: { url: remote?.url, tlsFingerprint: remote?.tlsFingerprint, token: remoteToken, password: remotePassword }
  }
}
