/** Tells those who follow a session what became of it. What nobody follows costs nothing. */
import { randomUUID } from 'node:crypto'
import type { EventName } from '../protocol/events.ts'
import type { SessionRecord } from './record.ts'
import type { Rows } from './rows.ts'
import { liveMessage } from './display/message.ts'
import type { Subscribers } from './subscribers.ts'
import { flatFields } from './wire-row.ts'
import { wireMessage } from './wire-message.ts'
import type { Committed, SessionChange } from './writer.ts'

export type Emit = (event: EventName, payload: unknown, options: { readonly connectionIds: readonly string[] }) => void

export interface Announcements {
  committed (change: SessionChange, result: Committed): void
  /** Something about sessions as a whole, such as their groups. */
  changed (reason: string): void
  /** Begins an operation; what it returns says how it ended. */
  operation (record: SessionRecord): (outcome: { completed: boolean, reason?: string }) => void
}

export interface AnnouncementOptions {
  readonly rows: Rows
  readonly subscribers: Subscribers
  readonly emit: Emit
  readonly now: () => number
}

/** Both audiences, each connection once. */
function together (a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a
  return [...new Set([...a, ...b])]
}

export function createAnnouncements ({ rows, subscribers, emit, now }: AnnouncementOptions): Announcements {
  const rowOf = (record: SessionRecord) => {
    const row = rows.get(record.key)
    return row ? rows.wire(row) : {}
  }

  function messages ({ record, lines }: Committed, runId: string | undefined): void {
    const connectionIds = together(subscribers.ofMessages(record.key), subscribers.ofChanges())
    if (connectionIds.length === 0) return
    let session: ReturnType<typeof rowOf> | undefined
    for (const line of lines) {
      if (line.value.type !== 'message') continue
      const message = wireMessage(record.sessionId, line)
      if (!message) continue
      session ??= rowOf(record)
      const run = line.value.runId ?? runId
      emit('session.message', {
        sessionKey: record.key,
        agentId: record.agentId,
        message: liveMessage(message),
        messageId: line.id,
        messageSeq: line.seq,
        session,
        ...flatFields(session),
        ...(run === undefined ? {} : { runId: run }),
        ancestorSessions: []
      }, { connectionIds })
    }
  }

  function change ({ reason, phase, runId }: SessionChange, { record, removed }: Committed): void {
    const connectionIds = subscribers.ofChanges()
    if (connectionIds.length === 0) return
    const head = {
      sessionKey: record.key,
      agentId: record.agentId,
      ...(reason === undefined ? {} : { reason }),
      ...(phase === undefined ? {} : { phase }),
      ...(runId === undefined ? {} : { runId }),
      ts: now()
    }
    if (removed) return emit('sessions.changed', { ...head, sessionId: record.sessionId }, { connectionIds })
    const session = rowOf(record)
    emit('sessions.changed', { ...head, session, ...flatFields(session), ancestorSessions: [] }, { connectionIds })
  }

  return {
    committed (write, result) {
      if (result.lines.length > 0) messages(result, write.runId)
      if (write.reason !== undefined || write.phase !== undefined) change(write, result)
    },
    changed (reason) {
      const connectionIds = subscribers.ofChanges()
      if (connectionIds.length > 0) emit('sessions.changed', { reason, ts: now() }, { connectionIds })
    },
    operation ({ key, agentId }) {
      const operation = { operationId: randomUUID(), operation: 'compact', sessionKey: key, agentId }
      const tell = (more: object): void => {
        const connectionIds = together(subscribers.ofMessages(key), subscribers.ofChanges())
        if (connectionIds.length > 0) emit('session.operation', { ...operation, ...more, ts: now() }, { connectionIds })
      }
      tell({ phase: 'start' })
      return outcome => tell({ phase: 'end', ...outcome })
    }
  }
}
