/** Which gateway a command talks to, and with what it introduces itself. */
import type { ConnectAuth } from '../protocol/connect.ts'
import type { TlsOptions } from './client-socket.ts'
import { UsageError } from './define-command.ts'
import { CommandFailure } from './failure.ts'
import type { LocalSettings } from './local-settings.ts'
import { gatewayUrl, isLoopbackHost, urlText } from './url-rules.ts'

/** The connection options that most commands share. */
export interface TargetFlags {
  readonly url?: string | undefined
  readonly port?: number | undefined
  readonly token?: string | undefined
  readonly password?: string | undefined
}

export interface GatewayTarget {
  readonly url: string
  readonly urlSource: string
  /** The gateway of this machine and this state directory. */
  readonly local: boolean
  readonly configPath: string
  readonly bindDetail?: string
  readonly auth: ConnectAuth
  /** False when the user named the credential: then no other one is tried. */
  readonly mayUseStoredToken: boolean
  readonly tls?: TlsOptions
}

interface Secrets { token?: string | undefined, password?: string | undefined }

const present = ({ token, password }: Secrets): ConnectAuth => ({ ...(token ? { token } : {}), ...(password ? { password } : {}) })

const given = (value: string | undefined): string | undefined => value?.trim() || undefined

const fromEnv = (env: NodeJS.ProcessEnv): Secrets =>
  ({ token: given(env['OPENCLAW_GATEWAY_TOKEN']), password: given(env['OPENCLAW_GATEWAY_PASSWORD']) })

/** Flags, then the configuration, then the environment, then the token that the gateway made for itself. */
function localAuth (flags: TargetFlags, settings: LocalSettings, env: NodeJS.ProcessEnv): ConnectAuth {
  if (flags.token || flags.password) return present(flags)
  const { mode, ...configured } = settings.auth
  const environment = fromEnv(env)
  const password = configured.password ?? environment.password
  const token = configured.token ?? environment.token ?? (password ? undefined : settings.generatedToken)
  switch (mode) {
    case 'none': return {}
    case 'token': return present({ token })
    case 'password':
    case 'trusted-proxy': return present({ password })
    default: return present({ token, password })
  }
}

function explicitTarget (flags: TargetFlags, settings: LocalSettings, env: NodeJS.ProcessEnv): GatewayTarget {
  const url = gatewayUrl(flags.url!, env, '--url')
  if (!flags.token && !flags.password) {
    throw new CommandFailure(
      'gateway url override requires explicit credentials\n' +
      'Fix: pass --token or --password with --url.\n' +
      'For the gateway of this machine, leave out --url.\n' +
      `Config: ${settings.configPath}`,
      'gateway_credentials_required'
    )
  }
  return {
    url: urlText(url), urlSource: 'cli --url', local: false, configPath: settings.configPath, auth: present(flags), mayUseStoredToken: false
  }
}

function remoteTarget (
  raw: string, urlSource: string, secrets: Secrets, flags: TargetFlags, settings: LocalSettings, env: NodeJS.ProcessEnv, tls: TlsOptions
): GatewayTarget {
  const named = flags.token || flags.password
  const url = gatewayUrl(raw, env, urlSource)
  return {
    url: urlText(url),
    urlSource,
    local: false,
    configPath: settings.configPath,
    auth: present(named ? flags : secrets),
    mayUseStoredToken: !named,
    tls
  }
}

function localTarget (flags: TargetFlags, settings: LocalSettings, env: NodeJS.ProcessEnv): GatewayTarget {
  const port = flags.port ?? settings.port
  return {
    url: `${settings.tls ? 'wss' : 'ws'}://${settings.loopbackHost}:${port}`,
    urlSource: flags.port === undefined ? 'local loopback' : 'cli --port',
    local: true,
    configPath: settings.configPath,
    bindDetail: `Bind: ${settings.bindMode}`,
    auth: localAuth(flags, settings, env),
    mayUseStoredToken: !flags.token && !flags.password,
    ...(settings.tls ? { tls: settings.tls } : {})
  }
}

/** `--url`, `--port`, OPENCLAW_GATEWAY_URL, the configured remote, this machine: the first one that is there. */
export function selectTarget (flags: TargetFlags, settings: LocalSettings, env: NodeJS.ProcessEnv): GatewayTarget {
  if (flags.url !== undefined && flags.port !== undefined) throw new UsageError('--url and --port exclude each other')
  if (flags.url !== undefined) return explicitTarget(flags, settings, env)
  const fromEnvironment = given(env['OPENCLAW_GATEWAY_URL'])
  if (flags.port === undefined && fromEnvironment) {
    // The credentials of this machine's configuration belong to this machine.
    return remoteTarget(fromEnvironment, 'env OPENCLAW_GATEWAY_URL', fromEnv(env), flags, settings, env, {})
  }
  const { remote } = settings
  if (flags.port === undefined && settings.mode === 'remote' && remote.url) {
    const secrets = { token: remote.token ?? fromEnv(env).token, password: remote.password ?? fromEnv(env).password }
    const tls = remote.tlsFingerprint ? { fingerprint: remote.tlsFingerprint } : {}
    return remoteTarget(remote.url, 'config gateway.remote.url', secrets, flags, settings, env, tls)
  }
  return localTarget(flags, settings, env)
}

/** Whether the gateway behind a URL can be one of this machine. */
export const isLoopbackUrl = (url: string): boolean => isLoopbackHost(new URL(url).hostname)
