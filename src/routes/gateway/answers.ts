/** The answers of the data plane. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientGone } from '../../http/client-gone.ts'
import { refusalOf } from '../../http/error-handler.ts'
import { openSse, type SseStream } from '../../http/sse.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Telling } from '../requests/narration.ts'
import { RequestCanceled, type Exchange } from '../requests/requests.ts'
import { wholeReply } from '../requests/whole-reply.ts'
import { createDesk, Ignored, via, type Accepted, type Desk } from './desk.ts'
import { decode, messageFields, requestIdOf, type MessageFields } from './fields.ts'
import type { Answers, DataPlaneOptions } from './gateway.ts'
import { statusBody } from './status.ts'
import { eventOf, headerId, json, refuseMessage, sendResult, uploadsOf, type Ids } from './wire.ts'

/** Without a credential anybody's web page could send a form; it cannot send JSON. */
function checkType ({ caller, headers }: FastifyRequest): void {
  if (caller!.method === 'none' && !/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '')) {
    throw new GatewayError('UNSUPPORTED_MEDIA_TYPE')
  }
}

const bodyOf = (request: FastifyRequest): unknown => {
  checkType(request)
  return decode(typeof request.body === 'string' ? request.body : '')
}

const lastEventId = ({ headers }: FastifyRequest): number | undefined => {
  const value = headers['last-event-id']
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}

const isLast = ({ type }: Telling): boolean => type === 'run.completed' || type === 'run.canceled' || type === 'run.error'

interface Tune { readonly fields: MessageFields['stream'], readonly ids: Ids, readonly after: number }

/** Tells an exchange to its end. */
function play (sse: SseStream, exchange: Exchange, { fields, ids, after }: Tune): void {
  if (fields.queueEvents && exchange.isQueued()) sse.send({ event: 'run.queued', data: JSON.stringify({ type: 'run.queued', ...ids }) })
  const stop = exchange.follow((id, telling) => {
    const isLeftOut = telling.isLate && !fields.progressAfterText
    if (!isLeftOut) sse.send({ event: telling.type, id: String(id), data: JSON.stringify(eventOf(telling, ids)) })
    if (isLast(telling)) sse.end()
  }, after)
  sse.gone.addEventListener('abort', stop, { once: true })
  // All of it may have been told before.
  void exchange.result.then(() => sse.end())
}

interface Arrived { readonly fields: MessageFields, readonly requestId: string }

export function createAnswers (options: DataPlaneOptions): Promise<Answers> {
  return options.requests().then(requests => {
    const desk: Desk = createDesk(options, requests)
    const { sessions } = options

    /** What is known of a request from here on is said with every answer. */
    function arrive (request: FastifyRequest, reply: FastifyReply): Arrived {
      const fields = messageFields(bodyOf(request))
      const requestId = desk.requestIdOf(fields, request.caller!)
      reply.header('x-request-id', headerId(requestId))
      return { fields, requestId }
    }

    /** The caller waits, until it goes. */
    function attend ({ exchange }: Pick<Accepted, 'exchange'>, { fields }: Pick<Arrived, 'fields'>, reply: FastifyReply): void {
      exchange.attend(fields.detach ? undefined : clientGone(reply.raw))
    }

    /** Undefined when the refusal is out already. */
    async function accept (arrived: Arrived, request: FastifyRequest, reply: FastifyReply): Promise<Accepted | 'ignored' | undefined> {
      const { fields, requestId } = arrived
      try {
        const accepted = desk.accept(fields, requestId, request.caller!)
        attend(accepted, arrived, reply)
        await accepted.exchange.accepted
        return accepted
      } catch (error) {
        if (error instanceof Ignored) return 'ignored'
        const refusal = error instanceof RequestCanceled ? new GatewayError('REQUEST_CANCELED') : refusalOf(error as GatewayError, request)
        // Not the reply itself: whoever waits for it waits until it is out.
        void refuseMessage(reply, refusal, { request_id: requestId })
        return undefined
      }
    }

    function openStream (reply: FastifyReply): SseStream {
      return openSse(reply, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } })
    }

    return {
      async messages (request, reply) {
        const arrived = arrive(request, reply)
        const accepted = await accept(arrived, request, reply)
        if (accepted === 'ignored') return json(reply, 200, { ignored: true })
        if (!accepted) return reply
        const { exchange, sessionId, uploads } = accepted
        const result = await exchange.result
        const text = await wholeReply(sessions, result)
        return sendResult(reply, result, text, { session_id: sessionId, request_id: arrived.requestId }, uploadsOf(uploads()))
      },
      async stream (request, reply) {
        const arrived = arrive(request, reply)
        const { fields, requestId } = arrived
        const after = lastEventId(request)
        const known = after === undefined ? undefined : requests.resume({ caller: request.caller!, via, key: requestId })
        if (known) {
          attend({ exchange: known }, arrived, reply)
          await known.accepted
          const ids = { session_id: known.about.sessionId, request_id: requestId }
          play(openStream(reply), known, { fields: fields.stream, ids, after: after! })
          return reply
        }
        const accepted = await accept(arrived, request, reply)
        if (accepted === 'ignored') {
          const sse = openStream(reply)
          sse.send({ event: 'run.ignored', id: '1', data: '{"type":"run.ignored","ignored":true}' })
          sse.send({ event: 'run.completed', id: '2', data: '{"type":"run.completed"}' })
          sse.end()
          return reply
        }
        if (!accepted) return reply
        const ids = { session_id: accepted.sessionId, request_id: requestId }
        play(openStream(reply), accepted.exchange, { fields: fields.stream, ids, after: 0 })
        return reply
      },
      async status (request, reply) {
        const { request_id: id } = request.query as { request_id?: unknown }
        const requestId = typeof id === 'string' ? id.trim() : ''
        if (requestId === '') return refuseMessage(reply, new GatewayError('INVALID_PARAMS', { message: 'missing request_id' }))
        reply.header('x-request-id', headerId(requestId))
        const report = await requests.report({ caller: request.caller!, via, key: requestId })
        if (report) {
          const text = report.result ? await wholeReply(sessions, report.result) : ''
          return json(reply, 200, statusBody(requestId, report, text))
        }
        if (desk.wasIgnored(requestId, request.caller!)) return json(reply, 200, { request_id: requestId, status: 'ignored', ignored: true })
        const message = `no request "${requestId.slice(0, 100)}": it is unknown here, or was forgotten a day after it ended`
        throw new GatewayError('NOT_FOUND', { message })
      },
      async cancel (request, reply) {
        const requestId = requestIdOf(bodyOf(request))
        reply.header('x-request-id', headerId(requestId))
        const canceled = await requests.cancel({ caller: request.caller!, via, key: requestId })
        return json(reply, 200, { canceled, request_id: requestId })
      },
      refused: (error, request, reply) => refuseMessage(reply, refusalOf(error as GatewayError, request))
    }
  })
}
