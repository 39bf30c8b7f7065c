/** Everything a start needs to know, read and judged before anything is touched. */
import type { GatewayAuth } from '../auth/gateway-auth.ts'
import { formatIssues, loadConfig, type LoadedConfig } from '../config/load.ts'
import { valueAt } from '../config/path-syntax.ts'
import { resolvePaths, type Paths } from '../config/paths.ts'
import { normalizeBind } from '../config/schema/network.ts'
import { resolveBind, type BindTargets } from '../lib/bind-address.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { ensurePrivateDirectory } from '../lib/private-file.ts'
import { resolveAuth } from './credentials.ts'
import type { RunOptions } from './run-options.ts'
import { refuse } from './start-refused.ts'
import type { Certificate } from './tls.ts'

export interface Settings {
  readonly options: RunOptions
  readonly paths: Paths
  readonly loaded: LoadedConfig
  readonly auth: GatewayAuth
  readonly bind: BindTargets
  readonly port: number
  /** Of a port that speaks TLS. */
  readonly certificate: Certificate | undefined
}

export function pathsOf ({ env, profile, dev }: RunOptions): Paths {
  try {
    return resolvePaths({ env, profile, dev })
  } catch (error) {
    if (error instanceof RangeError) return refuse(exitCodes.failed, `Gateway failed to start: ${error.message}`)
    throw error
  }
}

function checkConfig (loaded: LoadedConfig, { allowUnconfigured }: RunOptions): void {
  if (loaded.issues.some(issue => issue.critical)) {
    refuse(exitCodes.configuration, `Gateway failed to start: Invalid config at ${loaded.path}:`, ...formatIssues(loaded),
      'Correct it, then check it with: openclaw config validate')
  }
  if (allowUnconfigured || !loaded.exists) return
  const { mode } = loaded.config.gateway
  if (mode === undefined) {
    refuse(exitCodes.configuration, 'Gateway start blocked: existing config is missing gateway.mode.',
      'Set it with: openclaw config set gateway.mode local (or pass --allow-unconfigured).',
      `Config: ${loaded.path}. If it used to have more in it, something has overwritten it: look for a backup beside it.`)
  }
  if (mode !== 'local') {
    refuse(exitCodes.configuration,
      `Gateway start blocked: set gateway.mode=local (current: ${mode}) or pass --allow-unconfigured.`,
      `Config: ${loaded.path}`)
  }
  const { enabled, requireMention, mentionPatterns } = loaded.config.gateway.dataPlane
  if (enabled && requireMention && !mentionPatterns.some(pattern => pattern.trim() !== '')) {
    refuse(exitCodes.configuration,
      'Gateway start blocked: gateway.dataPlane.requireMention is set, and gateway.dataPlane.mentionPatterns names no word.',
      'Name one: openclaw config set gateway.dataPlane.mentionPatterns \'["@bot"]\'', `Config: ${loaded.path}`)
  }
}

function choosePort ({ port }: RunOptions, { env, source, config }: LoadedConfig, paths: Paths): number {
  const fromEnvironment = env.OPENCLAW_GATEWAY_PORT?.trim() || undefined
  const configured = valueAt(source, ['gateway', 'port']) === undefined ? undefined : config.gateway.port
  const chosen = port ?? fromEnvironment ?? configured ?? paths.basePort
  const number = /^\d+$/.test(String(chosen)) ? Number(chosen) : NaN
  if (number >= 1 && number <= 65_535) return number
  const origin = port === undefined && fromEnvironment !== undefined ? 'OPENCLAW_GATEWAY_PORT' : 'port'
  return refuse(exitCodes.failed, `Invalid ${origin}: ${chosen} (use an integer from 1 to 65535)`)
}

function chooseBind (options: RunOptions, { config: { gateway }, env }: LoadedConfig): BindTargets {
  const bind = String(normalizeBind(options.bind ?? gateway.bind))
  const targets = resolveBind({ bind, customBindHost: gateway.customBindHost, env })
  if (typeof targets === 'string') {
    return refuse(exitCodes.configuration, `Gateway failed to start: ${targets}.`,
      'Set gateway.customBindHost to an IPv4 address of this machine, or choose another gateway.bind.')
  }
  const tailscaleFlag = options.tailscale !== undefined && options.tailscale !== 'off'
  if (tailscaleFlag && targets.beyondLoopback) {
    refuse(exitCodes.configuration, 'Gateway failed to start: tailscale serve/funnel requires gateway bind=loopback (127.0.0.1)',
      'Leave --bind out, or set gateway.bind to "loopback": tailscale reaches the gateway from this machine.')
  }
  return targets
}

async function certificateOf ({ config: { gateway } }: LoadedConfig, { stateDir }: Paths): Promise<Certificate | undefined> {
  return gateway.tls.enabled ? await (await import('./tls.ts')).readCertificate(gateway.tls, stateDir) : undefined
}

export async function readSettings (options: RunOptions): Promise<Settings> {
  const paths = pathsOf(options)
  await ensurePrivateDirectory(paths.stateDir)
  return await judgeSettings(options, paths, await loadConfig({ paths, env: options.env }))
}

/** What a configuration would start as; refused when it would not. */
export async function judgeSettings (options: RunOptions, paths: Paths, loaded: LoadedConfig): Promise<Settings> {
  checkConfig(loaded, options)
  const port = choosePort(options, loaded, paths)
  const bind = chooseBind(options, loaded)
  const auth = await resolveAuth(options, loaded, bind, paths)
  const certificate = await certificateOf(loaded, paths)
  return { options, paths, loaded, auth, bind, port, certificate }
}
