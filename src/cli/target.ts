/** Which gateway a command talks to, and with what it introduces itself. */
import { environmentFirst } from '../lib/environment-first.ts'
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

export type AuthSource = 'flag' | 'config' | 'environment' | 'generated' | 'none'

export interface GatewayTarget {
  readonly url: string
  readonly urlSource: string
  /** The gateway of this machine and this state directory. */
  readonly local: boolean
  readonly configPath: string
  readonly bindDetail?: string
  readonly auth: ConnectAuth
  /** Where that credential was found. */
  readonly authSource: AuthSource
  /** False when the user named the credential: then no other one is tried. */
  readonly mayUseStoredToken: boolean
  readonly tls?: TlsOptions
}

interface Secrets { token?: string | undefined, password?: string | undefined }

const present = ({ token, password }: Secrets): ConnectAuth => ({ ...(token ? { token } : {}), ...(password ? { password } : {}) })

const given = (value: string | undefined): string | undefined => value?.trim() || undefined

const fromEnv = (env: NodeJS.ProcessEnv): Secrets =>
  ({ token: given(env['OPENCLAW_GATEWAY_TOKEN']), password: given(env['OPENCLAW_GATEWAY_PASSWORD']) })

type Credential = Pick<GatewayTarget, 'auth' | 'authSource'>

const credential = (secrets: Secrets, authSource: AuthSource): Credential => {
  const auth = present(secrets)
  return { auth, authSource: Object.keys(auth).length > 0 ? authSource : 'none' }
}

/** What a gateway of this mode wants to hear; without a mode it decides by what it is sent. */
function wantedBy (mode: LocalSettings['auth']['mode'], { token, password }: Secrets): Secrets {
  switch (mode) {
    case 'none': return {}
    case 'token': return { token }
    case 'password':
    case 'trusted-proxy': return { password }
    default: return { token, password }
  }
}

/** Flags, then the configuration, then the environment, then the token that the gateway made for itself. */
function localAuth (flags: TargetFlags, settings: LocalSettings): Credential {
  if (flags.token || flags.password) return credential(flags, 'flag')
  const { mode, ...configured } = settings.auth
  const environment = fromEnv(settings.env)
  const [first, second] = environmentFirst(settings.env) ? [environment, configured] : [configured, environment]
  const wanted = wantedBy(mode, { token: first.token ?? second.token, password: first.password ?? second.password })
  if (!wanted.token && !wanted.password) return credential(wantedBy(mode, { token: settings.generatedToken }), 'generated')
  return credential(wanted, (first.token ?? first.password ? first : second) === configured ? 'config' : 'environment')
}

function explicitTarget (flags: TargetFlags, settings: LocalSettings): GatewayTarget {
  const url = gatewayUrl(flags.url!, settings.env, '--url')
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
    url: urlText(url), urlSource: 'cli --url', local: false, configPath: settings.configPath, ...credential(flags, 'flag'), mayUseStoredToken: false
  }
}

interface Remote { url: string, urlSource: string, credential: Credential, tls: TlsOptions }

function remoteTarget (remote: Remote, flags: TargetFlags, settings: LocalSettings): GatewayTarget {
  const named = flags.token || flags.password
  return {
    url: urlText(gatewayUrl(remote.url, settings.env, remote.urlSource)),
    urlSource: remote.urlSource,
    local: false,
    configPath: settings.configPath,
    ...(named ? credential(flags, 'flag') : remote.credential),
    mayUseStoredToken: !named,
    tls: remote.tls
  }
}

function localTarget (flags: TargetFlags, settings: LocalSettings): GatewayTarget {
  const port = flags.port ?? settings.port
  return {
    url: `${settings.tls.enabled ? 'wss' : 'ws'}://${settings.loopbackHost}:${port}`,
    ...(settings.tls.fingerprint ? { tls: { fingerprint: settings.tls.fingerprint } } : {}),
    urlSource: flags.port === undefined ? 'local loopback' : 'cli --port',
    local: true,
    configPath: settings.configPath,
    bindDetail: `Bind: ${settings.bindMode}`,
    ...localAuth(flags, settings),
    mayUseStoredToken: !flags.token && !flags.password
  }
}

/** `--url`, `--port`, OPENCLAW_GATEWAY_URL, the configured remote, this machine: the first one that is there. */
export function selectTarget (flags: TargetFlags, settings: LocalSettings): GatewayTarget {
  const { env } = settings
  if (flags.url !== undefined && flags.port !== undefined) throw new UsageError('--url and --port exclude each other')
  if (flags.url !== undefined) return explicitTarget(flags, settings)
  if (flags.port !== undefined) return localTarget(flags, settings)
  const fromEnvironment = given(env['OPENCLAW_GATEWAY_URL'])
  if (fromEnvironment) {
    // The credentials of this machine's configuration belong to this machine.
    const found = credential(fromEnv(env), 'environment')
    return remoteTarget({ url: fromEnvironment, urlSource: 'env OPENCLAW_GATEWAY_URL', credential: found, tls: {} }, flags, settings)
  }
  const { remote } = settings
  if (settings.mode === 'remote' && remote.url) {
    const found = remote.token ?? remote.password ? credential(remote, 'config') : credential(fromEnv(env), 'environment')
    const tls = remote.tlsFingerprint ? { fingerprint: remote.tlsFingerprint } : {}
    return remoteTarget({ url: remote.url, urlSource: 'config gateway.remote.url', credential: found, tls }, flags, settings)
  }
  return localTarget(flags, settings)
}

const howKnown: { readonly [source in LocalSettings['portSource']]: string } = {
  env: 'the port that OPENCLAW_GATEWAY_PORT names',
  config: 'the port of the configuration',
  lock: 'where the gateway of this state directory listens',
  default: 'the port that a gateway has by itself'
}

/** What people must hear when the configuration does not say which gateway is its own. */
export function addressNote ({ addressProblem, portSource }: LocalSettings, { local, url, urlSource }: GatewayTarget): string | undefined {
  if (addressProblem === undefined || !local) return undefined
  return `${addressProblem}. The configuration does not count: asking ${url} (${urlSource === 'cli --port' ? urlSource : howKnown[portSource]}).`
}

/** Which gateway is meant is not guessed: what is meant for one, credentials among it, would reach another. */
export const isAddressUnknown = (error: unknown): boolean => error instanceof CommandFailure && error.type === 'gateway_address_unknown'

/** The same, for commands that do more than look: said to people, and refused where nothing but a guess would be left. */
export function meantTarget (flags: TargetFlags, settings: LocalSettings, note: (text: string) => void): GatewayTarget {
  const target = selectTarget(flags, settings)
  const said = addressNote(settings, target)
  if (said === undefined) return target
  if (flags.port === undefined && settings.portSource === 'default') {
    throw new CommandFailure(
      `${settings.addressProblem}. So nobody knows which gateway is meant, and none runs on ${settings.paths.stateDir}.\n` +
      'Mend the file (openclaw config validate says all that is wrong with it), or name the gateway: OPENCLAW_GATEWAY_PORT or OPENCLAW_GATEWAY_URL.',
      'gateway_address_unknown'
    )
  }
  note(said)
  return target
}

/** Whether the gateway behind a URL can be one of this machine. */
export const isLoopbackUrl = (url: string): boolean => isLoopbackHost(new URL(url).hostname)
