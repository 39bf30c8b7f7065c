/** What nodes tell of themselves: how their machine is, whether somebody sits at it, what became of a program. */
import type { EventBus } from '../events/bus.ts'
import { createRecent } from '../lib/recent.ts'
import type { Collection } from '../store/store.ts'
import type { NodeVoice } from './room.ts'

export interface HostStats {
  readonly cpuCount: number
  readonly loadAverage?: readonly [number, number, number]
  readonly memoryTotalBytes: number
  readonly memoryFreeBytes: number
  readonly diskTotalBytes?: number
  readonly diskAvailableBytes?: number
  readonly updatedAtMs: number
}

export interface NodeEventAnswer {
  readonly ok: true
  readonly event: string
  readonly handled: boolean
  readonly reason?: string
}

export interface ReportsOptions {
  readonly stats: Collection<HostStats>
  readonly emit: EventBus['emit']
  readonly now: () => number
  /** The connection that speaks for this node now. */
  readonly isCurrent: (voice: NodeVoice) => boolean
  /** A sign of life of a node that is not here. */
  readonly alive: (nodeId: string, reason: string) => boolean
  /** A text for the conversation that a program was run for. */
  readonly tell: (sessionKey: string, text: string) => Promise<unknown>
  readonly notifyOnExit: () => boolean
  readonly log: { warn (fields: object, message: string): void }
}

export interface NodeActivity {
  readonly lastActiveAtMs: number
  readonly presenceUpdatedAtMs: number
  /** Of all nodes, somebody sat at this one last. */
  readonly active: boolean
}

export interface Reports {
  event (voice: NodeVoice, event: string, payload: unknown): Promise<NodeEventAnswer>
  hostStats (nodeId: string): HostStats | undefined
  activity (nodeId: string): NodeActivity | undefined
  /** A program that a node was asked to run, and where its end is told. */
  began (voice: NodeVoice, runId: string, sessionKey: string | undefined): void
}

type Fields = { readonly [name: string]: unknown }
interface Activity extends NodeVoice { readonly lastActiveAtMs: number, readonly presenceUpdatedAtMs: number }
interface Program extends NodeVoice { readonly sessionKey: string | undefined }

const longestIdleSeconds = 30 * 86_400
const maxKnown = 1000
const maxToldChars = 2000
const triggers: ReadonlySet<unknown> = new Set(['background', 'silent_push', 'bg_app_refresh', 'significant_location', 'manual', 'connect'])

const fieldsOf = (payload: unknown): Fields => payload !== null && typeof payload === 'object' && !Array.isArray(payload) ? payload as Fields : {}
const bytes = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isLoad = (value: unknown): value is [number, number, number] =>
  Array.isArray(value) && value.length === 3 && value.every(one => Number.isFinite(one) && one >= 0 && one <= 100_000)

export function statsOf (payload: unknown, updatedAtMs: number): HostStats | undefined {
  const { cpuCount, loadAverage, memoryTotalBytes: total, memoryFreeBytes: free, ...volumes } = fieldsOf(payload)
  const { diskTotalBytes: disk, diskAvailableBytes: left } = volumes
  if (!bytes(cpuCount) || cpuCount < 1 || cpuCount > 4096 || !bytes(total) || !bytes(free) || free > total) return undefined
  if (loadAverage !== undefined && !isLoad(loadAverage)) return undefined
  if ((disk === undefined) !== (left === undefined)) return undefined
  const volume = bytes(disk) && bytes(left) && left <= disk ? { diskTotalBytes: disk, diskAvailableBytes: left } : undefined
  if (disk !== undefined && !volume) return undefined
  return { cpuCount, ...(loadAverage ? { loadAverage } : {}), memoryTotalBytes: total, memoryFreeBytes: free, ...volume, updatedAtMs }
}

/** What is worth telling of an end: a success that said nothing is not. */
function endOf ({ command, exitCode, timedOut, output, suppressNotifyOnExit }: Fields): string | undefined {
  if (suppressNotifyOnExit === true) return undefined
  const said = typeof output === 'string' ? output.replace(/\s+/g, ' ').trim().slice(0, maxToldChars) : ''
  if (exitCode === 0 && timedOut !== true && said === '') return undefined
  const how = timedOut === true ? 'ran out of time' : typeof exitCode === 'number' ? `ended with code ${exitCode}` : 'ended'
  const what = typeof command === 'string' ? command.replace(/\s+/g, ' ').slice(0, 200) : 'a command'
  return `On a node, ${what} ${how}${said ? `: ${said}` : ''}`
}

