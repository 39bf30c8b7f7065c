import { GatewayError } from '../protocol/errors.ts'
import type { LaneFacts } from './room.ts'
import { reasonOf } from './run.ts'

/** How many runs go on at the same time, whatever their sessions. */
export interface Lanes {
  /** Resolves when there is room; the answer gives the place back. Rejects when the signal ends the wait. */
  enter (lane: string, signal: AbortSignal): Promise<() => void>
  /** Throws BUSY when too many wait already. */
  expectRoom (lane: string): void
  facts (): LaneFacts[]
}

interface Lane {
  active: number
  readonly waiting: Set<() => void>
}

export const laneNames = ['main', 'subagent', 'cron', 'cron-nested', 'nested', 'background'] as const

export function createLanes ({ max, maxWaiting = 5000 }: { max: (lane: string) => number, maxWaiting?: number }): Lanes {
  const lanes = new Map<string, Lane>(laneNames.map(name => [name, { active: 0, waiting: new Set() }]))
  const laneOf = (name: string): [string, Lane] => lanes.has(name) ? [name, lanes.get(name)!] : ['main', lanes.get('main')!]

  function leave (name: string, lane: Lane): void {
    lane.active--
    const [next] = lane.waiting
    if (next && lane.active < max(name)) {
      lane.waiting.delete(next)
      next()
    }
  }

  return {
    async enter (wanted, signal) {
      const [name, lane] = laneOf(wanted)
      if (lane.active >= max(name)) {
        await new Promise<void>((resolve, reject) => {
          const go = (): void => { signal.removeEventListener('abort', stop); resolve() }
          const stop = (): void => { lane.waiting.delete(go); reject(reasonOf(signal)) }
          signal.addEventListener('abort', stop, { once: true })
          lane.waiting.add(go)
          if (signal.aborted) stop()
        })
      }
      lane.active++
      let left = false
      return () => {
        if (left) return
        left = true
        leave(name, lane)
      }
    },
    expectRoom (wanted) {
      const [name, lane] = laneOf(wanted)
      if (lane.waiting.size < maxWaiting) return
      throw new GatewayError('BUSY', {
        message: `too many runs are waiting for the ${name} lane`,
        details: { lane: name, waiting: lane.waiting.size },
        retryAfterMs: 2000
      })
    },
    facts: () => [...lanes].map(([lane, { active, waiting }]) => ({ lane, active, queued: waiting.size, max: max(lane) }))
  }
}
