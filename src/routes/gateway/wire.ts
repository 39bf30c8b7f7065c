/** How things are said on this wire: snake case, its own error types, and the same shape for every refusal. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RunError, RunResult } from '../../agent/room.ts'
import { errorBody, sendError } from '../../http/error-handler.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Usage } from '../../protocol/transcript.ts'
import type { Telling } from '../requests/narration.ts'
import type { Upload } from './uploads.ts'

export const fallbackReply = "I didn't produce a visible reply. Please try again."

export interface Ids { readonly request_id?: string, readonly session_id?: string }

/** Ids may hold what no header can. */
export const headerId = (id: string): string => /^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed())

export function usageOf (usage: Usage | undefined): object | undefined {
  if (!usage || usage.totalTokens + usage.input + usage.output + usage.cacheRead + usage.cacheWrite === 0) return undefined
  const prompt = usage.input + usage.cacheRead + usage.cacheWrite
  const details = {
    ...(usage.cacheRead > 0 ? { cached_tokens: usage.cacheRead, cache_read_tokens: usage.cacheRead } : {}),
    ...(usage.cacheWrite > 0 ? { cache_creation_tokens: usage.cacheWrite } : {})
  }
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    ...(Object.keys(details).length > 0 ? { prompt_tokens_details: details } : {})
  }
}

export const uploadsOf = (uploads: readonly Upload[]): object =>
  uploads.length === 0 ? {} : { uploads: uploads.map(({ fileId, name, bytes }) => ({ file_id: fileId, filename: name, bytes })) }

const types: { readonly [code: string]: string } = {
  MODEL_NOT_AVAILABLE: 'invalid_model', USER_NOT_ALLOWED: 'unauthorized', IDEMPOTENCY_CONFLICT: 'conflict', REQUEST_CANCELED: 'canceled'
}

function typeOf ({ code, status }: GatewayError): string {
  const own = types[code]
  if (own !== undefined) return own
  if (status === 429) return 'rate_limited'
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (code === 'NOT_FOUND') return 'not_found'
  if (status === 409) return 'conflict'
  if (status === 503) return 'unavailable'
  return status < 500 ? 'invalid_request' : 'internal_error'
}

/** The same refusal as this wire knows it. */
function worded (error: GatewayError, { routeOptions }: FastifyRequest): GatewayError {
  const { code, status, message, retryAfterMs } = error
  if (code === 'BUSY') return new GatewayError('TOO_MANY_REQUESTS', { message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  // What is not there was named by the request, unless it is the route.
  if (status === 404 && code !== 'NOT_FOUND') return new GatewayError('INVALID_PARAMS', { message })
  if (code !== 'PAYLOAD_TOO_LARGE' || error.details.limitBytes !== routeOptions.bodyLimit) return error
  return new GatewayError(code, {
    message: `request body exceeds max_body_bytes (${routeOptions.bodyLimit} bytes)`, details: { limitBytes: routeOptions.bodyLimit }
  })
}

export function refuseMessage (reply: FastifyReply, error: GatewayError, ids: Ids = {}): FastifyReply {
  return sendError(reply, worded(error, reply.request), refusal => {
    const { error: body } = errorBody(refusal) as { error: object }
    return { error: { ...body, type: typeOf(refusal) }, ...ids }
  })
}

/** What a program may hear of a failure: the words of a provider, but nothing of the inside of the gateway. */
export function failureOf ({ kind, message }: RunError): { type: string, message: string } {
  if (kind === 'internal') return { type: 'internal_error', message: 'the run failed; the log of the gateway has the cause' }
  return { type: kind, message }
}

export const json = (reply: FastifyReply, status: number, body: object): FastifyReply =>
  reply.code(status).header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store').send(`${JSON.stringify(body)}\n`)

/** The answer to a message that had its run. */
export function sendResult (reply: FastifyReply, result: RunResult, text: string, ids: Ids, more: object): FastifyReply {
  const { outcome, stopReason, usage, error } = result
  if (outcome === 'ok') {
    const used = usageOf(usage)
    return json(reply, 200, { ...ids, reply: text.trim() === '' ? fallbackReply : text, ...(used ? { usage: used } : {}), ...more })
  }
  if (outcome === 'aborted' && stopReason === 'shutdown') {
    return refuseMessage(reply, new GatewayError('STOPPING', {
      message: 'the gateway is restarting; send the request again with the same request_id to hear how it ends'
    }), ids)
  }
  if (outcome === 'aborted') return refuseMessage(reply, new GatewayError('REQUEST_CANCELED'), ids)
  const { message } = failureOf(error ?? { kind: 'internal', message: '' })
  return json(reply, 500, { error: { type: 'internal_error', message }, ...ids })
}

const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** One event of a stream. */
export function eventOf ({ type, data }: Telling, ids: Ids): object {
  const fields: { [name: string]: unknown } = { type, ...ids }
  for (const [name, value] of Object.entries(data)) if (name !== 'stopReason') fields[snake(name)] = value
  if ('usage' in data) fields.usage = usageOf(data.usage as Usage | undefined)
  if ('error' in data) fields.error = failureOf(data.error as RunError)
  if (type === 'message.completed') fields.reply = String(data.reply).trim() || fallbackReply
  return fields
}
