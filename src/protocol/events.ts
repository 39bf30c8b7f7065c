/** The one table of events: who may see one, and what may be done with it when a client is slow. Not listed = sent to nobody. */
import type { Scope } from './scopes.ts'

export interface EventRow {
  /** `public`: every connected client. `target`: only the connections it is addressed to. */
  readonly scope: Scope | 'public' | 'target'
  /** May be left out for a client whose buffer is full; nothing depends on its arrival. */
  readonly droppable?: true
  /** Not sent to clients with the node role. */
  readonly operatorsOnly?: true
}

const row = (scope: EventRow['scope'], more: Omit<EventRow, 'scope'> = {}): EventRow => ({ scope, ...more })

export const eventTable = {
  'connect.challenge': row('target'),
  tick: row('public', { droppable: true }),
  shutdown: row('public'),
  health: row('public', { droppable: true }),
  heartbeat: row('public', { droppable: true }),
  cron: row('operator.read', { droppable: true, operatorsOnly: true }),
  presence: row('operator.read', { droppable: true, operatorsOnly: true }),
  chat: row('operator.read', { operatorsOnly: true }),
  agent: row('operator.read', { operatorsOnly: true }),
  'agent.run.request': row('target'),
  'agent.run.cancel': row('target'),
  // Only to who subscribed; the rooms that emit them know who that is.
  'sessions.changed': row('target', { operatorsOnly: true }),
  'session.message': row('target', { operatorsOnly: true }),
  'session.tool': row('target', { operatorsOnly: true }),
  'session.operation': row('target', { operatorsOnly: true }),
  'config.changed': row('operator.read', { operatorsOnly: true }),
  'exec.approval.requested': row('operator.approvals', { operatorsOnly: true }),
  'exec.approval.resolved': row('operator.approvals', { operatorsOnly: true }),
  'plugin.approval.requested': row('operator.approvals', { operatorsOnly: true }),
  'plugin.approval.resolved': row('operator.approvals', { operatorsOnly: true }),
  'session.approval': row('operator.approvals', { operatorsOnly: true }),
  'device.pair.requested': row('operator.pairing', { operatorsOnly: true }),
  'device.pair.resolved': row('operator.pairing', { operatorsOnly: true }),
  'device.pair.changed': row('operator.pairing', { operatorsOnly: true }),
  'device.pair.setup.completed': row('operator.pairing', { operatorsOnly: true }),
  'node.pair.requested': row('operator.pairing', { operatorsOnly: true }),
  'node.pair.resolved': row('operator.pairing', { operatorsOnly: true }),
  'plugins.changed': row('operator.read', { droppable: true, operatorsOnly: true }),
  'node.hostStats': row('operator.read', { droppable: true, operatorsOnly: true }),
  'node.invoke.request': row('target'),
  'node.invoke.cancel': row('target'),
  'node.presence': row('operator.read', { droppable: true, operatorsOnly: true })
} as const satisfies { [event: string]: EventRow }

export type EventName = keyof typeof eventTable

/** Broadcast, but not offered as something to subscribe to. */
const unlisted: ReadonlySet<EventName> = new Set<EventName>(['config.changed', 'agent.run.request', 'agent.run.cancel'])

export const advertisedEvents = (Object.keys(eventTable) as EventName[]).filter(name => !unlisted.has(name))
