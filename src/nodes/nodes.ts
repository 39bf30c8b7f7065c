/** Machines that lend this gateway commands: what may be asked of them, what they answer, what they tell. */
import type { Devices } from '../auth/devices/room.ts'
import type { NodeSummary, NodeSurface } from '../auth/devices/types.ts'
import type { EventBus } from '../events/bus.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { Store } from '../store/store.ts'
import type { NodeQuestion } from '../tools/nodes/port.ts'
import { createInvocations } from './invocations.ts'
import { createOffers, type OffersOptions } from './offers.ts'
import { createLiveActions, createPendingWork } from './pending.ts'
import { mayAsk, needsForeground, platformOf, type CommandSettings } from './policy.ts'
import { createReports, type ReportsOptions } from './reports.ts'
import type { InvokeReply, NodePeer, Nodes } from './room.ts'
import { createNodeSkills } from './skills.ts'

export interface NodesOptions extends Pick<ReportsOptions, 'tell' | 'notifyOnExit' | 'log'>, Pick<OffersOptions, 'registry'> {
  readonly offersTools: () => boolean
  readonly allowsSkills: () => boolean
  readonly devices: Pick<Devices, 'get' | 'effectiveSurface' | 'touch' | 'nodePairList'>
  readonly store: Store
  readonly emit: EventBus['emit']
  readonly now: () => number
  readonly settings: () => CommandSettings
  /** The connection of a node that is here. */
  readonly peer: (nodeId: string) => NodePeer | undefined
  /** Told whenever something else may be asked of nodes than before. */
  readonly onChange: (listener: () => void) => void
}

/** Words by which a caller would say yes in the place of whoever is asked. */
const decisions: ReadonlySet<string> = new Set(['approved', 'approvalDecision', 'approvalId', 'approvalResolvedBy', 'resolvedBy', 'systemRunPlan'])

export function withoutDecisions (params: unknown): unknown {
  if (params === null || typeof params !== 'object' || Array.isArray(params)) return params
  return Object.fromEntries(Object.entries(params).filter(([name]) => !decisions.has(name)))
}

const nothing: NodeSurface = { caps: [], commands: [] }

export function createNodes (options: NodesOptions): Nodes {
  const { devices, store, emit, now, settings, peer } = options
  const invocations = createInvocations({ emit, now })
  const actions = createLiveActions(now)
  const reports = createReports({
    ...options,
    stats: store.collection('node-stats'),
    isCurrent: ({ nodeId, connectionId }) => peer(nodeId)?.connectionId === connectionId,
    alive (nodeId, reason) {
      if (!devices.get(nodeId)) return false
      devices.touch(nodeId, reason)
      return true
    }
  })

  const approved = (nodeId: string): NodeSummary | undefined => devices.nodePairList().paired.find(node => node.nodeId === nodeId)

  function refusal (nodeId: string, command: string): string | undefined {
    const device = devices.get(nodeId)
    const declared = peer(nodeId)?.declared ?? approved(nodeId) ?? nothing
    const facts = { platform: device?.platform, deviceFamily: device?.deviceFamily, caps: declared.caps }
    if (!mayAsk(command, facts, settings())) return 'command not allowlisted'
    if (declared.commands.length === 0) return 'node did not declare commands'
    return declared.commands.includes(command) ? undefined : 'command not declared by node'
  }

  const isApproved = ({ nodeId, declared }: NodePeer, command: string): boolean =>
    devices.effectiveSurface(nodeId, declared).commands.includes(command)

  /** The same for what is not asked yet. */
  function obstacle (nodeId: string, command: string): string | undefined {
    const here = peer(nodeId)
    if (!here) return 'the node is not here'
    return refusal(nodeId, command) ?? (isApproved(here, command) ? undefined : 'it waits for approval (openclaw nodes pending)')
  }

  /** The node that is meant, if it is known, approved and here. */
  function target (nodeId: string, command: string): NodePeer {
    const known = approved(nodeId)
    if (!known) throw new GatewayError('NODE_NOT_APPROVED', { details: { code: 'PAIRING_CHANGED', nodeId, command, nodeCommandDispatched: false } })
    const found = peer(nodeId)
    if (!found) {
      const details = { code: 'NOT_CONNECTED', nodeId, command, nodeError: { code: 'NOT_CONNECTED' }, nodeCommandDispatched: false }
      throw new GatewayError('NODE_NOT_CONNECTED', { details })
    }
    const reason = refusal(nodeId, command)
    if (reason) {
      const details = { reason, command, nodeId, platform: platformOf(devices.get(nodeId)?.platform, devices.get(nodeId)?.deviceFamily) }
      throw new GatewayError('NODE_COMMAND_REFUSED', { message: `node command not allowed: ${reason}`, details })
    }
    if (!isApproved(found, command)) {
      throw new GatewayError('NODE_NOT_APPROVED', { details: { code: 'PAIRING_CHANGED', nodeId, command, nodeCommandDispatched: false } })
    }
    return found
  }

  /** What an iPhone in a pocket cannot show waits until somebody looks at it. */
  function keptForLater ({ nodeId, command, params }: NodeQuestion, error: unknown): GatewayError | undefined {
    if (!isGatewayError(error) || !needsForeground(command)) return undefined
    const { code } = (error.details.nodeError ?? {}) as { code?: string }
    if (code !== 'NODE_BACKGROUND_UNAVAILABLE') return undefined
    const { id: queuedActionId } = actions.add(nodeId, command, params)
    return new GatewayError('NODE_FAILED', {
      message: 'the command waits until somebody looks at the device',
      details: { code: 'QUEUED_UNTIL_FOREGROUND', queuedActionId, nodeId, command, nodeError: error.details.nodeError }
    })
  }

  async function invoke (request: NodeQuestion, signal: AbortSignal): Promise<InvokeReply> {
    const found = target(request.nodeId, request.command)
    const { runId } = (request.params ?? {}) as { runId?: unknown }
    if (request.command === 'system.run' && typeof runId === 'string') reports.began(found, runId, request.sessionKey)
    try {
      return await invocations.begin(found, request, signal)
    } catch (error) {
      throw keptForLater(request, error) ?? error
    }
  }

  const offers = createOffers({ registry: options.registry, isEnabled: options.offersTools, peer, refusal: obstacle, invoke })
  options.onChange(offers.settle)
  const nameOf = (nodeId: string): string | undefined => devices.get(nodeId)?.operatorLabel ?? approved(nodeId)?.displayName

  return {
    invoke,
    result: invocations.result,
    progress: invocations.progress,
    event: reports.event,
    hostStats: reports.hostStats,
    activity: reports.activity,
    pending: createPendingWork(store.collection('node-work'), now),
    actions,
    offers,
    skills: createNodeSkills({ isAllowed: options.allowsSkills, peer, nameOf, refusal: obstacle })
  }
}
