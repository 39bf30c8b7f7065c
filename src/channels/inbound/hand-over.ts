/** Hands a message over to the agents: durable when it resolves, or refused for good. */
import { leftUntil, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../log/logger.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { ImagePart } from '../../protocol/transcript.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { ReplyAddress } from '../replies/reply.ts'

export interface InboundRequest {
  readonly caller: { readonly principal: string }
  readonly via: 'channel'
  /** The same for each time that the service brings the message. */
  readonly idempotencyKey: string
  readonly agentId: string
  readonly sessionKey: string
  readonly message: string
  readonly images?: readonly ImagePart[]
  readonly anew?: string
  readonly quietMs?: number
  readonly deliver: ReplyAddress
  readonly origin: { readonly [field: string]: unknown }
}

/** What this room needs of those that answer. */
export interface InboundRuns {
  /** Resolves when the message is durable. */
  start (request: InboundRequest): Promise<unknown>
  /** False: nothing was going on. */
  stop (sessionKey: string): Promise<boolean>
}

export interface HandOverOptions {
  readonly runs: InboundRuns
  readonly delivery: Pick<Delivery, 'enqueue'>
  readonly clock: Clock
  readonly log: Logger
  readonly isStopped: () => boolean
}

const firstWaitMs = 200
const longestWaitMs = 4_000
/** After that the service is told to come again. */
const patienceMs = 20_000

const isAboutImages = ({ code }: GatewayError): boolean => code === 'INVALID_PARAMS' || code === 'PAYLOAD_TOO_LARGE' || code === 'UNSUPPORTED_MEDIA_TYPE'

export function createHandOver ({ runs, delivery, clock, log, isStopped }: HandOverOptions): (request: InboundRequest) => Promise<void> {
  async function patiently (request: InboundRequest): Promise<void> {
    const untilMs = clock.now() + patienceMs
    for (let tries = 0; ; tries++) {
      if (isStopped()) throw new GatewayError('STOPPING')
      try {
        await runs.start(request)
        return
      } catch (error) {
        if (!isGatewayError(error) || error.code !== 'BUSY' || leftUntil(untilMs, patienceMs, clock.now()) === 0) throw error
        const waitMs = Math.min(longestWaitMs, Math.max(firstWaitMs * 2 ** Math.min(tries, 10), 0))
        await new Promise<void>(resolve => { clock.after(waitMs, resolve) })
      }
    }
  }

  /** Bringing it again would not help: whoever wrote it is told, unless nobody may speak here. */
  async function refuse ({ idempotencyKey, deliver }: InboundRequest, error: GatewayError): Promise<void> {
    log.warn({ err: error, channel: deliver.channel }, 'a message was refused')
    // It was taken in before, under another name of its conversation.
    if (error.code === 'IDEMPOTENCY_CONFLICT' || error.code === 'SEND_BLOCKED') return
    const { channel, accountId, to: chatId, threadId } = deliver
    const thread = threadId === undefined ? {} : { threadId }
    await delivery.enqueue({ id: `refusal:${idempotencyKey}`, channel, accountId, chatId, ...thread, text: `⚠️ ${error.message}` })
  }

  return async function handOver (request) {
    try {
      await patiently(request)
    } catch (error) {
      if (!isGatewayError(error) || error.row.retryable) throw error
      const { images, ...rest } = request
      if (images && isAboutImages(error)) return await handOver({ ...rest, message: `${rest.message}\n[picture could not be read: ${error.message}]`.trim() })
      await refuse(request, error)
    }
  }
}
