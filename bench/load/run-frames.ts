/** What the frames of a run say, read from their first bytes. */
export interface RunFrame {
  readonly kind: 'acknowledged' | 'refused' | 'first-word' | 'ended' | 'failed'
  /** Of the request that began the run, or its run id: the bench gives both the same. */
  readonly run: string
  readonly reason?: string
}

/** Enough for the envelope, the run id, the session key and the state of every gateway of this kind. */
const headBytes = 420
const runPattern = /"runId":"([^"]+)"/
const statePattern = /"state":"(\w+)"/
const idPattern = /"id":"([^"]+)"/

interface ResponseFrame { id: string, ok: boolean, payload?: { status?: string }, error?: { code?: string, message?: string, details?: { code?: string } } }

function ofResponse (payload: Buffer, head: string): RunFrame | undefined {
  const run = idPattern.exec(head)?.[1]
  if (run === undefined) return undefined
  const { ok, payload: answer, error } = JSON.parse(payload.toString()) as ResponseFrame
  if (!ok) return { kind: 'refused', run, reason: error?.details?.code ?? error?.code ?? 'an error without a code' }
  const status = answer?.status
  if (status === 'ok') return { kind: 'ended', run }
  return status === 'error' || status === 'timeout' ? { kind: 'failed', run, reason: `run ${status}` } : { kind: 'acknowledged', run }
}

/** Undefined for whatever says nothing about how far a run is. */
export function readRunFrame (payload: Buffer): RunFrame | undefined {
  const head = payload.toString('latin1', 0, headBytes)
  if (head.startsWith('{"type":"res"')) return ofResponse(payload, head)
  if (!head.includes('"event":"chat"')) return undefined
  const run = runPattern.exec(head)?.[1]
  const state = statePattern.exec(head)?.[1]
  if (run === undefined || state === undefined) return undefined
  if (state === 'delta') return { kind: 'first-word', run }
  if (state === 'final') return { kind: 'ended', run }
  return state === 'error' || state === 'aborted' ? { kind: 'failed', run, reason: `run ${state}` } : undefined
}
