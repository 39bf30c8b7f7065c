/** The process around the gateway: configuration, guards, lock, listening, signals and exit codes. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gateway } from './app.ts'
import { checkAuthRules } from './auth/auth-rules.ts'
import { authModes, resolveGatewayAuth, type AuthMode, type GatewayAuth } from './auth/gateway-auth.ts'
import { formatIssues, loadConfig, type LoadedConfig } from './config/load.ts'
import { resolvePaths, type Paths } from './config/paths.ts'
import type { SecretInput } from './config/schema.ts'
import { createSecretResolver } from './config/secrets.ts'
import { resolveBind, type BindTargets } from './lib/bind-address.ts'
import { saveCompileCache } from './lib/compile-cache.ts'
import { exitCodes } from './lib/exit-codes.ts'
import { freePort, PortNotFreedError } from './lib/free-port.ts'
import { packageVersion } from './lib/package-version.ts'
import { describeHolder, findPortHolder } from './lib/port-holder.ts'
import { readIfPresent, writePrivateFile } from './lib/private-file.ts'
import { acquireStateLock, LockHeldError, type StateLock } from './lib/state-lock.ts'
import type { ConsoleStream } from './log/console-sink.ts'
import { defaultLogFile } from './log/default-log-file.ts'
import { createLogging, type Logging } from './log/logger.ts'
import { openStore } from './store/open.ts'

export interface RunOptions {
  port?: number
  bind?: string
  auth?: string
  token?: string
  password?: string
  passwordFile?: string
  force?: boolean
  verbose?: boolean
  allowUnconfigured?: boolean
  dev?: boolean
  reset?: boolean
  wsLog?: string
  tailscale?: string
  profile?: string
  logLevel?: string
  env: NodeJS.ProcessEnv
  stdout: ConsoleStream & { readonly isTTY?: boolean }
  stderr: ConsoleStream
}

/** Why the gateway did not start, as people read it, with the code that supervisors read. */
class StartRefused extends Error {
  readonly exitCode: number
  constructor (lines: readonly string[], exitCode: number) {
    super(lines.join('\n'))
    this.exitCode = exitCode
  }
}

const refuse = (exitCode: number, ...lines: string[]): never => { throw new StartRefused(lines, exitCode) }

interface Settings {
  readonly options: RunOptions
  readonly paths: Paths
  readonly loaded: LoadedConfig
  readonly auth: GatewayAuth
  readonly bind: BindTargets
  readonly port: number
  readonly firstRun: boolean
}

function checkMode (loaded: LoadedConfig, options: RunOptions): void {
  if (options.allowUnconfigured || !loaded.exists) return
  const { mode } = loaded.config.gateway
  if (mode === undefined) {
    refuse(exitCodes.configuration, 'Gateway start blocked: existing config is missing gateway.mode.',
      'Set it with: openclaw config set gateway.mode local (or pass --allow-unconfigured).')
  }
  if (mode !== 'local') {
    refuse(exitCodes.configuration,
      `Gateway start blocked: set gateway.mode=local (current: ${mode}) or pass --allow-unconfigured.`,
      `Config: ${loaded.path}`)
  }
}

function choosePort ({ port }: RunOptions, loaded: LoadedConfig, paths: Paths): number {
  const { env } = loaded
  const fromEnvironment = env.OPENCLAW_GATEWAY_PORT?.trim()
  const chosen = port ?? (fromEnvironment ? Number(fromEnvironment) : undefined) ?? (loaded.source as { gateway?: { port?: number } })?.gateway?.port
  if (chosen === undefined) return paths.basePort
  const valid = Number.isInteger(chosen) && chosen >= (port === undefined ? 1 : 0) && chosen <= 65_535
  return valid ? chosen : refuse(exitCodes.failed, `Invalid port: ${fromEnvironment ?? chosen} (use an integer from 1 to 65535).`)
}

function chooseBind (options: RunOptions, loaded: LoadedConfig): BindTargets {
  const { gateway } = loaded.config
  const targets = resolveBind({ bind: options.bind ?? gateway.bind, customBindHost: gateway.customBindHost, env: loaded.env })
  return typeof targets === 'string' ? refuse(exitCodes.configuration, `Gateway failed to start: ${targets}.`) : targets
}

const tokenFile = (paths: Paths): string => join(paths.stateDir, 'gateway.token')

/** A token of the gateway's own for starts without any credential. It stays the same from start to start, so that clients keep working. */
async function withGeneratedToken (auth: GatewayAuth, paths: Paths): Promise<GatewayAuth> {
  if (auth.mode !== 'token' || auth.token !== undefined || auth.problems.length > 0) return auth
  let token = (await readIfPresent(tokenFile(paths)))?.trim()
  if (token === undefined || !/^[0-9a-f]{48}$/.test(token)) {
    token = randomBytes(24).toString('hex')
    await writePrivateFile(tokenFile(paths), `${token}\n`)
  }
  return { ...auth, token, tokenSource: 'generated' }
}

