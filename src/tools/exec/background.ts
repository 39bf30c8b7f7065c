/** Commands that go on by themselves, with names that a model can repeat. In memory: they end with the gateway. */
import { randomInt } from 'node:crypto'
import type { RunningCommand } from './running-command.ts'

export interface BackgroundSession {
  readonly id: string
  readonly agentId: string
  readonly sessionKey: string
  readonly running: RunningCommand
  /** How much of the output has been told by `poll`. */
  told: number
  /** Ended because somebody asked for it. */
  isStopRequested: boolean
}

export interface Background {
  /** Undefined when there are too many. */
  add (session: Pick<BackgroundSession, 'agentId' | 'sessionKey' | 'running'>): BackgroundSession | undefined
  find (agentId: string, id: string): BackgroundSession | undefined
  list (agentId: string): readonly BackgroundSession[]
  remove (id: string): void
  /** Ends all of them. */
  close (): Promise<void>
}

export interface BackgroundOptions {
  readonly now: () => number
  /** How long one that has ended is remembered. */
  readonly keepMs: () => number
}

const maxSessions = 128

const adjectives = ['amber', 'brisk', 'calm', 'clear', 'crisp', 'eager', 'fresh', 'gentle', 'keen', 'lucid', 'mellow', 'neat', 'plain', 'quick', 'quiet', 'rapid',
  'sharp', 'silver', 'steady', 'sunny', 'swift', 'tidal', 'vivid', 'warm'] as const
const nouns = ['basil', 'birch', 'brook', 'cedar', 'cloud', 'comet', 'coral', 'crest', 'delta', 'ember', 'falcon', 'fjord', 'glade', 'harbor', 'heron', 'lagoon',
  'meadow', 'nova', 'orchid', 'otter', 'pine', 'reef', 'ridge', 'river', 'sable', 'tulip', 'valley', 'willow'] as const

const pick = <T>(words: readonly T[]): T => words[randomInt(words.length)]!

export function createBackground ({ now, keepMs }: BackgroundOptions): Background {
  const sessions = new Map<string, BackgroundSession>()

  function forgetOld (): void {
    const before = now() - keepMs()
    for (const { id, running } of sessions.values()) if (running.end && running.end.endedAtMs < before) sessions.delete(id)
  }

  function hasRoom (): boolean {
    forgetOld()
    if (sessions.size < maxSessions) return true
    const oldest = sessions.values().find(({ running }) => running.end)
    return oldest !== undefined && sessions.delete(oldest.id)
  }

  function freeName (): string {
    const name = `${pick(adjectives)}-${pick(nouns)}`
    if (!sessions.has(name)) return name
    for (let number = 2; ; number++) if (!sessions.has(`${name}-${number}`)) return `${name}-${number}`
  }

  return {
    add (session) {
      if (!hasRoom()) return undefined
      const added = { ...session, id: freeName(), told: 0, isStopRequested: false }
      sessions.set(added.id, added)
      return added
    },
    find (agentId, id) {
      forgetOld()
      const session = sessions.get(id)
      return session?.agentId === agentId ? session : undefined
    },
    list (agentId) {
      forgetOld()
      return [...sessions.values()].filter(session => session.agentId === agentId)
    },
    remove: id => { sessions.delete(id) },
    async close () {
      await Promise.all([...sessions.values()].map(({ running }) => running.stop('stopped')))
      sessions.clear()
    }
  }
}
