/** The published reference client with a home of its own: a key pair, a place for its tokens, and a memory of what it was told. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { once, EventEmitter } from 'node:events'
import { GatewayClient, type GatewayClientOptions } from '@openclaw/gateway-client'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { createHome, daemonToken, type Home } from '../process/daemon.ts'
import type { Frame } from '../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface StoredToken { token: string, scopes: string[] }

export interface ReferenceDevice {
  readonly identity: DeviceIdentity
  readonly tokens: Map<string, StoredToken>
  cleared: number
}

export interface Told {
  readonly hellos: Frame[]
  readonly events: Frame[]
  readonly closes: { code: number, reason: string }[]
  readonly refusals: Frame[]
  readonly pauses: Frame[]
  readonly gaps: object[]
}

export interface Reference extends Told {
  readonly client: GatewayClient
  /** The n-th of what it was told, when it has been told it; rejects after half a minute. */
  until (list: keyof Told, count?: number): Promise<Frame>
  /** The first event of this name, past or future. */
  event (name: string): Promise<Frame>
}

type Options = Omit<GatewayClientOptions, 'scopes' | 'caps' | 'commands'> & { readonly [list in 'scopes' | 'caps' | 'commands']?: readonly string[] }

export const createDevice = (): ReferenceDevice => ({ identity: createDeviceIdentity(), tokens: new Map(), cleared: 0 })

/** What the client leaves to the program around it. */
export const hostOf = (device: ReferenceDevice): GatewayClientOptions['hostDeps'] => ({
  signDevicePayload: (privateKeyPem, payload) => sign(null, Buffer.from(payload), createPrivateKey(privateKeyPem)).toString('base64url'),
  publicKeyRawBase64UrlFromPem: pem => createPublicKey(pem).export({ format: 'jwk' }).x!,
  loadDeviceAuthToken: ({ deviceId, role }) => device.tokens.get(`${deviceId} ${role}`) ?? null,
  storeDeviceAuthToken: ({ deviceId, role, token, scopes }) => { device.tokens.set(`${deviceId} ${role}`, { token, scopes }) },
  clearDeviceAuthToken ({ deviceId, role }) {
    device.cleared++
    device.tokens.delete(`${deviceId} ${role}`)
  }
})

export const operatorToken = ({ identity, tokens }: ReferenceDevice): StoredToken | undefined => tokens.get(`${identity.deviceId} operator`)

/** Constructed, not started. */
export function createReference (t: Test, url: string, options: Options = {}, device?: ReferenceDevice): Reference {
  const told: Told = { hellos: [], events: [], closes: [], refusals: [], pauses: [], gaps: [] }
  const changes = new EventEmitter().setMaxListeners(50)
  const tell = (list: keyof Told, fact: object): void => {
    told[list].push(fact as never)
    changes.emit('told')
  }
  const client = new GatewayClient({
    url,
    ...(device ? { deviceIdentity: device.identity, hostDeps: hostOf(device) } : {}),
    onHelloOk: hello => tell('hellos', hello),
    onEvent: event => tell('events', event),
    onClose: (code, reason) => tell('closes', { code, reason }),
    onConnectError: error => tell('refusals', error),
    onReconnectPaused: info => tell('pauses', info),
    onGap: gap => tell('gaps', gap),
    ...options as GatewayClientOptions
  })
  t.teardown(() => client.stopAndWait())

  async function wait (look: () => Frame | undefined): Promise<Frame> {
    const signal = AbortSignal.timeout(30_000)
    for (;;) {
      const found = look()
      if (found) return found
      await once(changes, 'told', { signal }).catch(() => { throw new Error(`it was told only ${JSON.stringify(told).slice(0, 2000)}`) })
    }
  }

  return {
    ...told,
    client,
    until: (list, count = 1) => wait(() => told[list][count - 1]),
    event: name => wait(() => told.events.find(({ event }) => event === name))
  }
}

export function startReference (t: Test, url: string, options?: Options, device?: ReferenceDevice): Reference {
  const reference = createReference(t, url, options, device)
  reference.client.start()
  return reference
}

/** A home of a gateway in token mode. */
export const gatewayHome = (t: Test, more: object = {}): Home =>
  createHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, ...more } })
