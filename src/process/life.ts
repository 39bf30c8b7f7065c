/** One life of the gateway within the process: from the state lock to the last closed file, in order and backwards. */
import { effectiveOrigins } from '../auth/origin.ts'
import type { GatewayAuth } from '../auth/gateway-auth.ts'
import type { Gateway } from '../app.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { CrashLoop, CrashLoopOptions } from '../host/crash-loop.ts'
import { steadyNow, systemClock } from '../lib/clock.ts'
import { saveCompileCache } from '../lib/compile-cache.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { packageVersion } from '../lib/package-version.ts'
import type { Listeners } from '../listeners.ts'
import { GatewayError } from '../protocol/errors.ts'
import { openStore } from '../store/open.ts'
import { announce } from './announce.ts'
import { resolveAuth, writeLocalAdminToken } from './credentials.ts'
import { logLevelsOf, openLogging } from './logging.ts'
import { openPort } from './port.ts'
import { createRestarts } from './restarts.ts'
import { judgeSettings, readSettings, type Settings } from './settings.ts'
import type { Signals } from './signals.ts'
import { countStart, type Starts } from './starts.ts'
import { asRefusal } from './start-refused.ts'
import { lockState } from './state.ts'
import type { Supervisor } from './supervisor.ts'
import type { TailscaleFront, TailscaleFrontOptions } from './tailscale.ts'
import type { Voice } from './voice.ts'

export interface LifeOptions {
  readonly settings: Settings
  readonly signals: Signals
  readonly voice: Voice
  /** There is one that wants to be told. */
  readonly supervisor?: Supervisor | undefined
  readonly startedAtMs: number
  /** When this life was begun by a restart. */
  readonly restartedAtMs?: number | undefined
}

/** What comes after it: nothing, or another life with these settings. */
export type Afterwards = Settings | undefined

/** Credentials that the log goes on masking after they were replaced. */
const mostRemembered = 8

/** Beside the drain: for closing sockets and files. */
const reserveMs = 5_000

export async function live (options: LifeOptions): Promise<Afterwards> {
  const { settings, signals, voice } = options
  const credentials = [settings.auth]
  signals.beginning(() => mayRestart(settings.loaded))
  const lock = await lockState(settings.paths, settings.port)
  try {
    const listeners = await openPort(settings)
    try {
      voice.logging = await openLogging(settings, () => credentials)
      return await serve(options, listeners, credentials)
    } finally {
      await listeners.close()
    }
  } finally {
    await voice.logging?.close()
    voice.logging = undefined
    lock.release()
  }
}

const mayRestart = ({ config: { commands } }: LoadedConfig): boolean => (commands as { restart?: boolean } | undefined)?.restart !== false

/** The ways in which a configuration that changes reaches the process. */
function reloadPorts ({ settings, signals, voice, restartedAtMs }: LifeOptions, credentials: GatewayAuth[], gateway: () => Gateway) {
  const { options, bind, paths } = settings
  const restarts = createRestarts({
    busy () {
      const { active, queued } = gateway().rooms.runs.stats()
      return active + queued
    },
    deferralMs: () => gateway().rooms.config().config.gateway.reload.deferralTimeoutMs,
    begin: reason => signals.restart(reason),
    say: text => voice.logging?.child('reload').info(text),
    now: steadyNow,
    restartedAtMs
  })
  return {
    restarts,
    async authOf (loaded: LoadedConfig, written: LoadedConfig) {
      try {
        // What waits for a restart has to be something that it can restart with.
        if (written !== loaded) await judgeSettings(options, paths, written)
        const auth = await resolveAuth(options, loaded, bind, paths)
        credentials.push(auth)
        if (credentials.length > mostRemembered) credentials.shift()
        return auth
      } catch (error) {
        const { message } = asRefusal(error, options)
        const why = message.replaceAll('\n', ' ').replace(/^Gateway (failed to start|start blocked): /, '')
        throw new GatewayError('CONFIG_INVALID', { message: `invalid config: ${why}`, details: { path: 'gateway.auth' } })
      }
    },
    logLevels: (loaded: LoadedConfig) => logLevelsOf(options, loaded),
    restart: restarts.request
  }
}

async function followTls ({ certificate }: Settings, listeners: Listeners, say: (text: string) => void): Promise<(() => void) | undefined> {
  return certificate && (await import('./tls.ts')).followCertificate(certificate, listeners.renew, say)
}

/** What may have ended the gateway again and again does not begin by itself. */
async function holdBack ({ unclean }: Starts, log: CrashLoopOptions['log']): Promise<CrashLoop | undefined> {
  return unclean && (await import('../host/crash-loop.ts')).createCrashLoop({ found: unclean, clock: systemClock, log })
}

