import { exitCodes } from '../lib/exit-codes.ts'
import type { Voice } from './voice.ts'

/**
 * What nobody caught. A promise that nobody looked at costs its own request, not everybody's; after an exception in the middle of
 * something nothing is known about the state of anything, so the process ends and its supervisor starts a sound one.
 */
export function guardProcess (voice: Voice): void {
  process.on('unhandledRejection', reason => {
    voice.say('error', 'a promise was rejected and nobody looked', reason)
  })
  process.on('uncaughtException', error => {
    voice.say('fatal', 'uncaught exception; exiting', error)
    voice.flush()
    process.exit(exitCodes.failed)
  })
}
