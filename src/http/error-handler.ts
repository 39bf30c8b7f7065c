import { randomUUID } from 'node:crypto'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'

/** The `type` that HTTP clients of the contract branch on. */
const httpTypes: { readonly [code: string]: string } = {
  AUTH_RATE_LIMITED: 'rate_limited',
  TOO_MANY_REQUESTS: 'rate_limited',
  KEY_RATE_LIMITED: 'rate_limited',
  KEY_RUNS_EXCEEDED: 'rate_limited',
  KEY_BUDGET_SPENT: 'rate_limited',
  KEY_NOT_ALLOWED: 'forbidden',
  KEY_OWN_SESSIONS_ONLY: 'forbidden',
  PROXY_ATTRIBUTION_REQUIRED: 'proxy_attribution_required',
  PROXY_CLIENT_UNKNOWN: 'proxy_attribution_required',
  MISSING_SCOPE: 'forbidden',
  HOST_NOT_ALLOWED: 'host_not_allowed',
  CONTROL_UI_ORIGIN_NOT_ALLOWED: 'origin_not_allowed',
  CROSS_SITE_REQUEST: 'cross_site_request',
  URL_TOKEN_NOT_ALLOWED: 'invalid_request_error',
  INTERNAL: 'internal_error',
  NOT_FOUND: 'not_found',
  SESSION_UNKNOWN: 'not_found',
  REQUEST_CANCELED: 'canceled',
  RUN_FAILED: 'internal_error'
}

const typeOf = (error: GatewayError): string => httpTypes[error.code] ??
  (error.status === 401 ? 'unauthorized' : error.status === 503 ? 'service_unavailable' : error.status < 500 ? 'invalid_request_error' : 'internal_error')

/** The contract's sentences where it has one for HTTP; otherwise the sentence of the table. */
const httpMessages: { readonly [code: string]: string } = {
  AUTH_RATE_LIMITED: 'Too many failed authentication attempts. Please try again later.'
}

export interface ErrorBody {
  readonly error: { readonly message: string, readonly type: string, readonly code: string, readonly [field: string]: unknown }
}

export function errorBody (error: GatewayError): ErrorBody {
  const message = error.status === 401 ? 'Unauthorized' : httpMessages[error.code] ?? error.message
  const { code, nextStep, ...details } = error.details as { code: string, nextStep: string }
  const { retryAfterMs } = error.toWire()
  return {
    error: {
      message,
      type: typeOf(error),
      code,
      nextStep,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(Object.keys(details).length > 0 ? { details } : {})
    }
  }
}

/** `bodyOf` is for surfaces whose clients know another shape. */
export function sendError (reply: FastifyReply, error: GatewayError, bodyOf: (error: GatewayError) => object = errorBody): FastifyReply {
  if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)))
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="openclaw-gateway"')
  // The rest of a body that was refused unread must not keep the socket busy, and a refused upgrade leaves nothing to go on with.
  const { headers } = reply.request
  if (headers['content-length'] ?? headers['transfer-encoding'] ?? headers.upgrade) reply.header('connection', 'close')
  return reply.code(error.status).send(bodyOf(error))
}

/** Without a query and without a fragment, which browsers keep to themselves: either may hold a token. */
const pathOf = ({ url }: FastifyRequest): string => url.split(/[?#]/, 1)[0]!.slice(0, 200)

/** Fastify's own refusals in our words. */
function translate (error: FastifyError, request: FastifyRequest): GatewayError {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return new GatewayError('PAYLOAD_TOO_LARGE', { message: 'Payload too large', details: { limitBytes: request.routeOptions.bodyLimit } })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return new GatewayError('UNSUPPORTED_MEDIA_TYPE')
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH': return new GatewayError('INVALID_PARAMS', { message: error.message })
  }
  if (error.validation) return new GatewayError('INVALID_PARAMS', { message: error.message })
  if (error.statusCode === 429) return new GatewayError('TOO_MANY_REQUESTS', { message: error.message })
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return new GatewayError('INVALID_PARAMS', { message: error.message })
  const errorId = randomUUID()
  request.log.error({ err: error, errorId, path: pathOf(request) }, 'request failed unexpectedly')
  return new GatewayError('INTERNAL', { details: { errorId } })
}

/** A path that the router itself cannot read. No hook has seen such a request and none will, so all that they do is done here. */
export function refuseUnreadable ({ raw: { socket } }: FastifyRequest, { raw: response }: FastifyReply): void {
  const body = JSON.stringify(errorBody(new GatewayError('INVALID_PARAMS', { message: 'the path of the URL cannot be read' })))
  response.writeHead(400, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    connection: 'close'
  })
  response.end(body, () => socket.destroySoon())
}

/** Whatever was thrown while a request was answered, as a refusal. */
export const refusalOf = (error: FastifyError | GatewayError, request: FastifyRequest): GatewayError =>
  isGatewayError(error) ? error : translate(error, request)

/** Routes that are off until somebody wants them, with the key below `gateway.http.endpoints`. */
const switches: readonly (readonly [RegExp, string])[] = [
  [/^\/v1\/(?:models|embeddings|chat\/completions)(?:\/|$)/, 'chatCompletions'],
  [/^\/v1\/responses(?:\/|$)/, 'responses'],
  [/^\/api\/v1\/admin\/rpc$/, 'adminRpc'],
  [/^\/mcp$/, 'mcp']
]
/** The path that somebody has put before a path of ours. */
const before = /^(?!\/(?:api|v1|hooks|tools|plugins|webhooks)\/)(\/[\w.~/-]{1,100}?)\/(?:health|ready|metrics|openapi\.json|control-ui-config\.json|tools\/invoke|v1\/|api\/|hooks\/)/

/** Whoever asks for what is switched off, or comes below a path that the gateway was not told of, hears which key that takes. */
function missingKey (path: string, isProxied: boolean): string {
  const off = switches.find(([pattern]) => pattern.test(path))?.[1]
  if (off !== undefined) return `; gateway.http.endpoints.${off}.enabled has it served`
  const below = before.exec(path)?.[1] ?? (isProxied ? /^(\/[\w.~-]{1,100})\/?$/.exec(path)?.[1] : undefined)
  return below === undefined ? '' : `; where a proxy passes on what it serves below ${below}, set gateway.controlUi.basePath to "${below}"`
}

export function registerErrors (fastify: FastifyInstance): void {
  fastify.setErrorHandler((error: FastifyError | GatewayError, request, reply) => sendError(reply, refusalOf(error, request)))
  fastify.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const message = `no route for ${request.method} ${path}${missingKey(path, request.ingress.kind === 'trusted-proxy')}`
    return sendError(reply, new GatewayError('NOT_FOUND', { message }))
  })
}
