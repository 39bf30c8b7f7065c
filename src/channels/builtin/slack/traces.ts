/**
 * A message carries a trace of its key, which people do not see. When the answer to it was cut off, the conversation is looked through
 * for that: what is found has arrived.
 */
import { createHash } from 'node:crypto'
import type { Json } from '../../http/service.ts'
import { pause } from '../../waiting.ts'
import type { Api } from './api.ts'
import { isTimestamp } from './wire.ts'

const eventType = 'openclaw_message'
const lookBackMs = 300_000
const lookupMs = 5000
/** What was cut off may still be on its way. */
const secondLookMs = 1000
const mostMessages = 50

const traceOf = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 32)

export const traced = (key: string): Json => ({ metadata: { event_type: eventType, event_payload: { trace: traceOf(key) } } })

interface History {
  readonly messages?: ReadonlyArray<{
    readonly ts?: string
    readonly metadata?: { readonly event_type?: string, readonly event_payload?: { readonly trace?: unknown } }
  }>
}

/** When it arrived, as far as it can be found; undefined says nothing. */
export async function findTraced (api: Api, where: Json, key: string, outer: AbortSignal): Promise<string | undefined> {
  const { channel, thread_ts: thread } = where
  const signal = AbortSignal.any([outer, AbortSignal.timeout(lookupMs)])
  const trace = traceOf(key)
  const place = thread === undefined ? { channel } : { channel, ts: thread }
  const method = thread === undefined ? 'conversations.history' : 'conversations.replies'
  for (let look = 0; look < 2; look++) {
    if (look > 0 && !await pause(secondLookMs, signal)) return undefined
    const { messages = [] } = await api.call<History>(method, {
      ...place, oldest: String((Date.now() - lookBackMs) / 1000), limit: mostMessages, include_all_metadata: true
    }, { signal })
    const found = messages.find(({ metadata }) => metadata?.event_type === eventType && metadata.event_payload?.trace === trace)
    if (isTimestamp(found?.ts)) return found.ts
  }
  return undefined
}
