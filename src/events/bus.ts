import type { EventName } from '../protocol/events.ts'
import type { StateVersion } from '../protocol/frames.ts'

/** Something that happened, before anybody asked who may see it. */
export interface GatewayEvent {
  readonly event: EventName
  readonly payload: unknown
  readonly stateVersion?: StateVersion
  /** Only these connections; needed for events of scope `target`. */
  readonly connectionIds?: readonly string[]
  /** What it is about: clients that asked for scoped events hear it only when they follow this session. */
  readonly sessionKey?: string
  /** Only for clients that said they can use it, and that follow the session or began what it is about. */
  readonly needsCap?: string
  readonly ownerConnectionId?: string
  /** One of a series in which each carries all that came before: a slow client may miss some. */
  readonly series?: EventSeries
}

export interface EventSeries {
  readonly id: string
  /** The payload for whoever missed one before it. */
  readonly whole: () => unknown
}

export type EventOptions = Omit<GatewayEvent, 'event' | 'payload'>

export type EventListener = (event: GatewayEvent) => void

export interface EventBus {
  emit (event: EventName, payload: unknown, options?: EventOptions): void
  subscribe (listener: EventListener): () => void
}

/** In-process events. A listener that throws is reported and never stops the others or the emitter. */
export function createEventBus (onListenerError: (error: unknown, event: EventName) => void): EventBus {
  const listeners = new Set<EventListener>()
  return {
    emit (event, payload, options) {
      const occurrence: GatewayEvent = { event, payload, ...options }
      for (const listener of listeners) {
        try {
          listener(occurrence)
        } catch (error) {
          onListenerError(error, event)
        }
      }
    },
    subscribe (listener) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    }
  }
}
