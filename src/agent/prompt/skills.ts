/** What an agent can learn: `skills/<name>/SKILL.md` in its workspace, known by name and description until it reads more. */
import { readdir } from 'node:fs/promises'
import { oneLine } from '../../lib/text.ts'
import { resolveWithin } from '../roster/confined-file.ts'
import { readHead, type FileHead } from './file-head.ts'

export interface Skill {
  readonly directory: string
  readonly name: string
  readonly description: string
}

const maxSkills = 100
const headBytes = 8 * 1024
const maxDescriptionChars = 300

const unquoted = (text: string): string => oneLine(text).replace(/^(["'])(.*)\1$/, '$2')

function skillOf (directory: string, fields: ReadonlyMap<string, string>): Skill | undefined {
  if (fields.get('disable-model-invocation') === 'true') return undefined
  const description = unquoted(fields.get('description') ?? '')
  return {
    directory,
    name: unquoted(fields.get('name') ?? '').slice(0, 64) || directory,
    description: description.length > maxDescriptionChars ? `${description.slice(0, maxDescriptionChars - 1)}…` : description
  }
}

export interface KnownSkills {
  readonly heads: ReadonlyMap<string, FileHead>
  readonly list: readonly Skill[]
}

export const noSkills: KnownSkills = { heads: new Map(), list: [] }

async function directories (root: string): Promise<string[]> {
  const path = await resolveWithin(root, 'skills').catch(() => undefined)
  if (path === undefined) return []
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  return entries.filter(entry => !entry.isFile() && /^\w[\w.-]*$/.test(entry.name)).map(({ name }) => name).sort().slice(0, maxSkills)
}

/** The same object as before when nothing has changed. */
export async function readSkills (root: string, known: KnownSkills): Promise<KnownSkills> {
  const found = await Promise.all((await directories(root)).map(async name =>
    [name, await readHead(root, `skills/${name}/SKILL.md`, headBytes, known.heads.get(name)).catch(() => undefined)] as const))
  const heads = new Map(found.flatMap(([name, head]) => head ? [[name, head]] : []))
  if (heads.size === known.heads.size && [...heads].every(([name, head]) => known.heads.get(name) === head)) return known
  const { frontMatter } = await import('../../lib/front-matter.ts')
  return { heads, list: [...heads].map(([name, head]) => skillOf(name, frontMatter(head.text))).filter(skill => skill !== undefined) }
}
