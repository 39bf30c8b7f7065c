import { mustConnect, type Admitted } from '../wire/handshake.ts'
import { createSigner, type DeviceIdentity, type Secret } from '../wire/identity.ts'
import type { Endpoint } from '../wire/socket.ts'

interface Wanted {
  readonly endpoint: Endpoint
  readonly secret: Secret
  readonly identities: readonly DeviceIdentity[]
}

/** Opens `count` signed connections, at most `concurrency` at a time. */
export async function openConnections ({ endpoint, secret, identities }: Wanted, count: number, concurrency = 16): Promise<Admitted[]> {
  const signers = identities.map(createSigner)
  const open: Admitted[] = []
  let started = 0
  const lane = async (): Promise<void> => {
    while (started < count) {
      const signer = signers[started++ % signers.length]!
      open.push(await mustConnect({ endpoint, signer, secret }))
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, lane))
  return open
}
