/** Why a call of the gateway failed: the way there (`transport`), or the gateway said no (`request`). */
export interface ClientFailure {
  kind: 'transport' | 'request'
  /** Transport: `closed`, `timeout`, `refused`. Request: the code of the error frame. */
  code: string
  message: string
  details?: { readonly [key: string]: unknown }
  retryable?: boolean
  retryAfterMs?: number
  /** What the system or the close frame said. */
  reason?: string
  closeCode?: number
  httpStatus?: number
  cause?: unknown
}

export class GatewayClientError extends Error {
  readonly kind: ClientFailure['kind']
  readonly code: string
  readonly details: { readonly [key: string]: unknown }
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly reason: string | undefined
  readonly closeCode: number | undefined
  readonly httpStatus: number | undefined

  constructor (failure: ClientFailure) {
    super(failure.message, failure.cause === undefined ? undefined : { cause: failure.cause })
    this.name = 'GatewayClientError'
    this.kind = failure.kind
    this.code = failure.code
    this.details = failure.details ?? {}
    this.retryable = failure.retryable ?? false
    this.retryAfterMs = failure.retryAfterMs
    this.reason = failure.reason
    this.closeCode = failure.closeCode
    this.httpStatus = failure.httpStatus
  }

  /** The specific code inside the coarse one, e.g. AUTH_TOKEN_MISMATCH. */
  get detailCode (): string | undefined {
    return typeof this.details['code'] === 'string' ? this.details['code'] : undefined
  }
}

const asDetails = (value: unknown): ClientFailure['details'] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value as { [key: string]: unknown } : {}

/** An `error` of a response frame, whatever a foreign gateway put into it. */
export function requestError (error: unknown): GatewayClientError {
  const shape = asDetails(error)!
  return new GatewayClientError({
    kind: 'request',
    code: typeof shape['code'] === 'string' ? shape['code'] : 'UNKNOWN',
    message: typeof shape['message'] === 'string' ? shape['message'] : 'the gateway refused the request without saying why',
    details: asDetails(shape['details']),
    retryable: shape['retryable'] === true,
    ...(typeof shape['retryAfterMs'] === 'number' ? { retryAfterMs: shape['retryAfterMs'] } : {})
  })
}

export const isClientError = (value: unknown): value is GatewayClientError => value instanceof GatewayClientError
