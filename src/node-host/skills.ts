/** What the owner of this machine wrote about how it is used: `skills/<name>/SKILL.md` in the state directory of the node. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { frontMatter } from '../lib/front-matter.ts'
import { skillLimits } from '../protocol/node-skills.ts'
import { invalid } from './command-failure.ts'

export interface OwnSkill {
  readonly name: string
  readonly description: string
  readonly content: string
}

export interface SkillPlace {
  readonly directory: string
  /** The device that this node is known by. */
  readonly nodeId: string
}

const isName = (name: string): boolean => new RegExp(skillLimits.namePattern).test(name)

/** Undefined: a folder that is no skill, or none that a gateway would take. */
async function skillIn (directory: string, name: string): Promise<OwnSkill | undefined> {
  const file = join(directory, name, 'SKILL.md')
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile() || found.size > skillLimits.bytesEach) return undefined
  const content = await readFile(file, 'utf8').catch(() => '')
  const fields = frontMatter(content)
  const description = fields.get('description')?.trim() ?? ''
  const fits = fields.get('name')?.trim() === name && description !== '' && description.length <= skillLimits.descriptionChars
  return fits ? { name, description, content } : undefined
}

export async function readOwnSkills (directory: string): Promise<readonly OwnSkill[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const names = entries.filter(entry => entry.isDirectory() && isName(entry.name)).map(({ name }) => name).sort()
  const skills: OwnSkill[] = []
  let bytes = 0
  for (const name of names) {
    const skill = await skillIn(directory, name)
    bytes += Buffer.byteLength(skill?.content ?? '')
    if (bytes > skillLimits.bytesTogether || skills.length >= skillLimits.count) break
    if (skill) skills.push(skill)
  }
  return skills
}

/** The folder that an address of ours means; anything else is a place as it stands. */
export function placeMeant (place: string, { directory, nodeId }: SkillPlace): string {
  if (!place.startsWith('node://')) return place
  const [, id = '', name = ''] = /^node:\/\/([^/]+)\/skills\/([^/]+)\/?$/.exec(place) ?? []
  if (id !== encodeURIComponent(nodeId) || !isName(name)) throw invalid(`${place} is no folder of a skill of this node`)
  return join(directory, name)
}
