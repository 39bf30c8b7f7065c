/** The process around the gateway: one life after the other, until it is told to stop or may not start. */
import { steadyNow } from './lib/clock.ts'
import { exitCodes } from './lib/exit-codes.ts'
import { guardProcess } from './process/last-resort.ts'
import { live } from './process/life.ts'
import { clearPort } from './process/port.ts'
import type { RunOptions } from './process/run-options.ts'
import { pathsOf, readSettings, type Settings } from './process/settings.ts'
import { createSignals, type Signals } from './process/signals.ts'
import { asRefusal } from './process/start-refused.ts'
import type { Supervisor } from './process/supervisor.ts'
import { createVoice, type Voice } from './process/voice.ts'

export type { RunOptions } from './process/run-options.ts'

/** What was told to stop goes after this time, even when a secret's program or a disk holds its start up. */
const startStopMs = 5_000
/** Nothing that somebody else left open keeps a process whose work is done. */
const exitMarginMs = 1_000

/** Runs the gateway until it is told to stop; the result is the exit code. From here on the process is the gateway's own. */
export async function runGateway (options: RunOptions): Promise<number> {
  process.title = 'openclaw-gateway'
  process.umask(0o077)
  const voice = createVoice(options)
  guardProcess(voice)
  const supervisor = options.env.NOTIFY_SOCKET ? (await import('./process/supervisor.ts')).createSupervisor(options.env, voice) : undefined
  const code = await liveAll(options, createSignals(voice), voice, supervisor)
  setTimeout(() => process.exit(code), exitMarginMs).unref()
  return code
}

async function liveAll (options: RunOptions, signals: Signals, voice: Voice, supervisor: Supervisor | undefined): Promise<number> {
  let startedAtMs = steadyNow()
  let restartedAtMs: number | undefined
  try {
    let settings = await firstSettings(options, signals, voice)
    while (settings && !signals.stopWished()) {
      settings = await live({ settings, signals, voice, supervisor, startedAtMs, restartedAtMs })
      startedAtMs = restartedAtMs = steadyNow()
    }
    return signals.exitCode()
  } catch (error) {
    return failed(error, options)
  }
}

/** Nothing when the process was told to stop meanwhile. */
async function firstSettings (options: RunOptions, signals: Signals, voice: Voice): Promise<Settings | undefined> {
  let isReading = true
  // Later a stop has a budget of its own.
  const giveUp = signals.stopped.then(() => {
    if (isReading) setTimeout(() => process.exit(exitCodes.ok), startStopMs).unref()
  })
  if (options.dev) await (await import('./process/dev-profile.ts')).prepareDevProfile(pathsOf(options), options)
  const settings = await Promise.race([readSettings(options), giveUp])
  isReading = false
  if (settings && options.force) await clearPort(settings, line => voice.say('warn', line))
  return settings ?? undefined
}

function failed (error: unknown, options: RunOptions): number {
  const refusal = asRefusal(error, options)
  options.stderr.write(`${refusal.message}\n`)
  if (options.verbose && refusal !== error) options.stderr.write(`${(error as Error).stack}\n`)
  return exitCodeFor(refusal.exitCode, options)
}

/** launchd and the Task Scheduler try again after whatever is not a success, so where that is useless it has to look like one. */
function exitCodeFor (code: number, { env }: RunOptions): number {
  const isUseless = code === exitCodes.configuration || code === exitCodes.taken
  const isSupervised = env.OPENCLAW_SERVICE_MARKER === 'openclaw' && (env.OPENCLAW_LAUNCHD_LABEL || env.OPENCLAW_WINDOWS_TASK_NAME)
  return isUseless && isSupervised && env.OPENCLAW_SHELL === undefined ? exitCodes.ok : code
}
