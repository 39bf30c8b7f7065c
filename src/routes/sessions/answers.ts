/** The answers about conversations, from the same rooms as the methods that do the same. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { commandOf, type Command } from '../../agent/commands.ts'
import type { RunResult } from '../../agent/room.ts'
import type { Caller } from '../../auth/caller.ts'
import { clientGone } from '../../http/client-gone.ts'
import { openSse } from '../../http/sse.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { readPage } from '../../sessions/display/history.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { SessionTarget } from '../../sessions/room.ts'
import type { Telling } from '../requests/narration.ts'
import { RequestCanceled, type Exchange, type Prepared, type Requests } from '../requests/requests.ts'
import { wholeReply } from '../requests/whole-reply.ts'
import { isObject, messageOf, wordIn, type Message } from './message.ts'
import { listQuery, numberOf, wordOf } from './query.ts'
import type { Answers, SessionRequest, SessionRoutesOptions } from './sessions.ts'

const via = 'http.session'

const defaultLimit = 200
const maxLimit = 1000
const defaultMaxChars = 8_000
const mostChars = 500_000
/** Said twice, under both names that clients know. */
const mostPageBytes = 3 * 1024 * 1024

const sendJson = (reply: FastifyReply, text: string): FastifyReply => reply.header('content-type', 'application/json; charset=utf-8').send(text)

