/** What is read off the rooms when somebody asks for the numbers. No room is built for it. */
import { stat } from 'node:fs/promises'
import type { Reading } from '../../telemetry/exposition.ts'
import type { Connections } from '../../rpc/connections.ts'
import type { Parts } from '../parts.ts'

const reading = (name: string, value: number, labels?: { readonly [label: string]: string }): Reading =>
  ({ name: `openclaw_${name}`, value, ...(labels ? { labels } : {}) })

/** How many there are of each; what it is counted by are words of ours, never names that somebody chose. */
function counted (name: string, label: string, words: Iterable<string>, always: readonly string[]): Reading[] {
  const counts = new Map(always.map(word => [word, 0]))
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

/** By channel and one word about it. */
function countsByChannel (name: string, label: string) {
  const counts = new Map<string, { readonly channel: string, readonly word: string, count: number }>()
  return {
    add (channel: string, word: string, by: number): void {
      const one = counts.get(`${channel}\n${word}`) ?? { channel, word, count: 0 }
      counts.set(`${channel}\n${word}`, one)
      one.count += by
    },
    readings: (): Reading[] => [...counts.values()].map(({ channel, word, count }) => reading(name, count, { channel, [label]: word }))
  }
}

const outboundStates = ['queued', 'parked', 'dead'] as const
/** What a channel that is no longer configured has left. */
const otherChannel = 'other'

function channelReadings ({ channels }: Parts): Reading[] {
  const rooms = channels.current()
  const states = countsByChannel('channel_accounts', 'state')
  const restarts = countsByChannel('channel_restarts_total', 'reason')
  const outbound = countsByChannel('channel_outbound_messages', 'state')
  const configured = new Set<string>()
  for (const { facts: { channel, lifecycle, restartsByReason }, verdict } of rooms?.channels.status() ?? []) {
    configured.add(channel)
    states.add(channel, verdict.healthy ? lifecycle : verdict.reason, 1)
    for (const [reason, count = 0] of Object.entries(restartsByReason)) restarts.add(channel, reason, count)
    // There before the first message waits, so that there is something to alert on.
    for (const state of outboundStates) outbound.add(channel, state, 0)
  }
  for (const { channel, state } of rooms?.delivery.list() ?? []) outbound.add(configured.has(channel) ? channel : otherChannel, state, 1)
  return [...states.readings(), ...restarts.readings(), ...outbound.readings()]
}

const limiterStates = ['counted', 'locked'] as const

/** The database, what is not in it yet, and the copy that takes its place when it is damaged. */
async function storeReadings ({ options }: Parts): Promise<Reading[]> {
  const { writable, queued, files } = options.store.status()
  const sizes = await Promise.all(Object.entries(files ?? {}).map(async ([file, path]) => {
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    return reading('store_bytes', size, { file })
  }))
  return [reading('store_writable', writable ? 1 : 0), reading('store_queued_changes', queued), ...sizes]
}

const startReadings = ({ options: { starts = {}, crashLoop, crashLoopTrips = 0 } }: Parts): Reading[] => [
  ...Object.entries(starts).map(([kind, count]) => reading('gateway_starts_total', count, { after: kind })),
  reading('gateway_crash_loop_trips_total', crashLoopTrips),
  reading('gateway_autostart_suppressed', crashLoop?.facts() ? 1 : 0)
]

export async function readGateway (parts: Parts, connections: Connections): Promise<Reading[]> {
  const { options, host, door, reload, watch } = parts
  const log = options.logging.stats()
  const audit = watch.audit.facts()
  return [
    reading('gateway_build_info', 1, { version: options.version }),
    reading('gateway_uptime_seconds', host.lifecycle.uptimeMs() / 1000),
    ...startReadings(parts),
    reading('gateway_ready', host.lifecycle.failing().length === 0 ? 1 : 0),
    ...counted('gateway_connections', 'role', Iterator.from(connections.connected()).map(({ caller }) => caller?.role ?? 'unknown'), ['operator', 'node']),
    reading('gateway_connections_introducing', connections.counts().introducing),
    ...counted('gateway_limiter_subjects', 'state', door.limiter.list().map(({ lockedForMs }) => lockedForMs === undefined ? 'counted' : 'locked'), limiterStates),
    ...runReadings(parts),
    ...channelReadings(parts),
    reading('config_pending_changes', reload.facts().pending.length),
    ...await storeReadings(parts),
    reading('audit_entries_total', audit.written),
    reading('audit_waiting', audit.waiting),
    reading('audit_dropped_total', audit.dropped),
    reading('log_bytes_total', log.bytesWritten),
    reading('log_dropped_total', log.dropped),
    reading('prometheus_series_dropped_total', watch.meters.all.dropped())
  ]
}
