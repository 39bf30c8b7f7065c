/** What agents may ask of nodes, in the words of the tools. */
import type { DeviceCaller } from '../auth/devices/types.ts'
import { nodeRows, type NodeRow } from '../methods/node-rows.ts'
import type { Rooms } from '../methods/rooms.ts'
import { expandScopes } from '../protocol/scopes.ts'
import type { ExecRoom } from '../tools/exec/room.ts'
import type { NodeSkill, NodesPort, NodeView } from '../tools/nodes/port.ts'

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

export interface NodeSkillsSources {
  readonly nodes: () => NodesPort
  readonly exec: () => Promise<ExecRoom>
}

type Place = Parameters<ExecRoom['nodesFor']>[0]

/** The skills of nodes that a conversation may use: those of nodes that its commands may run on. */
export const composeNodeSkills = ({ nodes, exec }: NodeSkillsSources) => async (place: Place): Promise<readonly NodeSkill[]> => {
  const all = nodes().skills()
  if (all.length === 0) return all
  const named = all.map(skill => ({ skill, nodeId: skill.nodeId, displayName: skill.nodeName }))
  return (await exec()).nodesFor(place, named).map(({ skill }) => skill)
}
