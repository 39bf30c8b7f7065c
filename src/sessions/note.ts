/** What somebody puts into a conversation in the name of its assistant, without a model. */
import type { EventBus } from '../events/bus.ts'
import type { AssistantMessage, Message } from '../protocol/transcript.ts'
import type { SessionRecord } from './record.ts'
import type { Sessions } from './room.ts'

const author = { provider: 'openclaw', model: 'gateway-injected' }
const nothingUsed = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }

export interface NoteSources {
  readonly sessions: Pick<Sessions, 'write'>
  readonly events: Pick<EventBus, 'emit'>
  readonly now: () => number
}

export interface Note {
  readonly sessionKey: string
  readonly agentId: string
  readonly text: string
  /** Stands in the message, so that it can be found again. */
  readonly idempotencyKey?: string
  /** How the conversation comes about if there is none; without it there has to be one. */
  readonly create?: Partial<SessionRecord>
}

/** It may stand between a call and its result, where no reply of a model does. */
export const isNote = (message: Message): boolean =>
  message.role === 'assistant' && message.model === author.model && message.provider === author.provider

/** Durable when it resolves, and told to whoever follows the conversation. The id of the message. */
export async function writeNote ({ sessions, events, now }: NoteSources, note: Note): Promise<string> {
  const { sessionKey, agentId, text, idempotencyKey, create } = note
  const message: AssistantMessage = {
    role: 'assistant',
    content: [{ type: 'text', text }],
    api: 'openai-responses',
    ...author,
    usage: { ...nothingUsed, totalTokens: 0, cost: { ...nothingUsed, total: 0 } },
    stopReason: 'stop',
    timestamp: now(),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey })
  }
  const { lines } = await sessions.write(sessionKey, { lines: [{ type: 'message', message }], phase: 'message', ...(create ? { create } : {}) })
  const { id } = lines[0]!
  events.emit('chat', { runId: `inject-${id}`, sessionKey, agentId, seq: 0, state: 'final', message }, { sessionKey })
  return id
}
