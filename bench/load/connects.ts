import { setTimeout as sleep } from 'node:timers/promises'
import { handshake } from '../wire/handshake.ts'
import { createSigner, type Secret, type Signer } from '../wire/identity.ts'
import type { ConnectsJob } from './job.ts'
import type { Window } from './window.ts'

type Headers = { readonly [name: string]: string }

/** A refused client waits a moment, as a real one would; otherwise refusals would be counted at the speed of the network. */
const refusedPauseMs = 20

/** Signed handshakes, `concurrency` at a time, each closed politely as soon as it is in. */
export async function runConnects (job: ConnectsJob, window: Window): Promise<void> {
  const signers = job.identities.map(createSigner)
  const headers: Headers = job.forwardedFor === undefined ? {} : { 'X-Forwarded-For': job.forwardedFor }
  const maxCount = job.maxCount ?? Infinity
  let started = 0

  const secretOf = (signer: Signer): Secret =>
    job.useDeviceToken ? { deviceToken: signer.identity.deviceToken } : job.secret

  const lane = async (): Promise<void> => {
    while (window.open() && started < maxCount) {
      const signer = signers[started++ % signers.length]!
      const outcome = await handshake({ endpoint: job.endpoint, signer, secret: secretOf(signer), headers })
      if (outcome.ok) {
        outcome.socket.close()
        window.succeed(outcome.elapsedMs)
      } else {
        window.fail(outcome.reason)
        await sleep(refusedPauseMs)
      }
      if (job.pauseMs) await sleep(job.pauseMs)
    }
  }

  window.begin(job.durationMs)
  await Promise.all(Array.from({ length: job.concurrency }, lane))
}