const unknownSession = (name: string): GatewayError =>
  new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${name}`, details: { key: name } })

function mayReset ({ allows }: Caller): void {
  if (allows.has('operator.admin')) return
  throw new GatewayError('MISSING_SCOPE', {
    message: 'missing scope: operator.admin', details: { missingScope: 'operator.admin', requiredScopes: ['operator.admin'] }
  })
}

const fingerprintOf = (target: SessionTarget, { text, images, thinking }: Message): string =>
  createHash('sha256').update(JSON.stringify([target.key, text, images, thinking])).digest('hex').slice(0, 32)

/** Undefined for a run that came to its end. */
function refusalOf ({ outcome, stopReason, error, runId, sessionKey }: RunResult): GatewayError | undefined {
  if (outcome === 'ok') return undefined
  const details = { runId, sessionKey, ...(error ? { kind: error.kind } : {}) }
  if (outcome === 'aborted') return new GatewayError(stopReason === 'shutdown' ? 'STOPPING' : 'REQUEST_CANCELED', { details })
  const isOurs = error === undefined || error.kind === 'internal'
  return new GatewayError('RUN_FAILED', { ...(isOurs ? {} : { message: error.message }), details })
}

/** An event of a stream; ids are with each, so that a line read alone makes sense. */
function eventOf ({ type, data: { stopReason: _stopReason, error, ...data } }: Telling, place: object): string {
  const failure = error as RunResult['error']
  const told = failure === undefined
    ? {}
    : { error: failure.kind === 'internal' ? { type: 'internal_error', message: 'the run failed' } : { type: failure.kind, message: failure.message } }
  return JSON.stringify({ type, ...place, ...data, ...told })
}

export async function createAnswers ({ config, runs, sessions: room, requests: load }: SessionRoutesOptions): Promise<Answers> {
  const requests: Requests = await load()

  function locate ({ params, query, caller }: SessionRequest): SessionTarget {
    return room.as(caller!).locate(params.key, wordOf(query, 'agentId'))
  }

  async function existing (request: SessionRequest): Promise<{ target: SessionTarget, record: SessionRecord }> {
    const target = locate(request)
    const sessions = room.as(request.caller!)
    await sessions.ready
    const record = sessions.get(target.key)
    if (!record) throw unknownSession(target.name)
    return { target, record }
  }

  function runOf (target: SessionTarget, message: Message, command: Command | undefined, caller: Caller): Prepared {
    const { text, images, thinking, timeoutMs } = message
    return {
      sessionKey: target.key,
      message: command?.kind === 'reset' ? command.rest : text,
      ...(command?.kind === 'reset' ? { anew: command.trigger.replace(/^\//, '') } : {}),
      ...(images.length > 0 ? { images } : {}),
      ...(thinking ? { thinking } : {}),
      ...(timeoutMs ? { timeoutMs } : {}),
      thoughts: true,
      origin: { senderIsOwner: caller.owner }
    }
  }

  async function answerWhole (reply: FastifyReply, exchange: Exchange): Promise<FastifyReply> {
    const result = await exchange.result
    const refusal = refusalOf(result)
    if (refusal) throw refusal
    const { runId, sessionKey, sessionId, agentId, usage } = result
    const content = await wholeReply(room, result)
    return reply.send({
      ok: true, runId, sessionKey, sessionId, agentId, message: { role: 'assistant', content }, ...(usage ? { usage } : {})
    })
  }

  function answerEvents (reply: FastifyReply, exchange: Exchange, place: object, lastId: number): FastifyReply {
    const sse = openSse(reply)
    const stop = exchange.follow((id, telling) => sse.send({ event: telling.type, id: String(id), data: eventOf(telling, place) }), lastId)
    sse.gone.addEventListener('abort', stop, { once: true })
    void exchange.result.then(() => sse.end())
    return reply
  }

  async function stop (key: string, runId?: string): Promise<string[]> {
    const isHere = runId === undefined || [...runs.active(key), ...runs.pending(key)].some(run => run.runId === runId)
    return isHere ? (await runs.abort({ sessionKey: key, ...(runId ? { runId } : {}) })).runIds : []
  }

  const runIdIn = ({ body }: SessionRequest): string | undefined => isObject(body) ? wordIn(body, 'runId') : undefined

  return {
    async list ({ query, caller }, reply) {
      const sessions = room.as(caller!)
      await sessions.ready
      return sendJson(reply, sessions.list(listQuery(query)))
    },
    async show (request, reply) {
      const { target: { key }, record } = await existing(request)
      const { query, caller } = request
      const row = room.as(caller!).describe(record.key, {
        includeDerivedTitles: wordOf(query, 'includeDerivedTitles') === 'true', includeLastMessage: wordOf(query, 'includeLastMessage') === 'true'
      })
      const activity = {
        activeRuns: runs.active(key).map(({ runId, startedAtMs }) => ({ runId, startedAt: startedAtMs })),
        pendingRuns: runs.pending(key).map(({ runId, state, atMs }) => ({ runId, state, acceptedAt: atMs }))
      }
      return sendJson(reply, `{"session":${row ?? 'null'},${JSON.stringify(activity).slice(1)}`)
    },
    async history (request, reply) {
      const { target, record } = await existing(request)
      const { query } = request
      const { messages, hasMore, nextOffset, totalMessages } = await readPage(room.as(request.caller!).lines, record, {
        limit: numberOf(query, 'limit', 1, maxLimit) ?? defaultLimit,
        offset: numberOf(query, 'cursor', 0, Number.MAX_SAFE_INTEGER) ?? 0,
        maxChars: numberOf(query, 'maxChars', 1, mostChars) ?? defaultMaxChars,
        maxBytes: mostPageBytes
      })
      const head = JSON.stringify({ sessionKey: target.name, sessionId: record.sessionId })
      const rest = JSON.stringify({ hasMore, ...(nextOffset === undefined ? {} : { nextCursor: String(nextOffset) }), totalMessages })
      const list = messages.join(',')
      return sendJson(reply, `${head.slice(0, -1)},"items":[${list}],"messages":[${list}],${rest.slice(1)}`)
    },
    async send (request, reply) {
      const { headers, caller, params, query } = request
      const headerKey = headers['idempotency-key']
      const message = messageOf(request.body, typeof headerKey === 'string' ? headerKey : undefined)
      const target = room.as(caller!).target(params.key, wordOf(query, 'agentId') ?? message.agentId)
      const { gateway, session } = config().config
      const command = commandOf(message.text, session.resetTriggers)
      if (command?.kind === 'stop') {
        const runIds = await stop(target.key)
        return reply.send({ ok: true, aborted: runIds.length > 0, runIds })
      }
      if (command) mayReset(caller!)
      const { idempotencyKey } = message
      const wantsEvents = /\btext\/event-stream\b/i.test(headers.accept ?? '')
      const exchange = requests.begin({
        caller: caller!,
        via,
        key: idempotencyKey ?? randomUUID(),
        isChosen: idempotencyKey !== undefined,
        fingerprint: idempotencyKey === undefined ? '' : fingerprintOf(target, message),
        about: {},
        graceMs: idempotencyKey === undefined ? 0 : gateway.dataPlane.resumeSeconds * 1000,
        prepare: async () => runOf(target, message, command, caller!)
      })
      exchange.attend(clientGone(reply.raw))
      try {
        const { runId, sessionKey } = await exchange.accepted
        const lastId = Number(/^\d{1,9}$/.exec(String(headers['last-event-id']))?.[0] ?? 0)
        return await (wantsEvents ? answerEvents(reply, exchange, { runId, sessionKey }, lastId) : answerWhole(reply, exchange))
      } catch (error) {
        throw error instanceof RequestCanceled ? new GatewayError('REQUEST_CANCELED') : error
      }
    },
    async abort (request, reply) {
      const runIds = await stop(locate(request).key, runIdIn(request))
      return reply.send({ ok: true, aborted: runIds.length > 0, runIds })
    },
    async kill (request, reply) {
      const { target } = await existing(request)
      const runIds = await stop(target.key, runIdIn(request))
      return reply.send({ ok: true, killed: runIds.length > 0, runIds })
    }
  }
}