async function resolveAuth (options: RunOptions, loaded: LoadedConfig, bind: BindTargets, paths: Paths): Promise<GatewayAuth> {
  const { env } = loaded
  const { gateway } = loaded.config
  if (options.auth !== undefined && !(authModes as readonly string[]).includes(options.auth)) {
    refuse(exitCodes.failed, `Invalid --auth: ${options.auth} (use ${authModes.map(mode => `"${mode}"`).join(', ')}).`)
  }
  const password = options.passwordFile ? readFileSync(options.passwordFile, 'utf8').trim() : options.password
  const resolver = createSecretResolver({ config: loaded.config, env })
  const flags = { auth: options.auth as AuthMode | undefined, token: options.token, password }
  const resolved = await resolveGatewayAuth({ config: gateway, env, flags, resolveSecret: value => resolver.resolve(value as SecretInput | undefined) })
  const auth = bind.beyondLoopback ? resolved : await withGeneratedToken(resolved, paths)
  const problems = [...auth.problems, ...checkAuthRules({
    auth, config: gateway, env, flags, bindHosts: bind.hosts, bind: bind.bind
  })]
  const [problem] = problems
  if (problem) refuse(problem.exitCode, problem.text, problem.next)
  return auth
}

async function readSettings (options: RunOptions): Promise<Settings> {
  const paths = resolvePaths({ env: options.env, profile: options.profile, dev: options.dev })
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 })
  const loaded = await loadConfig({ paths, env: options.env })
  if (loaded.issues.some(issue => issue.critical)) {
    refuse(exitCodes.configuration, `Gateway failed to start: Invalid config at ${loaded.path}:`, ...formatIssues(loaded),
      'Check it with: openclaw config validate')
  }
  checkMode(loaded, options)
  const port = choosePort(options, loaded, paths)
  const bind = chooseBind(options, loaded)
  const auth = await resolveAuth(options, loaded, bind, paths)
  return { options, paths, loaded, auth, bind, port, firstRun: !loaded.exists }
}

function openLogging ({ options, paths, loaded, auth }: Settings): Logging {
  const { logging } = loaded.config
  const level = (options.logLevel ?? options.env.OPENCLAW_LOG_LEVEL ?? logging.level) as typeof logging.level
  return createLogging({
    level,
    consoleLevel: options.verbose ? 'debug' : (options.logLevel as typeof logging.level | undefined) ?? logging.consoleLevel ?? 'info',
    consoleStyle: logging.consoleStyle,
    file: logging.file ?? defaultLogFile({ profile: paths.profile, now: Date.now, tmpdir: tmpdir(), uid: process.getuid?.() }),
    maxFileBytes: logging.maxFileBytes,
    maxTotalBytes: logging.maxTotalBytes,
    redactPatterns: logging.redactPatterns,
    secrets: () => [auth.token, auth.password].filter(secret => secret !== undefined),
    now: Date.now,
    stdout: options.stdout,
    stderr: options.stderr,
    isTty: options.stdout.isTTY === true,
    verbose: options.verbose
  })
}

async function isHealthyGateway (port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })
    return response.ok && ((await response.json()) as { status?: string }).status === 'live'
  } catch {
    return false
  }
}

async function portTaken (port: number, error: Error): Promise<never> {
  const holders = await findPortHolder(port)
  return refuse(exitCodes.taken,
    `Gateway failed to start: another gateway instance is already listening on ws://127.0.0.1:${port} | ${error.message}`,
    'If the gateway is supervised, stop it with: openclaw gateway stop',
    `Port ${port} is already in use.`,
    ...holders.map(holder => `- ${describeHolder(holder)}`),
    'Free it safely with: openclaw gateway --force, or choose another with --port.')
}

async function takePort ({ options, port }: Settings, logging: Logging): Promise<void> {
  if (!options.force || port === 0) return
  try {
    await freePort({
      port,
      log: line => logging.child('gateway').warn(line),
      interactive: options.stdout.isTTY === true,
      isGatewayHealthy: isHealthyGateway,
      now: Date.now
    })
  } catch (error) {
    if (error instanceof PortNotFreedError) refuse(exitCodes.failed, error.message)
    throw error
  }
}

async function lockState ({ paths, port }: Settings): Promise<StateLock> {
  try {
    return await acquireStateLock({ stateDir: paths.stateDir, configPath: paths.configPath, port, now: Date.now })
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error
    return refuse(exitCodes.taken, `Gateway failed to start: ${error.message}.`,
      'Stop that gateway first, or give this one its own OPENCLAW_STATE_DIR, OPENCLAW_CONFIG_PATH and --port.')
  }
}

/** A credential for the commands of this machine, so that they can always administer; new at every start. */
async function writeLocalAdminToken (paths: Paths): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await writePrivateFile(join(paths.stateDir, 'admin.token'), `${token}\n`)
  return token
}