export function createReports (options: ReportsOptions): Reports {
  const { stats, emit, now, isCurrent, alive, tell, notifyOnExit, log } = options
  const known = createRecent<HostStats>(maxKnown)
  const activities = createRecent<Activity>(maxKnown)
  const programs = createRecent<Program>(maxKnown)
  stats.all().then(entries => { for (const { key, value } of entries) if (!known.get(key)) known.set(key, value) })
    .catch(err => log.warn({ err }, 'what nodes last said of themselves could not be read'))

  function current (): Activity | undefined {
    let latest: Activity | undefined
    for (const activity of activities.values()) {
      if (!isCurrent(activity)) activities.delete(activity.nodeId)
      else if (!latest || activity.lastActiveAtMs >= latest.lastActiveAtMs) latest = activity
    }
    return latest
  }

  async function hostStats (voice: NodeVoice, payload: unknown): Promise<string> {
    if (!isCurrent(voice)) return 'stale_connection'
    const said = statsOf(payload, now())
    if (!said) return 'invalid_payload'
    known.set(voice.nodeId, said)
    await stats.put(voice.nodeId, said)
    emit('node.hostStats', { nodeId: voice.nodeId, hostStats: said })
    return 'updated'
  }

  function activity (voice: NodeVoice, payload: unknown): string {
    if (!isCurrent(voice)) return 'stale_connection'
    const { idleSeconds, action } = fieldsOf(payload)
    if (action === 'clear') activities.delete(voice.nodeId)
    else if (bytes(idleSeconds) && idleSeconds <= longestIdleSeconds) {
      activities.set(voice.nodeId, { ...voice, lastActiveAtMs: now() - idleSeconds * 1000, presenceUpdatedAtMs: now() })
    } else return 'invalid_payload'
    emit('node.presence', { nodeId: voice.nodeId, activeNodeId: current()?.nodeId ?? null, ts: now() })
    return action === 'clear' ? 'cleared' : 'updated'
  }

  /** Only what was asked of this very node is believed, and an end is told once. */
  async function program (voice: NodeVoice, event: string, payload: Fields): Promise<string | undefined> {
    const { runId, sessionKey } = payload
    const asked = typeof runId === 'string' ? programs.get(runId) : undefined
    const matches = asked && asked.nodeId === voice.nodeId && asked.connectionId === voice.connectionId &&
      (asked.sessionKey === undefined || asked.sessionKey === sessionKey)
    if (!matches) return undefined
    if (event === 'exec.started') return 'started'
    programs.delete(runId as string)
    const text = event === 'exec.finished' && notifyOnExit() ? endOf(payload) : undefined
    if (!text || asked.sessionKey === undefined) return 'quiet'
    await tell(asked.sessionKey, text)
    return 'notified'
  }

  async function handle (voice: NodeVoice, event: string, payload: unknown): Promise<Pick<NodeEventAnswer, 'handled' | 'reason'>> {
    switch (event) {
      case 'node.host.stats': {
        const reason = await hostStats(voice, payload)
        return { handled: reason === 'updated', reason }
      }
      case 'node.presence.activity': {
        const reason = activity(voice, payload)
        return { handled: reason === 'updated' || reason === 'cleared', reason }
      }
      case 'node.presence.alive': {
        const { trigger } = fieldsOf(payload)
        const persisted = alive(voice.nodeId, triggers.has(trigger) ? String(trigger) : 'background')
        return { handled: persisted, reason: persisted ? 'persisted' : 'not_paired' }
      }
      case 'exec.started': case 'exec.finished': case 'exec.denied': {
        const reason = await program(voice, event, fieldsOf(payload))
        return { handled: reason !== undefined, reason: reason ?? 'unmatched_exec_event' }
      }
      default:
        return { handled: false, reason: 'unsupported_event' }
    }
  }

  return {
    event: async (voice, event, payload) => ({ ok: true, event, ...await handle(voice, event, payload) }),
    hostStats: nodeId => known.get(nodeId),
    activity (nodeId) {
      const latest = current()
      const mine = activities.get(nodeId)
      if (!mine) return undefined
      const { lastActiveAtMs, presenceUpdatedAtMs } = mine
      return { lastActiveAtMs, presenceUpdatedAtMs, active: latest?.nodeId === nodeId }
    },
    began: ({ nodeId, connectionId }, runId, sessionKey) => programs.set(runId, { nodeId, connectionId, sessionKey })
  }
}
