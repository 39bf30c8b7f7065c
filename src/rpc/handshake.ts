import { closeCodes } from '../protocol/close-codes.ts'
import { ConnectParams } from '../protocol/connect.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { minimumProbeProtocol, protocolVersion, wireLimits } from '../protocol/version.ts'
import type { Admission, ConnectAttempt } from '../auth/connect.ts'
import type { NonceCheck } from '../auth/device-proof.ts'
import type { IncomingHttpHeaders } from 'node:http'
import type { Connection } from './connection.ts'
import { toWireError, type DispatchLog } from './dispatch.ts'
import { connectParamsOfHello, isHelloFrame } from './hello-dialect.ts'
import type { Validators } from './validation.ts'

export interface HandshakeOptions {
  readonly authenticate: (attempt: ConnectAttempt) => Promise<Admission>
  readonly validators: Validators
  readonly takeHttpNonce: NonceCheck
  readonly unavailable: () => GatewayError | undefined
  /** As many are in as the configuration allows. */
  readonly isFull: () => boolean
  /** Turns an admitted connection into the text of its hello-ok payload, and lets the rest of the gateway know. */
  readonly welcome: (connection: Connection, admission: Admission) => string
  readonly log: DispatchLog
  readonly onRefused: (connection: Connection, error: GatewayError | undefined, reason: string) => void
}

export interface ConnectRequest {
  readonly id: string
  readonly params: unknown
}

interface Welcomed {
  readonly hello: string
  readonly delivered?: Admission['delivered']
}

/** What the first frame amounts to; a string is the reason to hang up without an answer. */
function readFirstFrame (text: string): ConnectRequest | GatewayErrorFor | { hangUp: number, reason: string } {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return { hangUp: closeCodes.normal, reason: '' }
  }
  if (isHelloFrame(frame)) return { id: frame.id ?? 'hello', params: connectParamsOfHello(frame) }
  const { type, id, method, params } = (typeof frame === 'object' && frame !== null ? frame : {}) as { [key: string]: unknown }
  if (type !== 'req' || typeof id !== 'string' || id === '' || typeof method !== 'string' || method === '') {
    return { hangUp: closeCodes.policyViolation, reason: 'invalid request frame' }
  }
  return method === 'connect' ? { id, params } : { id, error: new GatewayError('INVALID_HANDSHAKE') }
}

interface GatewayErrorFor {
  readonly id: string
  readonly error: GatewayError
}

/** Picks the version to speak: 4 where offered, else 3, which differs in nothing that is served here. */
export function negotiateProtocol (params: ConnectParams): number {
  const { minProtocol, maxProtocol } = params
  for (const version of [protocolVersion, minimumProbeProtocol]) {
    if (minProtocol <= version && version <= maxProtocol) return version
  }
  throw new GatewayError('PROTOCOL_MISMATCH', {
    details: {
      clientMinProtocol: minProtocol,
      clientMaxProtocol: maxProtocol,
      expectedProtocol: protocolVersion,
      minimumProbeProtocol
    }
  })
}

function closeCodeOf (error: GatewayError): number {
  switch (error.code) {
    case 'PROTOCOL_MISMATCH': return closeCodes.protocolMismatch
    case 'STARTING':
    case 'STOPPING':
    case 'BUSY':
    case 'STORE_UNAVAILABLE': return closeCodes.tryAgainLater
    case 'INTERNAL': return closeCodes.internal
    default: return closeCodes.policyViolation
  }
}

const closeReasonOf = (error: GatewayError): string => error.code === 'PAIRING_REQUIRED'
  ? `${error.message} (requestId: ${String(error.details.requestId)})`
  : error.message

export type Handshake = (connection: Connection, text: string, headers: IncomingHttpHeaders) => Promise<void>

export function createHandshake (options: HandshakeOptions): Handshake {
  const { validators, log } = options

  /** The answer goes out before the socket closes, in this order, so that the client always reads why. */
  function refuse (connection: Connection, id: string, error: GatewayError): void {
    connection.respondError(id, error.toWire())
    options.onRefused(connection, error, closeReasonOf(error))
    connection.close(closeCodeOf(error), closeReasonOf(error))
  }

  function nonceOf (connection: Connection): NonceCheck {
    return nonce => {
      if (connection.nonce === '' || nonce !== connection.nonce) return options.takeHttpNonce(nonce)
      connection.nonce = ''
      return { ts: connection.challengeTs }
    }
  }

  async function admit (connection: Connection, rawParams: unknown, headers: IncomingHttpHeaders): Promise<Welcomed | undefined> {
    const unavailable = options.unavailable()
    if (unavailable) throw unavailable
    const problem = validators.of(ConnectParams)(rawParams)
    if (problem) throw new GatewayError('INVALID_PARAMS', { message: `invalid connect params: ${problem}`, details: { method: 'connect' } })
    const params = rawParams as ConnectParams
    connection.protocol = negotiateProtocol(params)
    connection.client = params.client
    const admission = await options.authenticate({ params, ingress: connection.ingress, headers, takeNonce: nonceOf(connection) })
    // Whoever left, or was shown out, while this was decided is not counted among those who are in.
    if (connection.state !== 'connecting') return undefined
    if (options.isFull()) throw new GatewayError('BUSY', { message: 'too many connections' })
    admission.confirm()
    connection.caller = admission.caller
    connection.declared = admission.declared
    if (params.caps?.length) connection.caps = new Set(params.caps)
    return { hello: options.welcome(connection, admission), delivered: admission.delivered }
  }

  return async (connection, text, headers) => {
    if (text.length > wireLimits.preauthBytes) {
      options.onRefused(connection, undefined, 'preauth payload too large')
      return connection.close(closeCodes.tooLarge, '')
    }
    const first = readFirstFrame(text)
    if ('hangUp' in first) {
      options.onRefused(connection, undefined, first.reason || 'unparsable first frame')
      return connection.close(first.hangUp, first.reason)
    }
    if ('error' in first) return refuse(connection, first.id, first.error)
    connection.state = 'connecting'
    try {
      const admitted = await admit(connection, first.params, headers)
      if (!admitted) return
      connection.state = 'connected'
      const { hello, delivered } = admitted
      connection.sendText(`{"type":"res","id":${JSON.stringify(first.id)},"ok":true,"payload":${hello}}`, delivered && (error => {
        if (!error) delivered().catch(cause => log.error({ err: cause }, 'a used setup code could not be marked as used'))
      }))
    } catch (thrown) {
      connection.caller = undefined
      const error = isGatewayError(thrown)
        ? thrown
        : new GatewayError('INTERNAL', { details: toWireError(thrown, log, 'connect').details as { [key: string]: unknown } })
      refuse(connection, first.id, error)
    }
  }
}
