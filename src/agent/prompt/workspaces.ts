/** What the workspaces of agents say, kept in memory and looked at again when a while has passed. */
import { createOrderedMap } from '../../lib/ordered-map.ts'
import type { bootstrapFiles } from '../roster/bootstrap-files.ts'
import { readHead, type FileHead } from './file-head.ts'
import { noSkills, readSkills, type KnownSkills, type Skill } from './skills.ts'

export interface WorkspaceWords {
  /** In the order of the prompt. */
  readonly files: ReadonlyArray<{ readonly name: string, readonly head: FileHead }>
  readonly skills: readonly Skill[]
}

export interface Workspaces {
  /** The same object until something has changed. `create` is called once, before a workspace is first read. */
  words (directory: string, create: () => Promise<void>): Promise<WorkspaceWords>
}

export interface WorkspacesOptions {
  readonly now: () => number
  readonly log: { warn (fields: object, message: string): void }
}

/** Nobody writes a file and sends a message within less. */
const trustedMs = 1_000
const maxKept = 64
/** Of one file, whatever an agent is allowed of it. */
export const headBytes = 128 * 1024

const order: ReadonlyArray<typeof bootstrapFiles[number]> = [
  'AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER.md', 'TOOLS.md', 'MEMORY.md', 'HEARTBEAT.md', 'BOOTSTRAP.md'
]

interface Kept {
  words: WorkspaceWords
  heads: ReadonlyMap<string, FileHead>
  skills: KnownSkills
  checkedAtMs: number
  checking: Promise<void> | undefined
  readonly created: Promise<void>
  readonly complaints: Set<string>
}

export function createWorkspaces ({ now, log }: WorkspacesOptions): Workspaces {
  const kept = createOrderedMap<string, Kept>()

  async function headOf (directory: string, name: string, entry: Kept): Promise<FileHead | undefined> {
    try {
      return await readHead(directory, name, headBytes, entry.heads.get(name))
    } catch (err) {
      if (!entry.complaints.has(name)) log.warn({ err, directory, name }, 'a file of a workspace is left out of the prompt')
      entry.complaints.add(name)
      return undefined
    }
  }

  async function look (directory: string, entry: Kept): Promise<void> {
    await entry.created
    const [heads, skills] = await Promise.all([
      Promise.all(order.map(async name => ({ name, head: await headOf(directory, name, entry) }))),
      readSkills(directory, entry.skills)
    ])
    const files = heads.flatMap(({ name, head }) => head ? [{ name, head }] : [])
    const areSame = files.length === entry.heads.size && files.every(({ name, head }) => entry.heads.get(name) === head)
    entry.checkedAtMs = now()
    if (areSame && skills === entry.skills) return
    entry.heads = new Map(files.map(({ name, head }) => [name, head]))
    entry.skills = skills
    entry.words = { files, skills: skills.list }
  }

  function begin (create: () => Promise<void>): Kept {
    return {
      words: { files: [], skills: [] },
      heads: new Map(),
      skills: noSkills,
      checkedAtMs: -Infinity,
      checking: undefined,
      created: create(),
      complaints: new Set()
    }
  }

  return {
    async words (directory, create) {
      const entry = kept.get(directory) ?? begin(create)
      kept.set(directory, entry)
      if (kept.size() > maxKept) kept.delete(kept.oldest()!.key)
      if (Math.abs(now() - entry.checkedAtMs) >= trustedMs) {
        entry.checking ??= look(directory, entry).finally(() => { entry.checking = undefined })
        await entry.checking
      }
      return entry.words
    }
  }
}
