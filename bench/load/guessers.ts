import { setTimeout as sleep } from 'node:timers/promises'
import { handshake } from '../wire/handshake.ts'
import type { GuessersJob } from './job.ts'
import type { Window } from './window.ts'

/** An impatient guesser hangs up and dials again. */
const patienceMs = 2_000
const pauseMs = 5

/** Connections that try one wrong password after the other. What is counted is refusals; being let in is a failure. */
export async function runGuessers (job: GuessersJob, window: Window): Promise<void> {
  let guess = 0
  window.begin(job.durationMs)
  await Promise.all(Array.from({ length: job.guessers }, async (_, lane) => {
    const headers: { readonly [name: string]: string } = job.forwardedFor !== undefined && lane % 2 === 1 ? { 'X-Forwarded-For': job.forwardedFor } : {}
    while (window.open()) {
      const secret = { password: `wrong-${lane}-${guess++}` }
      const outcome = await handshake({ endpoint: job.endpoint, secret, headers, timeoutMs: patienceMs })
      if (outcome.ok) {
        window.fail('a wrong password was let in')
        outcome.socket.close()
      } else window.succeed(outcome.elapsedMs)
      await sleep(pauseMs)
    }
  }))
}
