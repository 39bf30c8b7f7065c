import type { IncomingMessage } from 'node:http'
import { randomUUID } from 'node:crypto'
import type WebSocket from 'ws'
import { GatewayClientError, isClientError } from './client-error.ts'
import { fingerprintProblem, openSocket, upgradeRefused, type CloseInfo, type TlsOptions } from './client-socket.ts'
import { createPendingRequests, type ResponseLike } from './pending-requests.ts'
import type { Challenge } from './connect-request.ts'

export interface GatewayEvent {
  event: string
  payload?: unknown
  seq?: number
}

export interface RequestOptions {
  timeoutMs?: number
  /** Two-stage methods answer `accepted` first; true waits for the answer after that. */
  expectFinal?: boolean
}

export interface WireOptions {
  url: string
  connectTimeoutMs: number
  requestTimeoutMs: number
  tls?: TlsOptions
}

/** How long a gateway may take to answer our close frame. */
const closeGraceMs = 250

type Frame = ResponseLike & GatewayEvent & { type: string }

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.message || (error as NodeJS.ErrnoException).code || error.name) : String(error)

const closedError = (url: string, info: CloseInfo): GatewayClientError => new GatewayClientError({
  kind: 'transport',
  code: 'closed',
  message: `gateway closed (${info.code}${info.reason ? ` ${info.reason}` : ''}): ${url}`,
  closeCode: info.code,
  ...(info.reason ? { reason: info.reason } : {}),
  // 1012: it restarts, 1013: come back later.
  retryable: info.code === 1012 || info.code === 1013
})

function unreachable ({ url, connectTimeoutMs }: WireOptions, error: unknown): GatewayClientError {
  if (isClientError(error)) return error
  const code = (error as NodeJS.ErrnoException).code ?? (error as { errors?: NodeJS.ErrnoException[] }).errors?.[0]?.code
  const reason = reasonOf(error)
  const late = reason === 'Opening handshake has timed out'
  return new GatewayClientError({
    kind: 'transport',
    code: late ? 'timeout' : 'closed',
    message: late
      ? `gateway timeout: ${url} accepts connections but does not answer within ${connectTimeoutMs} ms`
      : `Gateway not reachable at ${url} (${code ?? reason}).`,
    reason,
    cause: error
  })
}

/** Malformed frames are dropped: they can belong to nothing. */
function readFrame (data: WebSocket.RawData): Frame | undefined {
  try {
    const frame = JSON.parse(data.toString()) as Frame | null
    return typeof frame === 'object' && frame !== null ? frame : undefined
  } catch {
    return undefined
  }
}

/** One socket and the frames on it. Whatever ends it first is the reason that everything waiting is told. */
export function openWire (options: WireOptions) {
  const { url } = options
  const pending = createPendingRequests()
  const listeners = new Set<(event: GatewayEvent) => void>()
  const challenged = Promise.withResolvers<Challenge>()
  const closed = Promise.withResolvers<CloseInfo>()
  const socket = openSocket(url, options.connectTimeoutMs, options.tls)
  let failure: GatewayClientError | undefined

  const fail = (error: GatewayClientError): void => {
    failure ??= error
    challenged.reject(failure)
    pending.failAll(failure)
    socket.terminate()
  }
  // Nobody may be waiting for the challenge any more when it fails.
  challenged.promise.catch(() => undefined)

  const receive = (frame: Frame | undefined): void => {
    if (frame?.type === 'res') return pending.settle(frame)
    if (frame?.type !== 'event') return
    if (frame.event === 'connect.challenge') return challenged.resolve(frame.payload as Challenge)
    const { event, payload, seq } = frame
    for (const listener of [...listeners]) listener({ event, payload, ...(seq === undefined ? {} : { seq }) })
  }

  socket.on('upgrade', (response: IncomingMessage) => {
    const problem = fingerprintProblem(response, options.tls)
    if (problem) fail(new GatewayClientError({ kind: 'transport', code: 'refused', message: problem }))
  })
  socket.on('unexpected-response', (_request, response: IncomingMessage) => { upgradeRefused(url, response).then(fail, fail) })
  socket.on('error', error => fail(unreachable(options, error)))
  socket.on('message', data => receive(readFrame(data)))
  socket.on('close', (code, reason) => {
    const info = { code, reason: reason.toString() }
    fail(closedError(url, info))
    closed.resolve(info)
  })

  return {
    challenge: challenged.promise,
    closed: closed.promise,
    fail,
    send (method: string, params: object, wait: RequestOptions = {}): Promise<unknown> {
      if (failure) return Promise.reject(failure)
      const id = randomUUID()
      const { timeoutMs = options.requestTimeoutMs, expectFinal = false } = wait
      const answer = pending.wait(id, { method, timeoutMs, expectFinal })
      socket.send(JSON.stringify({ type: 'req', id, method, params }), error => { if (error) fail(unreachable(options, error)) })
      return answer
    },
    onEvent (listener: (event: GatewayEvent) => void): () => void {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    async close (): Promise<void> {
      const kill = setTimeout(() => socket.terminate(), closeGraceMs)
      socket.close(1000)
      await closed.promise
      clearTimeout(kill)
    }
  }
}

export type Wire = ReturnType<typeof openWire>