function announce (settings: Settings, logging: Logging, gateway: { port: number, addresses: readonly string[] }, startedAtMs: number): void {
  const { auth, loaded, bind, paths, firstRun } = settings
  const log = logging.child('gateway')
  for (const warning of loaded.warnings) log.warn(`config: ${warning.path}: ${warning.message}`)
  for (const line of loaded.issues.length > 0 ? formatIssues(loaded) : []) log.warn(`config: ${line} (this part is disabled)`)
  log.info(`http server listening on ${gateway.addresses.join(', ')} (bind=${bind.bind}, auth=${auth.mode})`)
  const file = logging.filePath()
  if (file) log.info(`log file: ${file}`)
  if (firstRun) log.info(`no configuration at ${paths.configPath}: running with safe defaults`)
  if (auth.tokenSource === 'generated') {
    log.info(`auth token was missing: a generated one is kept in ${tokenFile(paths)} (see it with: openclaw config get gateway.auth.token --show)`)
  }
  if (auth.mode === 'none') log.warn('auth mode is none: every program on this machine is an operator')
  log.info(`open http://127.0.0.1:${gateway.port}/ or try: curl http://127.0.0.1:${gateway.port}/health`)
  log.info(`ready in ${Date.now() - startedAtMs} ms`)
}

type Outcome = 'stopped' | 'restart'

/** Resolves when the process is told to stop, or to begin anew within this process. */
function nextSignal (logging: Logging, restartAllowed: boolean): { outcome: Promise<Outcome>, release: () => void } {
  const log = logging.child('gateway')
  let settle: (outcome: Outcome) => void
  const outcome = new Promise<Outcome>(resolve => { settle = resolve })
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return log.info(`received ${signal} during shutdown; ignoring`)
    stopping = true
    log.info(`received ${signal}; shutting down`)
    settle('stopped')
  }
  const restart = (): void => {
    if (stopping || !restartAllowed) return log.warn('received SIGUSR2; ignoring')
    stopping = true
    log.info('received SIGUSR2; restarting')
    settle('restart')
  }
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGUSR2', restart)
  return {
    outcome,
    release: () => { process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGUSR2', restart) }
  }
}

async function stopWithin (gateway: Gateway, reason: 'gateway stopping' | 'gateway restarting', budgetMs: number, logging: Logging): Promise<void> {
  const startedAtMs = Date.now()
  const log = logging.child('shutdown')
  const finished = await Promise.race([gateway.stop(reason).then(() => true), sleep(budgetMs, false)])
  if (finished) log.info(`completed cleanly in ${Date.now() - startedAtMs}ms`)
  else log.error(`still busy after ${budgetMs}ms; leaving`)
}

async function serve (settings: Settings, logging: Logging, startedAtMs: number): Promise<Outcome> {
  const { paths, loaded, port } = settings
  await takePort(settings, logging)
  const lock = await lockState(settings)
  const signals = nextSignal(logging, (loaded.config.commands as { restart?: boolean } | undefined)?.restart !== false)
  try {
    const [localAdminToken, { createGateway }, store] = await Promise.all([
      writeLocalAdminToken(paths),
      import('./app.ts'),
      openStore({ stateDir: paths.stateDir, durability: loaded.config.store.durability, now: Date.now })
    ])
    for (const notice of store.status().notices) logging.child('store').warn(notice)
    const gateway = await createGateway({ ...settings, store, logging, localAdminToken, version: packageVersion(), env: settings.options.env, verbose: settings.options.verbose })
    let started
    try {
      started = await gateway.start()
    } catch (error) {
      await gateway.stop()
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return await portTaken(port, error as Error)
      throw error
    }
    announce(settings, logging, started, startedAtMs)
    setTimeout(saveCompileCache, 1_000).unref()
    const outcome = await signals.outcome
    await stopWithin(gateway, outcome === 'restart' ? 'gateway restarting' : 'gateway stopping', loaded.config.gateway.shutdown.drainMs + 5_000, logging)
    return outcome
  } finally {
    signals.release()
    lock.release()
  }
}

function guardProcess (current: () => Logging | undefined): void {
  process.on('unhandledRejection', reason => {
    current()?.child('gateway').error({ err: reason }, 'a promise was rejected and nobody looked')
  })
  process.on('uncaughtException', error => {
    const logging = current()
    if (!logging) throw error
    logging.child('gateway').fatal({ err: error }, 'uncaught exception; exiting')
    logging.flushSync()
    process.exit(exitCodes.failed)
  })
}

/** Runs the gateway until it is told to stop; the result is the exit code. */
export async function runGateway (options: RunOptions): Promise<number> {
  process.title = 'openclaw-gateway'
  process.umask(0o077)
  let logging: Logging | undefined
  guardProcess(() => logging)
  for (;;) {
    const startedAtMs = Date.now()
    try {
      const settings = await readSettings(options)
      logging = openLogging(settings)
      const outcome = await serve(settings, logging, startedAtMs)
      await logging.close()
      if (outcome === 'stopped') return exitCodes.ok
    } catch (error) {
      await logging?.close()
      if (error instanceof StartRefused) {
        options.stderr.write(`${error.message}\n`)
        return error.exitCode
      }
      options.stderr.write(`Gateway failed to start: ${(error as Error).message}. Run openclaw gateway status --deep for diagnostics.\n${options.verbose ? `${(error as Error).stack}\n` : ''}`)
      return exitCodes.failed
    }
  }
}
