/** The WebSocket RPC client: challenge, signed connect, hello-ok, then requests and events. A client like any other. */
import type { methods } from '../methods/index.ts'
import type { Static } from '../protocol/type.ts'
import { GatewayClientError } from './client-error.ts'
import type { CloseInfo } from './client-socket.ts'
import { openWire, type GatewayEvent, type RequestOptions, type Wire, type WireOptions } from './client-wire.ts'
import { connectParams, type ConnectIntent } from './connect-request.ts'

export type { CloseInfo } from './client-socket.ts'
export type { GatewayEvent, RequestOptions } from './client-wire.ts'
export { GatewayClientError, isClientError } from './client-error.ts'

export interface HelloOk {
  protocol: number
  server: { version: string, connId: string, buildId?: string, bootId?: string }
  features: { methods: string[], events: string[] }
  snapshot: { uptimeMs?: number, configPath?: string, stateDir?: string, authMode?: string, [key: string]: unknown }
  auth: { method?: string, role: string, scopes: string[], deviceToken?: string, issuedAtMs?: number }
  policy: { maxPayload: number, tickIntervalMs: number, [key: string]: unknown }
}

type Methods = typeof methods
export type MethodName = keyof Methods & string
export type MethodParams<M extends MethodName> = Static<Methods[M]['params']>
export type MethodResult<M extends MethodName> = Static<Methods[M]['result']>

export interface GatewayClientOptions extends ConnectIntent, WireOptions {}

export interface GatewayClient {
  readonly url: string
  readonly hello: HelloOk
  /** The device as which we are connected, if any. */
  readonly deviceId: string | undefined
  /** From opening the socket to being let in. */
  readonly connectLatencyMs: number
  request<M extends MethodName>(method: M, params?: MethodParams<M>, options?: RequestOptions): Promise<MethodResult<M>>
  /** For methods whose names come from outside. */
  call (method: string, params?: object, options?: RequestOptions): Promise<unknown>
  onEvent (listener: (event: GatewayEvent) => void): () => void
  /** Settles when the connection has ended, for whatever reason. */
  readonly closed: Promise<CloseInfo>
  close (): Promise<void>
}

async function shakeHands (wire: Wire, options: GatewayClientOptions): Promise<HelloOk> {
  const { url, connectTimeoutMs } = options
  const deadline = setTimeout(() => wire.fail(new GatewayClientError({
    kind: 'transport', code: 'timeout', message: `gateway timeout after ${connectTimeoutMs}ms: ${url} did not finish the handshake`
  })), connectTimeoutMs)
  try {
    const challenge = await wire.challenge
    return await wire.send('connect', connectParams(options, challenge), { timeoutMs: connectTimeoutMs }) as HelloOk
  } finally {
    clearTimeout(deadline)
  }
}

/** Resolves when the gateway has let us in; rejects with a GatewayClientError that says why not. */
export async function connectGateway (options: GatewayClientOptions): Promise<GatewayClient> {
  const startedAt = performance.now()
  const wire = openWire(options)
  try {
    const hello = await shakeHands(wire, options)
    return {
      url: options.url,
      hello,
      deviceId: options.identity?.deviceId,
      connectLatencyMs: Math.round(performance.now() - startedAt),
      request: <M extends MethodName>(method: M, params?: MethodParams<M>, wait?: RequestOptions) =>
        wire.send(method, params ?? {}, wait) as Promise<MethodResult<M>>,
      call: (method, params = {}, wait) => wire.send(method, params, wait),
      onEvent: wire.onEvent,
      closed: wire.closed,
      close: wire.close
    }
  } catch (error) {
    await wire.close()
    throw error
  }
}
