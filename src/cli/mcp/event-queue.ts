/** What has happened since the bridge began, for clients that ask for it: the newest, under numbers that only grow. */

export interface BridgeEvent {
  readonly cursor: number
  readonly type: string
  readonly sessionKey?: string
  readonly [field: string]: unknown
}

export interface EventFilter {
  readonly afterCursor: number
  readonly sessionKey?: string
}

/** Something between the cursor and the oldest event is no longer there. */
interface Gap { readonly gap?: { readonly requested_after_cursor: number, readonly oldest_available_cursor: number } }

export interface EventQueue {
  push (event: Omit<BridgeEvent, 'cursor'> & { readonly type: string }): BridgeEvent
  poll (filter: EventFilter, limit: number): { readonly events: readonly BridgeEvent[], readonly next_cursor: number } & Gap
  /** Null when the time is over or the caller has gone. */
  wait (filter: EventFilter, timeoutMs: number, signal: AbortSignal): Promise<{ readonly event: BridgeEvent | null } & Gap>
}

const maxEvents = 1_000

export function createEventQueue (): EventQueue {
  const events: BridgeEvent[] = []
  const waiting = new Set<() => void>()
  let cursor = 0

  const means = (event: BridgeEvent, { afterCursor, sessionKey }: EventFilter): boolean =>
    event.cursor > afterCursor && (sessionKey === undefined || event.sessionKey === sessionKey)

  function gapAfter (afterCursor: number): Gap {
    const oldest = events[0]?.cursor
    if (oldest === undefined || afterCursor >= oldest - 1) return {}
    return { gap: { requested_after_cursor: afterCursor, oldest_available_cursor: oldest } }
  }

  return {
    push (event) {
      const entry = { ...event, cursor: ++cursor } as BridgeEvent
      events.push(entry)
      if (events.length > maxEvents) events.shift()
      for (const wake of waiting) wake()
      return entry
    },
    poll (filter, limit) {
      const found = events.filter(event => means(event, filter)).slice(0, limit)
      const missed = gapAfter(filter.afterCursor)
      const next = found.at(-1)?.cursor ?? (missed.gap ? missed.gap.oldest_available_cursor - 1 : filter.afterCursor)
      return { events: found, next_cursor: next, ...missed }
    },
    async wait (filter, timeoutMs, signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = (): void => { if (events.some(event => means(event, filter)) || gapAfter(filter.afterCursor).gap) resolve() }
      const timer = setTimeout(resolve, timeoutMs)
      const stop = (): void => resolve()
      signal.addEventListener('abort', stop, { once: true })
      if (signal.aborted) resolve()
      waiting.add(look)
      look()
      await promise
      waiting.delete(look)
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      return { event: events.find(event => means(event, filter)) ?? null, ...gapAfter(filter.afterCursor) }
    }
  }
}
