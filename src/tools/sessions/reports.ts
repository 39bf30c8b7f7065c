/** The report on a helper goes to whoever began it, as one message: once, however often the gateway starts in between. */
import { isGatewayError } from '../../protocol/errors.ts'
import { parseKey } from '../../sessions/keys.ts'
import type { SessionRecord, SpawnFacts } from '../../sessions/record.ts'
import type { SessionToolSources } from './ports.ts'
import { reportText } from './spawn-words.ts'

type Sources = Pick<SessionToolSources, 'sessions' | 'runs' | 'log' | 'now'>

const firstRetryMs = 500
const maxRetryMs = 30_000
/** Full queues drop what waits in them; the same report goes again under another key so often. */
const maxDrops = 5
const maxAncestors = 32

export interface Reports {
  /** Resolves when the report is durable, or when nobody is there to get it. Never rejects; goes on until it works or `close`. */
  deliver (child: SessionRecord, facts: SpawnFacts, text: string): Promise<void>
  close (): void
}

export function createReports ({ sessions, runs, log, now }: Sources): Reports {
  const closing = new AbortController()
  const naps = new Map<() => void, NodeJS.Timeout>()

  const nap = (ms: number): Promise<void> => new Promise(resolve => {
    const wake = (): void => {
      naps.delete(wake)
      resolve()
    }
    naps.set(wake, setTimeout(wake, ms).unref())
  })

  /** A helper that is done itself is not woken by those that it began: its own requester hears of them. */
  function receiverOf (child: SessionRecord): string | undefined {
    let key = child.spawnedBy
    for (let steps = 0; key !== undefined && steps < maxAncestors; steps++) {
      const record = sessions.get(key)
      // The main conversation is there for everybody, also before anything was said in it.
      if (!record) return parseKey(key).kind === 'main' ? key : undefined
      if (record.spawn?.outcome === undefined) return key
      key = record.spawnedBy
    }
    return undefined
  }

  async function mark (child: SessionRecord, facts: SpawnFacts, report: NonNullable<SpawnFacts['report']>): Promise<void> {
    if (sessions.get(child.key)?.sessionId !== child.sessionId) return
    await sessions.write(child.key, { patch: { spawn: { ...facts, report } } })
  }

  async function send (child: SessionRecord, facts: SpawnFacts, text: string, drops: number): Promise<'delivered' | 'undeliverable'> {
    const receiver = receiverOf(child)
    if (!receiver) return 'undeliverable'
    const { result } = await runs.start({
      caller: { principal: `agent:${child.agentId}` },
      via: 'report',
      // The claim of the run is what makes the report one, whatever happens between here and the mark.
      idempotencyKey: drops === 0 ? `report:${facts.runId}` : `report:${facts.runId}:${drops}`,
      sessionKey: receiver,
      message: reportText({ childKey: child.key, label: child.label ?? child.displayName, facts, text }),
      queueMode: 'steer',
      lane: parseKey(receiver).kind === 'subagent' ? 'nested' : 'main',
      origin: { senderIsOwner: facts.isOwner === true, inputProvenance: { kind: 'inter_session', sourceSessionKey: child.key, sourceTool: 'sessions_spawn', at: now() } }
    })
    void result.then(async ({ stopReason }) => {
      if (stopReason === 'dropped' && drops < maxDrops) await attempt(child, facts, text, drops + 1)
    })
    return 'delivered'
  }

  async function attempt (child: SessionRecord, facts: SpawnFacts, text: string, drops: number): Promise<void> {
    for (let delayMs = firstRetryMs; !closing.signal.aborted; delayMs = Math.min(delayMs * 2, maxRetryMs)) {
      try {
        await mark(child, facts, await send(child, facts, text, drops))
        return
      } catch (err) {
        // The next start goes on with it.
        if (isGatewayError(err) && err.code === 'STOPPING') return
        // An agent that is gone, or a conversation that takes no messages: nobody hears it, however often it is said.
        if (isGatewayError(err) && err.status < 500) return await mark(child, facts, 'undeliverable')
        log.warn({ err, sessionKey: child.key, delayMs }, 'the report on a helper could not be delivered; trying again')
        await nap(delayMs)
      }
    }
  }

  return {
    deliver: (child, facts, text) => attempt(child, facts, text, 0),
    close () {
      closing.abort()
      for (const [wake, timer] of naps) {
        clearTimeout(timer)
        wake()
      }
    }
  }
}
