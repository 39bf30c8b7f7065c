/** What is read off the rooms when somebody asks for the numbers. No room is built for it. */
import type { Reading } from '../../telemetry/exposition.ts'
import type { Connections } from '../../rpc/connections.ts'
import type { Parts } from '../parts.ts'

const reading = (name: string, value: number, labels?: { readonly [label: string]: string }): Reading =>
  ({ name: `openclaw_${name}`, value, ...(labels ? { labels } : {}) })

/** How many there are of each; what it is counted by are words of ours, never names that somebody chose. */
function counted (name: string, label: string, words: Iterable<string>): Reading[] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => reading(name, count, { [label]: word }))
}

function runReadings ({ conversation }: Parts): Reading[] {
  const { active, queued, parked, waitingSessions, lanes } = conversation.runs.stats()
  return [
    reading('runs', active, { state: 'active' }), reading('runs', queued, { state: 'queued' }), reading('runs', parked, { state: 'parked' }),
    reading('session_queue_depth', waitingSessions),
    ...lanes.map(({ lane, queued: waiting }) => reading('queue_lane_size', waiting, { lane })),
    ...lanes.map(({ lane, active: going }) => reading('queue_lane_active', going, { lane }))
  ]
}

function channelReadings ({ channels }: Parts): Reading[] {
  const accounts = channels.current()?.channels.status() ?? []
  const states = new Map<string, number>()
  const restarts = new Map<string, number>()
  const add = (counts: Map<string, number>, key: string, by: number): void => { counts.set(key, (counts.get(key) ?? 0) + by) }
  for (const { facts, verdict } of accounts) {
    add(states, `${facts.channel}\n${verdict.healthy ? facts.lifecycle : verdict.reason}`, 1)
    for (const [reason, count = 0] of Object.entries(facts.restartsByReason)) add(restarts, `${facts.channel}\n${reason}`, count)
  }
  const shown = (name: string, label: string, counts: Map<string, number>): Reading[] => [...counts].map(([key, count]) => {
    const [channel, word] = key.split('\n') as [string, string]
    return reading(name, count, { channel, [label]: word })
  })
  return [...shown('channel_accounts', 'state', states), ...shown('channel_restarts_total', 'reason', restarts)]
}

export function readGateway (parts: Parts, connections: Connections): Reading[] {
  const { options, host, door, reload, watch } = parts
  const store = options.store.status()
  const log = options.logging.stats()
  const audit = watch.audit.facts()
  return [
    reading('gateway_build_info', 1, { version: options.version }),
    reading('gateway_uptime_seconds', host.lifecycle.uptimeMs() / 1000),
    reading('gateway_ready', host.lifecycle.failing().length === 0 ? 1 : 0),
    ...counted('gateway_connections', 'role', Iterator.from(connections.connected()).map(({ caller }) => caller?.role ?? 'unknown')),
    reading('gateway_connections_introducing', connections.counts().introducing),
    ...counted('gateway_limiter_subjects', 'state', door.limiter.list().map(({ lockedForMs }) => lockedForMs === undefined ? 'counted' : 'locked')),
    ...runReadings(parts),
    ...channelReadings(parts),
    reading('config_pending_changes', reload.facts().pending.length),
    reading('store_writable', store.writable ? 1 : 0),
    reading('store_queued_changes', store.queued),
    reading('audit_entries_total', audit.written),
    reading('audit_waiting', audit.waiting),
    reading('audit_dropped_total', audit.dropped),
    reading('log_bytes_total', log.bytesWritten),
    reading('log_dropped_total', log.dropped),
    reading('prometheus_series_dropped_total', watch.meters.all.dropped())
  ]
}
