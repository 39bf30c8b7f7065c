/** Skills that nodes bring: texts that say how to use their machine, known to the agents here for as long as the node is. */
import { frontMatter } from '../lib/front-matter.ts'
import { skillLimits } from '../protocol/node-skills.ts'
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

const { bytesEach, bytesTogether } = skillLimits
/** Of all nodes together. */
const maxSkills = 512
const switchedOff = 'gateway.nodes.allowSkills is false'

/** The first of each name, as far as there is room. */
function judge (wanted: readonly SkillText[]): { readonly fitting: readonly SkillText[], readonly refused: Taken['refused'] } {
  const fitting = new Map<string, SkillText>()
  const refused: Array<{ name: string, reason: string }> = []
  let bytes = 0
  for (const skill of wanted) {
    const own = Buffer.byteLength(skill.content)
    const reason = fitting.has(skill.name) ? 'another skill of this node has this name' : problemOf(skill, own, bytes + own)
    if (reason === undefined) {
      bytes += own
      fitting.set(skill.name, skill)
    } else refused.push({ name: skill.name, reason })
  }
  return { fitting: [...fitting.values()], refused }
}

function problemOf ({ content }: SkillText, bytes: number, together: number): string | undefined {
  if (bytes > bytesEach) return `it is larger than ${bytesEach} bytes`
  if (together > bytesTogether) return `all skills together are larger than ${bytesTogether} bytes`
  return frontMatter(content).get('disable-model-invocation') === 'true' ? 'it is not for models (disable-model-invocation)' : undefined
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
