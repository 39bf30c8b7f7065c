/** One life of the gateway within the process: from the state lock to the last closed file, in order and backwards. */
import { effectiveOrigins } from '../auth/origin.ts'
import type { Gateway } from '../app.ts'
import { saveCompileCache } from '../lib/compile-cache.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { packageVersion } from '../lib/package-version.ts'
import type { Listeners } from '../listeners.ts'
import { openStore } from '../store/open.ts'
import { announce } from './announce.ts'
import { writeLocalAdminToken } from './credentials.ts'
import { openLogging } from './logging.ts'
import { openPort } from './port.ts'
import { readSettings, type Settings } from './settings.ts'
import type { Signals } from './signals.ts'
import { asRefusal } from './start-refused.ts'
import { lockState } from './state.ts'
import type { Voice } from './voice.ts'

export interface LifeOptions {
  readonly settings: Settings
  readonly signals: Signals
  readonly voice: Voice
  readonly startedAtMs: number
}

/** What comes after it: nothing, or another life with these settings. */
export type Afterwards = Settings | undefined

/** Beside the drain: for closing sockets and files. */
const reserveMs = 5_000

export async function live (options: LifeOptions): Promise<Afterwards> {
  const { settings, signals, voice } = options
  signals.beginning((settings.loaded.config.commands as { restart?: boolean } | undefined)?.restart !== false)
  const lock = await lockState(settings.paths, settings.port)
  try {
    const listeners = await openPort(settings)
    try {
      voice.logging = await openLogging(settings)
      return await serve(options, listeners)
    } finally {
      await listeners.close()
    }
  } finally {
    await voice.logging?.close()
    voice.logging = undefined
    lock.release()
  }
}

async function serve ({ settings, signals, voice, startedAtMs }: LifeOptions, listeners: Listeners): Promise<Afterwards> {
  if (signals.stopWished()) return undefined
  const { loaded, paths, options } = settings
  const logging = voice.logging!
  const [{ createGateway }, localAdminToken, store] = await Promise.all([
    import('../app.ts'),
    writeLocalAdminToken(paths),
    openStore({ stateDir: paths.stateDir, durability: loaded.config.store.durability, now: Date.now, notice: text => logging.child('store').warn(text) })
  ])
  const gateway = await createGateway({
    ...settings, listeners, store, logging, localAdminToken, version: packageVersion(), env: options.env, verbose: options.verbose
  }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  let afterwards: Afterwards
  try {
    if (signals.stopWished()) return undefined
    await gateway.start()
    const { allowedOrigins } = loaded.config.gateway.controlUi
    const seededOrigins = allowedOrigins.length > 0 ? [] : effectiveOrigins(allowedOrigins, settings.bind.beyondLoopback, listeners.port)
    announce(settings, logging, { listeners, seededOrigins, tookMs: Date.now() - startedAtMs })
    setTimeout(saveCompileCache, 1_000).unref()
    afterwards = await untilWished(settings, signals, voice)
  } finally {
    signals.leaving()
    await stopGateway(gateway, afterwards ? 'gateway restarting' : 'gateway stopping', settings, voice)
  }
  return signals.stopWished() ? undefined : afterwards
}

/** A restart with a configuration that could not start is not begun: the gateway that runs is worth more than none. */
async function untilWished (settings: Settings, signals: Signals, voice: Voice): Promise<Afterwards> {
  for (;;) {
    if (await signals.next() === 'stop') return undefined
    try {
      return await readSettings(settings.options)
    } catch (error) {
      const { message } = asRefusal(error, settings.options)
      voice.say('error', `restart refused, the gateway goes on as it is: ${message.replaceAll('\n', ' ')}`)
    }
  }
}

/** Whatever does not end within the budget ends with the process: whoever waits for the port must not wait for ever. */
async function stopGateway (gateway: Gateway, reason: 'gateway stopping' | 'gateway restarting', { loaded }: Settings, voice: Voice): Promise<void> {
  const startedAtMs = Date.now()
  const budgetMs = loaded.config.gateway.shutdown.drainMs + reserveMs
  const overrun = setTimeout(() => {
    voice.say('error', `still busy after ${budgetMs}ms; leaving`)
    voice.flush()
    process.exit(exitCodes.failed)
  }, budgetMs)
  await gateway.stop(reason)
  clearTimeout(overrun)
  voice.logging?.child('shutdown').info(`completed cleanly in ${Date.now() - startedAtMs}ms`)
}
