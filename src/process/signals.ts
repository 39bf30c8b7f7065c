/**
 * What the process is told from outside: SIGTERM, SIGINT and SIGHUP end it, SIGUSR2 begins it anew inside the same process. So does
 * SIGUSR1, as it did of old, unless Node's inspector wants it.
 */
import { exitCodes } from '../lib/exit-codes.ts'
import type { Voice } from './voice.ts'

export interface Signals {
  /** Resolves with what is wished, also when that was said before anybody asked. A stop is never forgotten. */
  next (): Promise<'stop' | 'restart'>
  readonly stopped: Promise<void>
  stopWished (): boolean
  /** The same as a signal to restart, from inside. */
  restart (reason: string): void
  /** Ends the process from inside, with this exit code. */
  leave (reason: string, code: number): void
  /** What it ends with when it was told to. */
  exitCode (): number
  /** A new life begins. */
  beginning (restartAllowed: () => boolean): void
  /** It is on its way out; a restart that is wished now comes too late. */
  leaving (): void
}

const wantsInspector = (): boolean => [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some(flag => flag.includes('--inspect'))

/** Installed for as long as the process lives: between two lives, and after the last one, a signal must find somebody too. */
export function createSignals (voice: Voice): Signals {
  const stopped = Promise.withResolvers<void>()
  let restart = Promise.withResolvers<void>()
  let stopWished = false
  let isLeaving = false
  let leavingWith: number = exitCodes.ok
  let restartAllowed = (): boolean => true

  const onStop = (signal: NodeJS.Signals): void => {
    if (stopWished) return voice.say('info', `received ${signal} during shutdown; ignoring`)
    stopWished = true
    voice.say('info', `received ${signal}; shutting down`)
    stopped.resolve()
  }
  const onRestart = (signal: NodeJS.Signals): void => {
    if (isLeaving) return voice.say('info', `received ${signal} during shutdown; ignoring`)
    if (!restartAllowed()) return voice.say('warn', `received ${signal}; restarts are switched off (commands.restart=false), ignoring`)
    voice.say('info', `received ${signal}; restarting`)
    restart.resolve()
  }
  // SIGHUP comes when the terminal goes; without us Node would end on the spot, and the clients would not hear why.
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onStop)
  if (process.platform !== 'win32') process.on('SIGUSR2', onRestart)
  if (process.platform !== 'win32' && !wantsInspector()) process.on('SIGUSR1', onRestart)

  return {
    stopped: stopped.promise,
    stopWished: () => stopWished,
    async next () {
      await Promise.race([stopped.promise, restart.promise])
      if (stopWished) return 'stop'
      restart = Promise.withResolvers()
      return 'restart'
    },
    restart (reason) {
      if (isLeaving) return
      voice.say('info', `restarting (${reason})`)
      restart.resolve()
    },
    leave (reason, code) {
      if (stopWished) return
      stopWished = true
      leavingWith = code
      voice.say('error', `leaving with ${code} (${reason})`)
      stopped.resolve()
    },
    exitCode: () => leavingWith,
    beginning (allowed) {
      isLeaving = false
      restartAllowed = allowed
    },
    leaving () { isLeaving = true }
  }
}
