/** What the log says about a start: what is odd first, then where the gateway is reached. */
import { fingerprint } from '../lib/fingerprint.ts'
import { formatIssues } from '../config/load.ts'
import { isContainer } from '../lib/bind-address.ts'
import type { Listeners } from '../listeners.ts'
import type { Logging } from '../log/logger.ts'
import { tokenFile } from './credentials.ts'
import type { Settings } from './settings.ts'

export interface Started {
  readonly listeners: Listeners
  /** The origins that pages may have, where the configuration names none. */
  readonly seededOrigins: readonly string[]
  readonly tookMs: number
}

const secretSources = { flag: 'the command line', config: 'the configuration', env: 'the environment', generated: 'a file of its own' }

/** Which of several secrets is in force, so that two people see whether they mean the same one. A password could be guessed from it. */
function secretInForce ({ mode, tokenSource, passwordSource, tokenFingerprint }: Settings['auth']): string | undefined {
  if (mode === 'token' && tokenSource) return `auth token comes from ${secretSources[tokenSource]} (fingerprint ${tokenFingerprint})`
  return mode === 'password' && passwordSource ? `auth password comes from ${secretSources[passwordSource]}` : undefined
}

/** Hooks are a door of their own, and are as safe as their token is their own. */
function aboutHooks ({ auth, loaded }: Settings): string[] {
  const { enabled, token = '', presets } = loaded.config.hooks
  if (!enabled) return []
  const isBlank = typeof token === 'string' && token.trim() === ''
  return [
    ...(isBlank ? ['hooks.enabled is set without hooks.token: only senders that sign what they send are let in'] : []),
    ...(typeof token === 'string' && !isBlank && fingerprint(token) === auth.tokenFingerprint
      ? ['hooks.token is the token of the gateway, so whoever sends hooks may do everything: give the hooks one of their own']
      : []),
    ...(presets.length > 0 ? ['hooks.presets: this version has none built in; describe them in hooks.mappings'] : [])
  ]
}

/** One sentence each, with the setting that changes it. */
function remarks (settings: Settings, { listeners, seededOrigins }: Started): string[] {
  const { auth, bind, loaded, port } = settings
  return [
    ...formatIssues(loaded, loaded.warnings).map(line => `config: ${line}`),
    ...formatIssues(loaded).map(line => `config: ${line} (this part is disabled)`),
    ...(bind.remark ? [bind.remark] : []),
    ...listeners.missed.map(address => `${address} belongs to another process, and programs that look for "localhost" may end up there: use ${settings.certificate ? 'https' : 'http'}://127.0.0.1:${port}`),
    ...(!bind.beyondLoopback && isContainer(loaded.env)
      ? ['this is a container and the gateway listens on its loopback only, so a published port leads nowhere: ' +
        'set gateway.bind to "lan" (or pass --bind lan) together with OPENCLAW_GATEWAY_TOKEN, or use host networking']
      : []),
    ...(seededOrigins.length > 0
      ? [`seeded gateway.controlUi.allowedOrigins ${JSON.stringify(seededOrigins)} for bind=${bind.bind}; applied for this runtime without writing config`]
      : []),
    ...aboutHooks(settings),
    ...(auth.mode === 'none' ? ['auth mode is none: every program on this machine is an operator'] : [])
  ]
}

/** A command line that looks at this gateway needs the same profile. */
const profileFlag = (profile: string | undefined): string =>
  profile === undefined ? '' : profile === 'dev' ? '--dev ' : `--profile ${profile} `

export function announce (settings: Settings, logging: Logging, started: Started): void {
  const { auth, loaded, bind, paths } = settings
  const { addresses, port } = started.listeners
  const log = logging.child('gateway')
  for (const remark of remarks(settings, started)) log.warn(remark)
  log.info(`${settings.certificate ? 'https' : 'http'} server listening on ${addresses.join(', ')} (bind=${bind.bind}, auth=${auth.mode})`)
  const inForce = secretInForce(auth)
  if (inForce) log.info(inForce)
  const file = logging.filePath()
  if (file) log.info(`log file: ${file}`)
  if (!loaded.exists) log.info(`no configuration at ${paths.configPath}: running with safe defaults`)
  if (auth.tokenSource === 'generated') {
    log.info(`auth token was missing: a generated one is kept in ${tokenFile(paths)} (see it with: openclaw ${profileFlag(paths.profile)}config get gateway.auth.token --show)`)
  }
  const { certificate } = settings
  if (certificate) log.info(`TLS certificate ${certificate.files.cert} (fingerprint sha256 ${certificate.fingerprint})`)
  log.info(certificate
    ? `open https://127.0.0.1:${port}/ or try: curl ${certificate.files.own ? '--insecure ' : ''}https://127.0.0.1:${port}/health`
    : `open http://127.0.0.1:${port}/ or try: curl http://127.0.0.1:${port}/health`)
  log.info(`ready in ${Math.round(started.tookMs)} ms`)
}
