/** Refusals and failed runs in OpenAI's shape. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { RunResult } from '../../agent/room.ts'
import { errorBody, refusalOf, sendError } from '../../http/error-handler.ts'
import { errorTable, GatewayError, isGatewayError, type ErrorCode } from '../../protocol/errors.ts'

export interface OpenAiErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly code: string
    readonly param: string | null
    readonly [field: string]: unknown
  }
}

/** A field that cannot be taken. `code` is the word that OpenAI has for it, where it has one. */
export const invalid = (message: string, param?: string, code?: string): GatewayError => new GatewayError('INVALID_PARAMS', {
  message, details: { ...(param === undefined ? {} : { param }), ...(code === undefined ? {} : { openAiCode: code }) }
})

export function openAiBody (error: GatewayError): OpenAiErrorBody {
  const { message, type, code, details = {}, ...rest } = errorBody(error).error
  const { param, openAiCode, ...more } = details as { param?: string, openAiCode?: string }
  return {
    error: {
      message,
      type: error.status >= 500 ? 'api_error' : error.status === 429 ? 'rate_limited' : type,
      code: openAiCode ?? code,
      param: param ?? null,
      ...rest,
      ...(Object.keys(more).length > 0 ? { details: more } : {})
    }
  }
}

/** For `errorHandler` of a route. */
export function answerRefusal (error: FastifyError | GatewayError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(reply, refusalOf(error, request), openAiBody)
}

/** OpenAI's clients ask again by themselves; a turn of a conversation that goes on must not be said twice. */
export const withoutRetry = (reply: FastifyReply): FastifyReply => reply.header('x-should-retry', 'false')

/** What became of the model, as a refusal. Credentials of this gateway are none of the client's, so they are never a 401 or 403 of his. */
const modelFailures: { readonly [kind: string]: ErrorCode } = {
  rate_limit: 'MODEL_RATE_LIMITED',
  overloaded: 'MODEL_OVERLOADED',
  timeout: 'RUN_TIMED_OUT',
  model_not_found: 'MODEL_UNKNOWN',
  context_overflow: 'MODEL_REFUSED',
  refusal: 'MODEL_REFUSED',
  auth: 'MODEL_FAILED',
  billing: 'MODEL_FAILED',
  server_error: 'MODEL_FAILED',
  network: 'MODEL_FAILED'
}
const openAiCodes: { readonly [kind: string]: string } = { context_overflow: 'context_length_exceeded', refusal: 'content_filter' }

export interface ModelFailure {
  readonly kind: string
  readonly message: string
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
}

/** Why there is no answer; undefined when there is one. */
export function failureOf ({ outcome, stopReason, error, runId }: RunResult): GatewayError | undefined {
  if (outcome === 'ok') return undefined
  const details = { runId }
  if (outcome === 'aborted') return new GatewayError(stopReason === 'shutdown' ? 'STOPPING' : 'RUN_ABORTED', { details })
  if (outcome === 'timeout' || !error) return new GatewayError(outcome === 'timeout' ? 'RUN_TIMED_OUT' : 'INTERNAL', { details })
  return failureOfModel(error, details)
}

function codeOf ({ kind, status = 0 }: ModelFailure): ErrorCode {
  if (kind === 'format') return status >= 400 && status < 500 ? 'MODEL_REFUSED' : 'MODEL_FAILED'
  // Refusals of this gateway keep their code.
  const own = kind.toUpperCase()
  return modelFailures[kind] ?? (own in errorTable ? own as ErrorCode : 'INTERNAL')
}

/** A model that could not answer, or something that kept it from answering. */
export function failureOfModel (failure: ModelFailure, details: object = {}): GatewayError {
  const { kind, message, retryAfterMs } = failure
  const code = codeOf(failure)
  const openAiCode = openAiCodes[kind]
  return new GatewayError(code, {
    // What broke here is for the log.
    ...(code === 'INTERNAL' ? {} : { message }),
    details: { ...details, ...(openAiCode === undefined ? {} : { openAiCode }) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
}

/** Whatever was thrown once an answer has begun: there is no status left to say it with. */
export function lateBody (error: unknown): OpenAiErrorBody {
  return openAiBody(isGatewayError(error) ? error : new GatewayError('INTERNAL', { cause: error }))
}
