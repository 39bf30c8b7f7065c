/** POST /v1/chat/completions: one turn of an agent, as a chat completion. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RunHandle, RunRequest } from '../../../agent/room.ts'
import { openCalls, storedMessages } from '../../../agent/turn.ts'
import type { Caller } from '../../../auth/caller.ts'
import { clientGone } from '../../../http/client-gone.ts'
import type { ImagePart, Message, ToolResultMessage } from '../../../protocol/transcript.ts'
import { addresseeOf, type Addressee } from '../addressee.ts'
import { invalid, withoutRetry } from '../errors.ts'
import { bodyOf, type Fields } from '../fields.ts'
import { createImageReader, type ImageReader } from '../images.ts'
import type { OpenAiOptions } from '../openai.ts'
import { answerWhole } from './answer.ts'
import { readMessages } from './messages.ts'
import { runOptionsOf, sendingOf, type Sending } from './options.ts'
import { answerStream } from './stream.ts'

const via = 'http.chat'
const maxKeyChars = 512

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

type News = Pick<RunRequest, 'message' | 'history' | 'toolResults' | 'images'>

/** The gateway keeps the conversation: of what the program sends only what follows the last reply is new. */
function newsOf (messages: readonly Message[]): News & { readonly toolResults: readonly ToolResultMessage[] } {
  const begin = messages.findLastIndex(({ role }) => role === 'assistant') + 1
  const texts: string[] = []
  const images: ImagePart[] = []
  const toolResults: ToolResultMessage[] = []
  for (const message of messages.slice(begin)) {
    if (message.role === 'toolResult') toolResults.push(message)
    else if (typeof message.content === 'string') texts.push(message.content)
    else for (const part of message.content) if (part.type === 'text') texts.push(part.text); else if (part.type === 'image') images.push(part)
  }
  return { history: messages.slice(0, begin), toolResults, message: texts.join('\n\n'), ...(images.length > 0 ? { images } : {}) }
}

/** Results of calls that the conversation waits for; of others it knows nothing, or knows already. */
async function namedRun (messages: readonly Message[], { target }: Addressee, caller: Caller, { sessions }: OpenAiOptions): Promise<News> {
  const news = newsOf(messages)
  const room = sessions.as(caller)
  const isNew = room.get(target.key) === undefined
  const open = isNew || news.toolResults.length === 0
    ? undefined
    : new Set(openCalls(await storedMessages(target.key, room)).map(({ id }) => id))
  const toolResults = open ? news.toolResults.filter(({ toolCallId }) => open.has(toolCallId)) : news.toolResults
  if (toolResults.length > 0 || news.message !== '' || news.images) return { ...news, toolResults }
  throw invalid(news.toolResults.length > 0
    ? 'This conversation does not wait for the answer to that call: it was answered already, or the conversation went on without it.'
    : 'Missing user message in `messages`: nothing follows the last reply.', 'messages')
}

interface Repeat { readonly key: string, readonly fingerprint: string }

/** The same key from the same caller is the same request; with another body it is refused. */
function repeatOf ({ headers, body }: FastifyRequest): Repeat | undefined {
  const key = headers['idempotency-key']
  if (typeof key !== 'string' || key.trim() === '') return undefined
  if (key.length > maxKeyChars) throw invalid(`\`Idempotency-Key\` must not be longer than ${maxKeyChars} characters.`)
  return { key: key.trim(), fingerprint: hashOf(JSON.stringify(body)) }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

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
  const { system, messages } = await readMessages(body.messages, options.now(), imagesFor(signal, options))
  if (addressee.isNamed) await options.ready()
  const said = addressee.isNamed ? await namedRun(messages, addressee, caller, options) : fleetingRun(messages, repeat !== undefined)
  const { target, chosen, channel } = addressee
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
    origin: { senderIsOwner: caller.owner, ...(channel === undefined ? {} : { channel }) },
    ownTurn: true,
    signal
  }
}

export async function chatCompletion (request: FastifyRequest, reply: FastifyReply, options: OpenAiOptions): Promise<FastifyReply> {
  const body = bodyOf(request.body)
  const sending = sendingOf(body)
  const signal = clientGone(reply.raw)
  const run = await requestOf(request, body, signal, options)
  const handle = await options.runs.start(run)
  reply.header('cache-control', 'no-store').header('x-request-id', handle.runId)
  // What stands in a conversation that is kept would be said twice.
  if (!run.fleeting) withoutRetry(reply)
  const asked: Asked = { reply, handle, sending, model: String(body.model), toolChoice: run.toolChoice }
  return sending.isStream ? answerStream(asked, options) : await answerWhole(asked)
}
