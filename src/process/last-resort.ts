import { exitCodes } from '../lib/exit-codes.ts'
import { isAnsweredFor } from '../lib/stray-error.ts'
import type { Voice } from './voice.ts'

/**
 * What nobody caught. A promise that nobody looked at costs its own request, not everybody's; after an exception in the middle of
 * something nothing is known about the state of anything, so the process ends and its supervisor starts a sound one. What a plugin
 * did not catch costs the plugin.
 */
export function guardProcess (voice: Voice): void {
  process.on('unhandledRejection', reason => {
    if (!isAnsweredFor(reason)) voice.say('error', 'a promise was rejected and nobody looked', reason)
  })
  process.on('uncaughtException', error => {
    if (isAnsweredFor(error)) return
    voice.say('fatal', 'uncaught exception; exiting', error)
    voice.flush()
    process.exit(exitCodes.failed)
  })
}
