/** What agents may ask of nodes, in the words of the tools. */
import type { DeviceCaller } from '../auth/devices/types.ts'
import { nodeRows, type NodeRow } from '../methods/node-rows.ts'
import type { Rooms } from '../methods/rooms.ts'
import { expandScopes } from '../protocol/scopes.ts'
import type { NodesPort, NodeView } from '../tools/nodes/port.ts'

/** Only owners get at the tool that decides. What runs programs on a node is let in by a person, never by an agent that read something. */
const agent: DeviceCaller = { label: 'an agent of the owner', scopes: expandScopes(['operator.pairing', 'operator.write']), admin: false }

export function composeNodePort (rooms: () => Rooms): NodesPort {
  return {
    skills: () => rooms().nodes.loaded()?.skills.all() ?? [],
    list: async () => await nodeRows(rooms()) as readonly (NodeRow & NodeView)[],
    pairing: async () => rooms().devices.nodePairList(),
    decide: async (requestId, decision) => decision === 'approve'
      ? await rooms().devices.nodeApprove(requestId, { caller: agent })
      : await rooms().devices.nodeReject(requestId, { caller: agent }),
    invoke: async (question, signal) => await (await rooms().nodes()).invoke(question, signal)
  }
}
