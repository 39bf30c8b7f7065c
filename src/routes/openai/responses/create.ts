/** POST /v1/responses: one turn of an agent, as a response that can be streamed, asked for again, and continued. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RunHandle, RunRequest } from '../../../agent/room.ts'
import { runIdFor } from '../../../auth/keys/caller-key.ts'
import { clientGone } from '../../../http/client-gone.ts'
import { openSse } from '../../../http/sse.ts'
import { addresseeOf, agentOfModel, headerOf, type Addressee } from '../addressee.ts'
import { refusalOf } from '../chat/answer.ts'
import { invalid, withoutRetry } from '../errors.ts'
import { bodyOf, type Fields } from '../fields.ts'
import { refuseForExternal } from '../functions.ts'
import { newsOf } from '../news.ts'
import { repeatOf, type Repeat } from '../repeats.ts'
import { readAsked, type Asked } from './asked.ts'
import type { Desk, Known } from './desk.ts'
import { createFileReader } from './files.ts'
import { readInput, type Heard } from './items.ts'
import type { Live } from './lives.ts'
import { placeOf, unknownPrevious } from './placing.ts'
import type { ResponseRecord } from './records.ts'
import { breakOff, endStream, sendEvent, streamAgain } from './retrieve.ts'
import { createSequence } from './sequence.ts'
import { boundedEcho, type ResponseEvent } from './shapes.ts'
import { createTelling, endingOfRun, goesOn } from './telling.ts'

const via = 'http.responses'

/** The same key of the same caller is the same response. */
function nameFor (repeat: Repeat | undefined, principal: string): string {
  if (!repeat) return randomUUID()
  const hash = createHash('sha256').update(JSON.stringify([via, principal, repeat.key])).digest('hex')
  return [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`, hash.slice(20, 32)].join('-')
}

async function previousOf ({ previous }: Asked, { caller }: FastifyRequest, desk: Desk): Promise<Known | undefined> {
  if (previous === undefined) return undefined
  const known = await desk.find(previous, caller!)
  if (known) return known
  throw unknownPrevious(previous)
}

/** Who names no agent goes on with the one that answered before. */
function addressed (request: FastifyRequest, body: Fields, name: string, previous: Known | undefined, { options }: Desk): Addressee {
  const { headers } = request
  const isOpen = agentOfModel(body.model) === undefined && headerOf(headers, 'agent-id') === undefined
  const before = previous && options.sessions.get(previous.record.sessionKey)?.agentId
  return addresseeOf({
    headers,
    caller: request.caller!,
    model: isOpen && before !== undefined ? `openclaw/${before}` : body.model,
    user: body.user,
    family: 'openresponses',
    name
  }, options)
}

async function heardIn (body: Fields, request: FastifyRequest, signal: AbortSignal, desk: Desk): Promise<Heard> {
  const { config, outbound, now } = desk.options
  const files = createFileReader({ config: config(), outbound, documents: desk.documents, signal })
  const heard = await readInput(body.input, {
    now,
    ...files,
    async item (id, place) {
      const item = await desk.item(id, request.caller!)
      if (item) return item
      throw invalid(`Item with id '${id.slice(0, 64)}' not found: it was not stored, or is not there any more.`, place)
    }
  })
  if (heard.messages.length === 0) throw invalid('`input` has nothing to answer.', 'input')
  return heard
}

interface Prepared {
  readonly name: string
  readonly asked: Asked
  readonly run: RunRequest
}

async function prepare (request: FastifyRequest, reply: FastifyReply, desk: Desk): Promise<Prepared> {
  const { options, beginning } = desk
  const caller = request.caller!
  const body = bodyOf(request.body)
  const asked = readAsked(body)
  const { isStored, isBackground, thoughts, instructions } = asked
  await options.ready()
  const signal = clientGone(reply.raw)
  const repeat = repeatOf(request)
  const name = nameFor(repeat, caller.principal)
  const runId = runIdFor(caller.key, name)
  const previous = await previousOf(asked, request, desk)
  const addressee = addressed(request, body, name, previous, desk)
  refuseForExternal(asked.options, addressee.target.agentId, options.config())
  const { system, messages } = await heardIn(body, request, signal, desk)
  const before = repeat && isStored ? await desk.records.get(name, caller.principal) : undefined
  const placing = {
    runId,
    messages,
    addressee,
    isStored,
    isRepeatable: repeat !== undefined,
    previous: previous && { record: previous.record, isOver: previous.ending !== undefined }
  }
  const rooms = { sessions: options.sessions.as(caller), runs: options.runs, beginning }
  const { sessionKey, said } = before ? { sessionKey: before.sessionKey, said: newsOf(messages) } : await placeOf(placing, rooms)
  const words = [instructions, system].filter(Boolean).join('\n\n')
  const { chosen, channel } = addressee
  const run: RunRequest = {
    caller,
    via,
    idempotencyKey: runId,
    ...repeat ? { fingerprint: repeat.fingerprint } : {},
    sessionKey,
    ...said,
    ...asked.options,
    ...chosen,
    ...words === '' ? {} : { extraSystemPrompt: words },
    ...thoughts ? { thoughts: true } : {},
    origin: { senderIsOwner: caller.owner, ...channel === undefined ? {} : { messageChannel: channel } },
    ownTurn: true,
    ...isBackground ? {} : { signal }
  }
  return { name, asked, run }
}

/** What the request came to be; without `live` it is one that was sent before. */
interface Begun {
  readonly handle: RunHandle
  readonly live: Live | undefined
}

async function remember (record: ResponseRecord, { result: settled }: RunHandle, toolChoice: RunRequest['toolChoice'], desk: Desk): Promise<void> {
  const { records, options } = desk
  await records.put(record)
  void settled.then(async result => {
    const ending = endingOfRun(result, toolChoice)
    // Of the others the conversation tells how they ended.
    if (!goesOn(result) && ending.status !== 'completed') await records.put({ ...record, ending })
  }).catch((err: unknown) => options.log.warn({ err, runId: record.runId }, 'how a response ended could not be stored'))
}

async function begin ({ name, asked, run }: Prepared, desk: Desk): Promise<Begun> {
  const { options, beginning } = desk
  const { sessionKey = '', idempotencyKey: runId, caller, toolChoice, toolResults = [] } = run
  const facts = { name, createdAtMs: options.now(), echo: asked.echo }
  let live: Live | undefined
  try {
    const handle = await options.runs.start(run).then(started => {
      // Before it says its first word.
      if (started.status === 'started') live = desk.begin(started, facts, { thoughts: asked.thoughts, toolChoice })
      return started
    })
    if (live && asked.isStored) {
      const { principal } = caller
      const answered = toolResults.map(({ toolCallId }) => toolCallId)
      const { thoughts } = asked
      const record = { ...facts, echo: boundedEcho(asked.echo), runId, principal, sessionKey: handle.sessionKey, answered, thoughts }
      await remember(record, handle, toolChoice, desk)
    }
    return { handle, live }
  } catch (error) {
    // Nobody would ever hear of it.
    if (live) await options.runs.abort({ runId, sessionKey, origin: 'caller' })
    throw error
  } finally {
    if (beginning.get(sessionKey) === runId) beginning.delete(sessionKey)
  }
}

function stream (handle: RunHandle, live: Live, isBackground: boolean, reply: FastifyReply): undefined {
  const sse = openSse(reply)
  let number = 0
  const leave = live.follow(-1, {
    event (event) {
      number = event.sequence_number + 1
      sendEvent(sse, event)
    },
    closed () {
      void handle.result.then(result => {
        if (goesOn(result)) sendEvent(sse, breakOff(number))
        endStream(sse)
      })
    }
  })
  if (leave) sse.gone.addEventListener('abort', leave, { once: true })
  else endStream(sse)
  if (!isBackground) live.release()
  return undefined
}

/** One that was sent before is answered from what is known of it. */
async function answerAgain (prepared: Prepared, handle: RunHandle, reply: FastifyReply, desk: Desk): Promise<object | undefined> {
  const { name, asked, run } = prepared
  const known = asked.isStored ? await desk.find(`resp_${name}`, run.caller) : undefined
  if (known && asked.isStream) return streamAgain(known, -1, reply, desk)
  if (known && asked.isBackground) return desk.response(known)
  const result = await handle.result
  const refusal = refusalOf(result, run.toolChoice)
  if (refusal) throw refusal
  const again = known && await desk.find(`resp_${name}`, run.caller)
  if (again) return desk.response(again)
  const events: ResponseEvent[] = []
  const sequence = createSequence({ name, createdAtMs: handle.acceptedAtMs, echo: asked.echo }, event => events.push(event))
  sequence.begin('in_progress')
  createTelling(sequence, asked).end(result)
  if (!asked.isStream) return sequence.response
  const sse = openSse(reply)
  for (const event of events) sendEvent(sse, event)
  endStream(sse)
  return undefined
}

/** Undefined when the answer is a stream. */
export async function createResponse (request: FastifyRequest, reply: FastifyReply, desk: Desk): Promise<object | undefined> {
  const prepared = await prepare(request, reply, desk)
  const { asked, run } = prepared
  const { handle, live } = await begin(prepared, desk)
  reply.header('cache-control', 'no-store').header('x-request-id', handle.runId)
  // What stands in a conversation that is kept would be said twice.
  if (!run.fleeting) withoutRetry(reply)
  if (!live) return await answerAgain(prepared, handle, reply, desk)
  if (asked.isStream) return stream(handle, live, asked.isBackground, reply)
  if (asked.isBackground) return live.response()
  live.release()
  const refusal = refusalOf(await handle.result, run.toolChoice)
  if (refusal) throw refusal
  return live.response()
}
