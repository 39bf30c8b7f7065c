/** Where a request stands: as clients of this wire read it, and in the words of its other answers. */
import type { RequestReport } from '../requests/requests.ts'
import { failureOf, fallbackReply, usageOf } from './wire.ts'

const words: { readonly [state in RequestReport['state']]: string } = {
  queued: 'queued', running: 'running', parked: 'failed', ok: 'succeeded', error: 'failed', timeout: 'failed', aborted: 'canceled'
}

const never = '0001-01-01T00:00:00Z'
const timeOf = (atMs: number | undefined): string => atMs === undefined ? never : new Date(atMs).toISOString()

function endOf ({ state, result }: RequestReport, text: string): object {
  if (!result) return {}
  const usage = usageOf(result.usage)
  return {
    ended_at: timeOf(result.endedAtMs),
    ...(state === 'ok' ? { reply: text.trim() === '' ? fallbackReply : text } : {}),
    ...(usage ? { usage } : {}),
    ...(state === 'aborted' || !result.error ? {} : { error: failureOf(result.error) })
  }
}

export function statusBody (requestId: string, report: RequestReport, text: string): object {
  const { runId, agentId, about, state, acceptedAtMs, startedAtMs, eventCount, lastEventAtMs } = report
  const { sessionId = '', user = '' } = about
  return {
    RequestID: requestId,
    InvocationID: runId ?? '',
    AgentName: agentId,
    SessionKey: { AppName: 'openclaw', UserID: user, SessionID: sessionId },
    StartedAt: timeOf(startedAtMs ?? report.result?.startedAtMs),
    LastEventAt: timeOf(lastEventAtMs),
    EventCount: eventCount,
    request_id: requestId,
    session_id: sessionId,
    user_id: user,
    status: words[state],
    queued_at: timeOf(acceptedAtMs),
    ...(startedAtMs === undefined ? {} : { started_at: timeOf(startedAtMs) }),
    ...(lastEventAtMs === undefined ? {} : { last_event_at: timeOf(lastEventAtMs) }),
    event_count: eventCount,
    ...endOf(report, text)
  }
}
