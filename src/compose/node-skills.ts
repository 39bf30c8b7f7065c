/** The skills of nodes that a conversation may use: those of nodes that its commands may run on. */
import type { ExecRoom } from '../tools/exec/room.ts'
import type { NodeSkill, NodesPort } from '../tools/nodes/port.ts'

export interface NodeSkillsSources {
  readonly nodes: () => NodesPort
  readonly exec: () => Promise<ExecRoom>
}

type Place = Parameters<ExecRoom['nodesFor']>[0]

export const composeNodeSkills = ({ nodes, exec }: NodeSkillsSources) => async (place: Place): Promise<readonly NodeSkill[]> => {
  const all = nodes().skills()
  if (all.length === 0) return all
  const named = all.map(skill => ({ skill, nodeId: skill.nodeId, displayName: skill.nodeName }))
  return (await exec()).nodesFor(place, named).map(({ skill }) => skill)
}
