import { exitCodes } from '../lib/exit-codes.ts'
import { acquireStateLock, LockHeldError, type StateLock } from '../lib/state-lock.ts'
import type { Paths } from '../config/paths.ts'
import { refuse } from './start-refused.ts'

/** Makes the state directory ours, or says whose it is. */
export async function lockState ({ stateDir, configPath }: Paths, port: number): Promise<StateLock> {
  try {
    return await acquireStateLock({ stateDir, configPath, port, now: Date.now })
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error
    return refuse(exitCodes.taken, `Gateway failed to start: ${error.message}.`,
      ...(error.pid === undefined ? [] : [`Stop it where it is supervised, or with: kill ${error.pid}`]),
      'A second gateway needs an OPENCLAW_STATE_DIR and a port of its own (or: openclaw --profile NAME gateway).')
  }
}
