/** What went wrong or was begun anew lately, for whoever asks how steady this gateway is. In memory, and never more than a page of it. */

export interface Incident {
  readonly seq: number
  readonly ts: number
  /** As existing tools name it: `diagnostic.` and what it is about. */
  readonly type: string
  readonly reason?: string
  readonly [fact: string]: unknown
}

export interface IncidentQuery {
  readonly type?: string | undefined
  readonly sinceSeq?: number | undefined
  readonly limit?: number | undefined
}

export interface IncidentReport {
  readonly capacity: number
  readonly count: number
  /** Older ones that made room. */
  readonly dropped: number
  readonly firstSeq?: number
  readonly lastSeq?: number
  readonly events: readonly Incident[]
  readonly summary: { readonly byType: { readonly [type: string]: number } }
}

export interface Incidents {
  note (type: string, facts?: { readonly [fact: string]: unknown }): void
  report (query?: IncidentQuery): IncidentReport
}

const capacity = 500

export function createIncidents (now: () => number): Incidents {
  const kept: Incident[] = []
  let seq = 0
  return {
    note (type, facts = {}) {
      kept.push({ ...facts, seq: ++seq, ts: now(), type })
      if (kept.length > capacity) kept.shift()
    },
    report ({ type, sinceSeq = 0, limit = capacity } = {}) {
      const found = kept.filter(one => one.seq > sinceSeq && (type === undefined || one.type === type))
      const events = found.slice(-limit)
      const byType: { [type: string]: number } = {}
      for (const one of found) byType[one.type] = (byType[one.type] ?? 0) + 1
      const bounds = events.length === 0 ? {} : { firstSeq: events[0]!.seq, lastSeq: events.at(-1)!.seq }
      return { capacity, count: found.length, dropped: seq - kept.length, ...bounds, events, summary: { byType } }
    }
  }
}