/** Nothing of it is loaded where nobody asked for it. */
async function frontBy ({ options, loaded, certificate }: Settings, port: number, log: TailscaleFrontOptions['log']): Promise<TailscaleFront | undefined> {
  const { mode: configured, preserveFunnel, resetOnExit } = loaded.config.gateway.tailscale
  const mode = options.tailscale ?? configured
  if (mode !== 'serve' && mode !== 'funnel') return undefined
  const { putTailscaleInFront } = await import('./tailscale.ts')
  return putTailscaleInFront({
    mode,
    port,
    tls: certificate !== undefined,
    preserveFunnel,
    resetOnExit: resetOnExit || options.tailscaleResetOnExit === true,
    env: options.env,
    log
  })
}

async function serve (life: LifeOptions, listeners: Listeners, credentials: GatewayAuth[]): Promise<Afterwards> {
  const { settings, signals, voice, supervisor, startedAtMs } = life
  if (signals.stopWished()) return undefined
  const { loaded, paths, options } = settings
  const logging = voice.logging!
  const [{ createGateway }, localAdminToken, starts, store] = await Promise.all([
    import('../app.ts'),
    writeLocalAdminToken(paths),
    countStart(paths, { isRestart: life.restartedAtMs !== undefined, rules: loaded.config.gateway.crashLoop, now: Date.now }),
    openStore({ stateDir: paths.stateDir, durability: loaded.config.store.durability, now: Date.now, notice: text => logging.child('store').warn(text) })
  ])
  const { restarts, ...ports } = reloadPorts(life, credentials, () => gateway)
  const leave = (reason: string): void => signals.leave(reason, exitCodes.overloaded)
  const crashLoop = await holdBack(starts, logging.child('gateway'))
  const gateway = await createGateway({
    ...settings,
    ...ports,
    leave,
    listeners,
    store,
    logging,
    localAdminToken,
    starts: starts.counts,
    crashLoop,
    crashLoopTrips: starts.trips,
    version: packageVersion(),
    env: options.env,
    verbose: options.verbose,
    tailscale: options.tailscale
  }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  let afterwards: Afterwards
  let unfollow: (() => void) | undefined
  let front: TailscaleFront | undefined
  try {
    if (signals.stopWished()) return undefined
    signals.beginning(() => mayRestart(gateway.rooms.config()))
    await gateway.start()
    const { allowedOrigins } = loaded.config.gateway.controlUi
    const seededOrigins = allowedOrigins.length > 0 ? [] : effectiveOrigins(allowedOrigins, settings.bind.beyondLoopback, listeners.port, settings.certificate && 'https')
    announce(settings, logging, { listeners, seededOrigins, tookMs: steadyNow() - startedAtMs })
    unfollow = await followTls(settings, listeners, text => logging.child('tls').info(text))
    front = await frontBy(settings, listeners.port, logging.child('tailscale'))
    supervisor?.ready(`listening on ${listeners.addresses.join(', ')}`)
    setTimeout(saveCompileCache, 1_000).unref()
    afterwards = await untilWished(settings, signals, voice)
  } finally {
    signals.leaving()
    unfollow?.()
    if (afterwards) supervisor?.restarting()
    else supervisor?.stopping()
    restarts.close()
    crashLoop?.close()
    await front?.close()
    await stopGateway(gateway, afterwards ? 'gateway restarting' : 'gateway stopping', voice)
    await starts.ended()
  }
  return signals.stopWished() ? undefined : afterwards
}

/** A restart with a configuration that could not start is not begun: the gateway that runs is worth more than none. */
async function untilWished (settings: Settings, signals: Signals, voice: Voice): Promise<Afterwards> {
  for (;;) {
    if (await signals.next() === 'stop') return undefined
    try {
      const next = await readSettings(settings.options)
      // A file that is being replaced is away for a moment; nobody has asked for the defaults.
      if (next.loaded.exists || !settings.loaded.exists) return next
      voice.say('error', `restart refused, the gateway goes on as it is: ${next.loaded.path} is gone`)
    } catch (error) {
      const { message } = asRefusal(error, settings.options)
      voice.say('error', `restart refused, the gateway goes on as it is: ${message.replaceAll('\n', ' ')}`)
    }
  }
}

/** Whatever does not end within the budget ends with the process: whoever waits for the port must not wait for ever. */
async function stopGateway (gateway: Gateway, reason: 'gateway stopping' | 'gateway restarting', voice: Voice): Promise<void> {
  const startedAtMs = steadyNow()
  const budgetMs = gateway.rooms.config().config.gateway.shutdown.drainMs + reserveMs
  const overrun = setTimeout(() => {
    voice.say('error', `still busy after ${budgetMs}ms; leaving`)
    voice.flush()
    process.exit(exitCodes.failed)
  }, budgetMs)
  await gateway.stop(reason)
  clearTimeout(overrun)
  voice.logging?.child('shutdown').info(`completed cleanly in ${steadyNow() - startedAtMs}ms`)
}
