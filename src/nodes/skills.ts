/** Skills that nodes bring: texts that say how to use their machine, known to the agents here for as long as the node is. */
import type { NodeSkill } from '../tools/nodes/port.ts'
import { createBrought } from './brought.ts'
import type { NodePeer, NodeVoice, Refusal, Taken } from './room.ts'

export interface SkillText {
  readonly name: string
  readonly description: string
  /** Of its SKILL.md. */
  readonly content: string
}

export interface NodeSkills {
  /** Takes the place of what this node brought before. */
  take (voice: NodeVoice, skills: readonly SkillText[]): Taken
  of (nodeId: string): readonly SkillText[]
  /** Of all nodes that may run what their skills name. */
  all (): readonly NodeSkill[]
}

export interface NodeSkillsOptions {
  readonly isAllowed: () => boolean
  readonly peer: (nodeId: string) => NodePeer | undefined
  readonly nameOf: (nodeId: string) => string | undefined
  readonly refusal: Refusal
}

const maxBytesEach = 65_536
const maxBytesOfNode = 524_288
/** Of all nodes together. */
const maxSkills = 512
const switchedOff = 'gateway.nodes.allowSkills is false'

/** The first of each name, as far as there is room. */
function judge (wanted: readonly SkillText[]): { readonly fitting: readonly SkillText[], readonly refused: Taken['refused'] } {
  const fitting = new Map<string, SkillText>()
  const refused: Array<{ name: string, reason: string }> = []
  let left = maxBytesOfNode
  for (const skill of wanted) {
    const bytes = Buffer.byteLength(skill.content)
    const reason = fitting.has(skill.name)
      ? 'another skill of this node has this name'
      : bytes > maxBytesEach ? `it is larger than ${maxBytesEach} bytes` : bytes > left ? `all skills together are larger than ${maxBytesOfNode} bytes` : undefined
    if (reason !== undefined) {
      refused.push({ name: skill.name, reason })
      continue
    }
    left -= bytes
    fitting.set(skill.name, skill)
  }
  return { fitting: [...fitting.values()], refused }
}

export function createNodeSkills ({ isAllowed, peer, nameOf, refusal }: NodeSkillsOptions): NodeSkills {
  const brought = createBrought<readonly SkillText[]>({ peer })
  const of = (nodeId: string): readonly SkillText[] => isAllowed() ? brought.of(nodeId) ?? [] : []

  return {
    take (voice, wanted) {
      const { fitting, refused } = judge(wanted)
      const isCurrent = brought.keep(voice, fitting)
      if (isCurrent && isAllowed()) return { ok: true, accepted: fitting.map(({ name }) => name), refused }
      const reason = isCurrent ? switchedOff : 'this connection does not speak for the node any more'
      return { ok: true, accepted: [], refused: wanted.map(({ name }) => ({ name, reason })) }
    },
    of,
    all: () => brought.all()
      .filter(([nodeId]) => refusal(nodeId, 'system.run') === undefined)
      .flatMap(([nodeId]) => of(nodeId).map(skill => {
        const folder = `node://${encodeURIComponent(nodeId)}/skills/${skill.name}`
        return { ...skill, nodeId, nodeName: nameOf(nodeId) ?? nodeId, folder, location: `${folder}/SKILL.md` }
      }))
      .slice(0, maxSkills)
  }
}
