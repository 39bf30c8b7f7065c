/** POST /v1/chat/completions: one turn of an agent, as a chat completion. */
import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RunHandle, RunRequest } from '../../../agent/room.ts'
import { clientGone } from '../../../http/client-gone.ts'
import type { Message } from '../../../protocol/transcript.ts'
import { addresseeOf } from '../addressee.ts'
import { withoutRetry } from '../errors.ts'
import { bodyOf, type Fields } from '../fields.ts'
import { refuseForExternal } from '../functions.ts'
import { createImageReader, type ImageReader } from '../images.ts'
import { newsFor } from '../news.ts'
import type { OpenAiOptions } from '../openai.ts'
import { hashOf, repeatOf } from '../repeats.ts'
import { answerWhole } from './answer.ts'
import { readMessages } from './messages.ts'
import { runOptionsOf, sendingOf, type Sending } from './options.ts'
import { answerStream } from './stream.ts'

const via = 'http.chat'

/** What both kinds of answer are made of. */
export interface Asked {
  readonly reply: FastifyReply
  readonly handle: RunHandle
  readonly sending: Sending
  /** As the program called it. */
  readonly model: string
  readonly toolChoice: RunRequest['toolChoice']
}

/** The program keeps the conversation and sends all of it. */
function fleetingRun (messages: readonly Message[], isRepeatable: boolean): Pick<RunRequest, 'message' | 'history' | 'fleeting'> {
  return { message: '', history: messages, fleeting: isRepeatable ? 'repeatable' : 'once' }
}

function imagesFor (signal: AbortSignal, { config, outbound }: OpenAiOptions): () => ImageReader {
  return () => {
    const loaded = config()
    const { images, maxImageParts, maxTotalImageBytes } = loaded.config.gateway.http.endpoints.chatCompletions
    return createImageReader({
      settings: images,
      setting: 'gateway.http.endpoints.chatCompletions.images',
      maxParts: maxImageParts,
      maxTotalBytes: maxTotalImageBytes,
      config: loaded,
      outbound,
      signal
    })
  }
}

async function requestOf (request: FastifyRequest, body: Fields, signal: AbortSignal, options: OpenAiOptions): Promise<RunRequest> {
  const { headers } = request
  const caller = request.caller!
  const repeat = repeatOf(request)
  const addressee = addresseeOf({
    headers,
    caller,
    model: body.model,
    user: body.user,
    family: 'openai',
    ...(repeat ? { name: hashOf(JSON.stringify([caller.principal, repeat.key])) } : {})
  }, options)
  const runOptions = runOptionsOf(body)
  refuseForExternal(runOptions, addressee.target.agentId, options.config())
  const { system, messages } = await readMessages(body.messages, options.now(), imagesFor(signal, options))
  if (addressee.isNamed) await options.ready()
  const { target, chosen, channel } = addressee
  const said = addressee.isNamed
    ? await newsFor(target.key, messages, options.sessions.as(caller), 'messages')
    : fleetingRun(messages, repeat !== undefined)
  return {
    caller,
    via,
    idempotencyKey: repeat?.key ?? randomUUID(),
    ...(repeat ? { fingerprint: repeat.fingerprint } : {}),
    sessionKey: target.key,
    ...said,
    ...runOptions,
    ...chosen,
    ...(system === '' ? {} : { extraSystemPrompt: system }),
    thoughts: true,
    origin: { senderIsOwner: caller.owner, ...(channel === undefined ? {} : { messageChannel: channel }) },
    ownTurn: true,
    signal
  }
}

/** Undefined when the answer is a stream. */
export async function chatCompletion (request: FastifyRequest, reply: FastifyReply, options: OpenAiOptions): Promise<object | undefined> {
  const body = bodyOf(request.body)
  const sending = sendingOf(body)
  const signal = clientGone(reply.raw)
  const run = await requestOf(request, body, signal, options)
  const handle = await options.runs.start(run)
  reply.header('cache-control', 'no-store').header('x-request-id', handle.runId)
  // What stands in a conversation that is kept would be said twice.
  if (!run.fleeting) withoutRetry(reply)
  const asked: Asked = { reply, handle, sending, model: String(body.model), toolChoice: run.toolChoice }
  if (!sending.isStream) return await answerWhole(asked)
  answerStream(asked, options)
  return undefined
}
