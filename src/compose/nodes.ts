/** Machines that lend this gateway commands. Loaded when the first of them is asked or says something. */
import type { LiveConfig } from '../config/live-config.ts'
import type { EventBus } from '../events/bus.ts'
import type { Logging } from '../log/logger.ts'
import type { Rooms } from '../methods/rooms.ts'
import type { NodePeer, Nodes } from '../nodes/room.ts'
import type { Store } from '../store/store.ts'
import type { ToolsRoom } from '../tools/tools.ts'

export interface NodeParts extends Pick<Rooms, 'devices' | 'connections'> {
  readonly live: LiveConfig
  readonly store: Store
  readonly events: EventBus
  readonly logging: Logging
  readonly tools: Pick<ToolsRoom, 'registry'>
  readonly now: () => number
  /** A text that the agent of a conversation hears with its next turn. */
  readonly tell: (sessionKey: string, text: string) => Promise<unknown>
}

export function composeNodes ({ live, logging, events, connections, tools, ...parts }: NodeParts): Rooms['nodes'] {
  const config = () => live.current().config
  function peer (nodeId: string): NodePeer | undefined {
    const connection = connections.connectedNodes().get(nodeId)
    if (!connection || connection.state !== 'connected') return undefined
    const { id: connectionId, declared = { caps: [], commands: [] }, signal } = connection
    return { nodeId, connectionId, declared, signal }
  }
  async function load () {
    const [{ createNodes }, registry] = await Promise.all([import('../nodes/nodes.ts'), tools.registry()])
    return createNodes({
      ...parts,
      emit: events.emit,
      peer,
      settings: () => config().gateway.nodes.commands,
      offersTools: () => config().gateway.nodes.pluginTools.enabled,
      allowsSkills: () => config().gateway.nodes.allowSkills,
      onChange (listener) {
        live.onChange(listener)
        events.subscribe(({ event }) => { if (event === 'node.pair.resolved') listener() })
      },
      registry,
      notifyOnExit: () => config().tools.exec.notifyOnExit,
      log: logging.child('nodes')
    })
  }
  let loading: ReturnType<typeof load> | undefined
  let loaded: Nodes | undefined
  const nodes = async (): Promise<Nodes> => {
    loading ??= load()
    loaded = await loading
    return loaded
  }
  return Object.assign(nodes, { loaded: () => loaded })
}
