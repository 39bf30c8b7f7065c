/** Responses that were asked for before: read again, followed, cancelled and deleted by whoever made them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openSse, type SseStream } from '../../../http/sse.ts'
import { GatewayError } from '../../../protocol/errors.ts'
import { parseKey } from '../../../sessions/keys.ts'
import { invalid } from '../errors.ts'
import type { Desk, Known } from './desk.ts'
import { headOf } from './placing.ts'
import type { ResponseEvent } from './shapes.ts'
import { inputItems } from './stored.ts'

interface Query { readonly [name: string]: unknown }

const idOf = ({ params }: FastifyRequest): string => (params as { id: string }).id
const queryOf = ({ query }: FastifyRequest): Query => query as Query

async function knownOf (request: FastifyRequest, { options, find }: Desk): Promise<Known> {
  await options.ready()
  const known = await find(idOf(request), request.caller!)
  if (known) return known
  throw new GatewayError('NOT_FOUND', {
    message: `Response with id '${idOf(request).slice(0, 64)}' not found.`, details: { param: 'response_id' }
  })
}

export const sendEvent = (sse: SseStream, event: ResponseEvent): void => sse.send({ event: event.type, data: JSON.stringify(event) })

export function endStream (sse: SseStream): void {
  sse.send({ data: '[DONE]' })
  sse.end()
}

/** For whoever waits for an answer of which nothing more will be heard here. */
export const breakOff = (number: number): ResponseEvent => ({
  type: 'error',
  sequence_number: number,
  code: 'server_error',
  message: 'The gateway is restarting; the work goes on afterwards. Ask for the response again.',
  param: null
})

function placeOf ({ starting_after: after }: Query): number {
  if (after === undefined) return -1
  const place = Number(after)
  if (!Number.isSafeInteger(place) || place < 0) throw invalid('`starting_after` must be the number of an event.', 'starting_after')
  return place
}

/** Where what was told is not known any more the end is told, which has everything. */
async function tellEnd (sse: SseStream, known: Known, after: number, desk: Desk): Promise<void> {
  const { runId } = known.record
  while (!sse.gone.aborted) {
    const now = await desk.find(`resp_${known.record.name}`, known.record)
    if (!now) return
    if (now.ending) {
      const events: ResponseEvent[] = []
      desk.response(now, event => events.push(event))
      if (after < 0) for (const event of events) sendEvent(sse, event)
      else sendEvent(sse, { ...events.at(-1)!, sequence_number: after + 1 })
      return
    }
    if (!await desk.options.runs.wait(runId, 60_000, sse.gone)) continue
    // Settled, but put down by a gateway that stops.
    if (desk.options.unavailable()) return sendEvent(sse, breakOff(after + 1))
  }
}

export function streamAgain (known: Known, after: number, reply: FastifyReply, desk: Desk): undefined {
  const sse = openSse(reply)
  const live = desk.lives.get(known.record.name)
  const leave = live?.follow(after, {
    event: event => sendEvent(sse, event),
    closed: () => endStream(sse)
  })
  if (leave) {
    sse.gone.addEventListener('abort', leave, { once: true })
    return undefined
  }
  void tellEnd(sse, known, after, desk)
    .catch((err: unknown) => desk.options.log.error({ err, runId: known.record.runId }, 'a response could not be told'))
    .finally(() => endStream(sse))
  return undefined
}

export async function retrieve (request: FastifyRequest, reply: FastifyReply, desk: Desk): Promise<object | undefined> {
  const query = queryOf(request)
  const after = placeOf(query)
  const known = await knownOf(request, desk)
  reply.header('cache-control', 'no-store')
  return query.stream === 'true' ? streamAgain(known, after, reply, desk) : desk.response(known)
}

export async function cancel (request: FastifyRequest, reply: FastifyReply, desk: Desk): Promise<object> {
  const { record, ending } = await knownOf(request, desk)
  if (!record.echo.background) {
    throw invalid('Only responses with `background` can be cancelled; the others end when the connection is closed.', 'response_id')
  }
  if (!ending) await desk.options.runs.abort({ runId: record.runId, sessionKey: record.sessionKey, origin: 'cancel' })
  reply.header('cache-control', 'no-store')
  return desk.response(await knownOf(request, desk))
}

/** A conversation of this response alone goes with it. */
async function forgetConversation ({ record }: Known, { options }: Desk): Promise<void> {
  const { sessionKey, runId, echo } = record
  const { sessions, runs } = options
  const isOneShot = parseKey(sessionKey).oneShot === true && echo.previous_response_id === null
  if (isOneShot && headOf(sessionKey, sessions, runs) === runId) await sessions.parts.writer.change(sessionKey, () => ({ remove: true, reason: 'delete' }))
}

export async function remove (request: FastifyRequest, _reply: FastifyReply, desk: Desk): Promise<object> {
  const known = await knownOf(request, desk)
  const { name, runId, sessionKey } = known.record
  if (!known.ending) await desk.options.runs.abort({ runId, sessionKey, origin: 'delete' })
  await desk.records.delete(name)
  desk.lives.forget(name)
  await forgetConversation(known, desk)
  return { id: idOf(request), object: 'response', deleted: true }
}

const maxPage = 100

export async function listInput (request: FastifyRequest, reply: FastifyReply, desk: Desk): Promise<object> {
  const { order = 'desc', limit = '20', after } = queryOf(request)
  const size = Number(limit)
  if (!Number.isInteger(size) || size < 1 || size > maxPage) throw invalid(`\`limit\` must be a whole number between 1 and ${maxPage}.`, 'limit')
  if (order !== 'asc' && order !== 'desc') throw invalid('`order` must be asc or desc.', 'order')
  const items = inputItems((await knownOf(request, desk)).messages.given)
  if (order === 'desc') items.reverse()
  const at = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && at === 0) throw invalid('`after` must be the id of an item of this response.', 'after')
  const data = items.slice(at, at + size)
  reply.header('cache-control', 'no-store')
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: at + size < items.length }
}
