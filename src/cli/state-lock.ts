import type { Paths } from '../config/paths.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { acquireStateLock, LockHeldError } from '../lib/state-lock.ts'
import { CommandFailure } from './failure.ts'

/** Runs what no gateway may run beside. Refuses while one has the state directory, and keeps others out until it is done. */
export async function withStateLock<T> ({ stateDir, configPath, basePort }: Paths, work: () => T | Promise<T>): Promise<T> {
  const lock = await acquireStateLock({ stateDir, configPath, port: basePort, now: Date.now }).catch((error: unknown) => {
    if (!(error instanceof LockHeldError)) throw error
    const stop = error.pid === undefined ? 'Stop it' : `Stop it where it is supervised, or with: kill ${error.pid}`
    throw new CommandFailure(`Not while the gateway runs: ${error.message}. ${stop}, then try again.`, 'gateway_running', {}, exitCodes.taken)
  })
  try {
    return await work()
  } finally {
    lock.release()
  }
}
