/** Waiting for a gateway to serve, and letting the bench's devices in. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openHttp } from '../wire/http.ts'
import { handshake, mustConnect } from '../wire/handshake.ts'
import { createSigner, type DeviceIdentity, type Signer } from '../wire/identity.ts'
import type { Spawned, Target } from '../targets/target.ts'

const giveUpAfterMs = 90_000
/** Short against what is measured, long against what a refused connection costs. */
const retryMs = 4

async function retry (spawned: Spawned, what: string, attempt: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + giveUpAfterMs
  while (!await attempt()) {
    const ended = spawned.ended()
    if (ended || performance.now() > deadline) {
      throw new Error(`the target ${ended ? 'ended' : 'took too long'} before ${what}:\n${spawned.output()}`)
    }
    await sleep(retryMs)
  }
}

export const untilHealthy = (spawned: Spawned): Promise<void> => retry(spawned, 'GET /health answered 200', () => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const connection = openHttp(spawned.endpoint, { method: 'GET', path: '/health' })
  connection.send(status => {
    connection.destroy()
    resolve(status === 200)
  })
  return promise
})

export const untilHello = (spawned: Spawned, signer: Signer): Promise<void> => retry(spawned, 'hello-ok', async () => {
  const outcome = await handshake({ endpoint: spawned.endpoint, signer, secret: spawned.secret, timeoutMs: 30_000 })
  if (outcome.ok) outcome.socket.close()
  return outcome.ok
})

/** The device token of a hello-ok frame. */
const deviceTokenOf = (hello: Buffer): string | undefined =>
  (JSON.parse(hello.toString()) as { payload: { auth?: { deviceToken?: string } } }).payload.auth?.deviceToken

/** Returns the identities with the tokens that this instance gave them. */
export async function untilServing (target: Target, spawned: Spawned, identities: readonly DeviceIdentity[]): Promise<DeviceIdentity[]> {
  if (!target.gateway) {
    await untilHealthy(spawned)
    return []
  }
  const paired: DeviceIdentity[] = []
  for (const identity of identities) {
    const signer = createSigner(identity)
    if (paired.length === 0) await untilHello(spawned, signer)
    const { socket, hello } = await mustConnect({ endpoint: spawned.endpoint, signer, secret: spawned.secret })
    socket.close()
    paired.push({ ...identity, deviceToken: deviceTokenOf(hello) })
  }
  return paired
}
