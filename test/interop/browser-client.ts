/** The browser entry of the reference client, with what a page around it brings: sockets that carry an origin, a key, a token store. */
import {
  GatewayBrowserDeviceAuthLifecycle, GatewayProtocolClient, type GatewayBrowserDeviceAuthPlan, type GatewayBrowserDeviceTokenRecord,
  type GatewayProtocolSocket, type GatewayProtocolSocketHandlers
} from '@openclaw/gateway-client/browser'
import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import { createDeviceIdentity, signDevicePayload, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import type { Frame } from '../helper.ts'
import type { Daemon } from '../process/daemon.ts'

interface BrowserOptions {
  readonly token?: string
  readonly origin?: string
  readonly identity?: DeviceIdentity
  readonly stored?: GatewayBrowserDeviceTokenRecord | null
}

const page = { id: 'openclaw-control-ui', version: '1.0.0', platform: 'test', mode: 'webchat' } as const

function openSocket (url: string, origin: string, handlers: GatewayProtocolSocketHandlers): GatewayProtocolSocket {
  const socket = new WebSocket(url, { origin })
  socket.on('open', handlers.open)
  socket.on('message', data => handlers.message(String(data)))
  socket.on('close', (code, reason) => handlers.close(code, String(reason)))
  socket.on('error', handlers.error)
  return {
    isOpen: () => socket.readyState === WebSocket.OPEN,
    send: data => socket.send(data),
    close: (code, reason) => socket.close(code, reason)
  }
}

export function createBrowser (t: { teardown (fn: () => unknown): void }, daemon: Daemon, options: BrowserOptions) {
  const identity = options.identity ?? createDeviceIdentity()
  let record = options.stored ?? null
  const welcome = Promise.withResolvers<Frame>()
  const lifecycle = new GatewayBrowserDeviceAuthLifecycle({
    loadIdentity: async () => ({
      deviceId: identity.deviceId, publicKey: identity.publicKey, sign: async payload => signDevicePayload(identity, payload)
    }),
    tokenStore: {
      load: () => record,
      store: ({ token, scopes }) => { record = { token, scopes } },
      clear: () => { record = null }
    }
  })
  const client = new GatewayProtocolClient<GatewayBrowserDeviceAuthPlan>({
    createSocket: handlers => openSocket(daemon.url, options.origin ?? daemon.http, handlers),
    createRequestId: randomUUID,
    buildConnectPlan: ({ nonce, challengeTs }) =>
      lifecycle.buildPlan({ client: page, role: 'operator', defaultScopes: ['operator.read'], token: options.token, nonce, challengeTs }),
    buildConnectParams: ({ role, scopes, device, auth }) => ({ minProtocol: 4, maxProtocol: 4, client: page, role, scopes, caps: [], device, auth }),
    onConnectHello (hello, { plan }) {
      lifecycle.acceptHello(hello, plan).then(() => welcome.resolve(hello), welcome.reject)
    },
    onConnectFailure (error) {
      welcome.reject(error)
      return { closeCode: 1000, closeReason: 'refused', stop: true }
    },
    resolveClose: () => ({ retry: false, notify: true }),
    handshake: { mode: 'require-challenge', timeoutMs: 5_000 },
    reconnect: { initialMs: 100, multiplier: 2, maxMs: 1_000 }
  })
  t.teardown(() => client.stop())
  client.start()
  return { client, identity, hello: () => welcome.promise, stored: () => record }
}
