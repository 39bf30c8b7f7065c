/** What happens to a message: who it is from, whether it is answered, in which conversation, and what of it was there before. */
import { createHash, randomUUID } from 'node:crypto'
import type { Caller } from '../../auth/caller.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { createRecent } from '../../lib/recent.ts'
import type { SessionTarget } from '../../sessions/room.ts'
import type { Exchange, Prepared, Requests } from '../requests/requests.ts'
import type { MessageFields } from './fields.ts'
import { invalid } from './fields.ts'
import type { DataPlaneOptions } from './gateway.ts'
import { readParts, refuse, wordsOf, type Part } from './parts.ts'
import { checkUser, isMeant, isOwner } from './policy.ts'
import { prepareMessage } from './prepare.ts'
import { sessionIdOf, sessionNameOf } from './session-id.ts'
import { createTranscriber, type Transcriber } from './transcription.ts'
import { createUploads, type Upload } from './uploads.ts'

export const via = 'http.message'

/** In a thread, and not meant for the agent. */
export class Ignored extends Error {}

export interface Accepted {
  readonly exchange: Exchange
  readonly sessionId: string
  /** Files that this message brought; known once it was accepted. */
  readonly uploads: () => readonly Upload[]
}

export interface Desk {
  /** The same message has the same id, whenever and however often it is sent. */
  requestIdOf (fields: MessageFields, caller: Caller): string
  /** Throws GatewayError and Ignored. What can only be told later is told by `exchange.accepted`. */
  accept (fields: MessageFields, requestId: string, caller: Caller): Accepted
  wasIgnored (requestId: string, caller: Caller): boolean
}

/** Messages whose parts are being fetched and written. */
const maxPreparing = 16
const maxIgnored = 1000

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A UUID that follows from what it is made of. */
function uuidOf (parts: readonly string[]): string {
  const hex = sha256(JSON.stringify(parts))
  const variant = (8 + (parseInt(hex[16]!, 16) & 3)).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** What the message says and to whom; how it is sent does not count. */
function fingerprintOf ({ channel, from, thread, text, user, sessionId, model, systemPrompt, lateContext, parts }: MessageFields): string {
  return sha256(JSON.stringify([channel, from, thread, text, user, sessionId, model, systemPrompt, lateContext, parts])).slice(0, 32)
}

/** What the agent is told about the request that is no part of the conversation. */
function promptOf ({ systemPrompt, lateContext }: MessageFields): string | undefined {
  const context = lateContext === '' ? '' : `About the newest message:\n${lateContext}`
  return [systemPrompt, context].filter(Boolean).join('\n\n') || undefined
}

export function createDesk (options: DataPlaneOptions, requests: Requests): Desk {
  const { config, sessions, models, files, outbound } = options
  const settings = () => config().config.gateway.dataPlane
  const uploads = createUploads({ files, maxBytes: () => settings().maxUploadBytes })
  const ignored = createRecent<true>(maxIgnored)
  const kept = new WeakMap<Exchange, readonly Upload[]>()
  let preparing = 0

  function modelOf (name: string, agentId: string): Pick<Prepared, 'provider' | 'model'> {
    if (name === '') return {}
    const model = models.find(name)
    if (!model || !models.allowed(model, agentId)) throw new GatewayError('MODEL_NOT_AVAILABLE', { message: `model "${name}" is not available` })
    return { provider: model.provider, model: model.id }
  }

  function targetOf (sessionId: string, user: string, caller: Caller): SessionTarget {
    const name = sessionNameOf(sessionId, user)
    return sessions.as(caller).target(name, /^agent:/i.test(name) ? undefined : settings().agent)
  }

  function transcriberFor (parts: readonly Part[]): Transcriber | undefined {
    return parts.some(({ kind }) => kind === 'audio') ? createTranscriber(config(), outbound()) : undefined
  }

  const noteIgnored = (caller: Caller, requestId: string): void => ignored.set(JSON.stringify([caller.principal, requestId]), true)

  function checkMeant (fields: MessageFields, words: string, requestId: string, caller: Caller): void {
    if (isMeant(settings(), fields, words)) return
    noteIgnored(caller, requestId)
    throw new Ignored()
  }

  return {
    wasIgnored: (requestId, { principal }) => ignored.get(JSON.stringify([principal, requestId])) !== undefined,
    requestIdOf ({ requestId, messageId, channel, thread, from, user, sessionId }, { principal }) {
      if (requestId !== '') return requestId
      return messageId === '' ? randomUUID() : uuidOf([principal, channel, thread, from, user, sessionId, messageId])
    },
    accept (fields, requestId, caller) {
      const { text, user } = fields
      const parts = readParts(fields.parts, settings())
      if (text === '' && parts.length === 0) throw invalid('missing text')
      if (user === '') throw invalid('missing user_id or from')
      checkUser(settings(), user)
      const words = wordsOf(text, parts)
      const transcriber = transcriberFor(parts)
      // What was spoken may still name the agent.
      if (!transcriber) checkMeant(fields, words, requestId, caller)
      const sessionId = sessionIdOf(fields)
      const target = targetOf(sessionId, user, caller)
      const model = modelOf(fields.model, target.agentId)
      const audio = parts.find(part => part.kind === 'audio')
      if (audio && !transcriber) throw refuse(audio.index, 'audio cannot be transcribed here: no service is configured (tools.media.audio)')
      const isChosen = fields.requestId !== '' || fields.messageId !== ''

      async function prepare (signal: AbortSignal): Promise<Prepared> {
        const place = { agentId: target.agentId, sessionKey: target.key }
        if (preparing >= maxPreparing && parts.length > 0) {
          throw new GatewayError('BUSY', { message: `the parts of ${preparing} other messages are being fetched`, retryAfterMs: 1000 })
        }
        preparing++
        try {
          const tools = { settings: settings(), outbound: outbound(), uploads, transcriber }
          const told = await prepareMessage(text, parts, place, tools, signal)
          if (transcriber) checkMeant(fields, [words, ...told.transcripts].join('\n'), requestId, caller)
          kept.set(exchange, told.uploads)
          const extraSystemPrompt = promptOf(fields)
          return {
            sessionKey: target.key,
            message: told.message,
            ...(told.images.length > 0 ? { images: told.images } : {}),
            ...model,
            thoughts: true,
            ...(extraSystemPrompt ? { extraSystemPrompt } : {}),
            origin: {
              senderIsOwner: caller.owner && isOwner(settings(), user),
              channel: fields.channel,
              sender: user,
              ...(fields.thread ? { thread: fields.thread } : {}),
              ...(fields.messageId ? { messageId: fields.messageId } : {})
            }
          }
        } finally {
          preparing--
        }
      }

      const exchange: Exchange = requests.begin({
        caller,
        via,
        key: requestId,
        isChosen,
        fingerprint: isChosen ? fingerprintOf(fields) : '',
        about: { sessionId, user },
        graceMs: isChosen ? settings().resumeSeconds * 1000 : 0,
        prepare
      })
      return { exchange, sessionId, uploads: () => kept.get(exchange) ?? [] }
    }
  }
}
