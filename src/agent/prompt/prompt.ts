/** The words around a conversation: who the agent is, what its workspace says, where and when it is. */
import { agentEntries, type AgentEntry } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { createRecent } from '../../lib/recent.ts'
import { isPrivate, parseKey } from '../../sessions/keys.ts'
import type { Prompting, PromptFacts, RunLog } from '../context.ts'
import type { NodeSkill } from '../../tools/nodes/port.ts'
import { visibleReply } from '../replies.ts'
import { workspaceOf, type WorkspacePaths } from '../roster/workspace.ts'
import { createCalendar, type TimeFormat } from './calendar.ts'
import { createFirstFiles } from './first-files.ts'
import type { FileHead } from './file-head.ts'
import { createWorkspaces, type WorkspaceWords } from './workspaces.ts'

export interface PromptingOptions {
  readonly config: () => LoadedConfig
  readonly paths: WorkspacePaths
  readonly now: () => number
  readonly log: RunLog
  /** What nodes bring to this conversation. */
  readonly nodeSkills: (place: Pick<PromptFacts, 'agentId' | 'sessionKey'>) => Promise<readonly NodeSkill[]>
}

/** Of all files of a workspace together, unless a single one may have more. */
const maxTotalChars = 60_000
const maxRemembered = 256

interface Agent {
  readonly loaded: LoadedConfig
  readonly entry: Partial<AgentEntry>
  readonly directory: string
}

interface Remembered {
  readonly words: WorkspaceWords
  readonly loaded: LoadedConfig
  readonly brought: string
  readonly text: string
}

function cut ({ text, isCut }: FileHead, name: string, maxChars: number): string {
  const trimmed = text.trim()
  if (trimmed.length <= maxChars && !isCut) return trimmed
  const shown = trimmed.slice(0, maxChars).replace(/[\ud800-\udbff]$/, '')
  return `${shown}\n[cut after ${shown.length} characters; the rest is in ${name}]`
}

function filesSection ({ files }: WorkspaceWords, maxChars: number, withPrivate: boolean): string {
  let left = Math.max(maxTotalChars, maxChars)
  const sections: string[] = []
  for (const { name, head } of files) {
    if (!withPrivate && name === 'MEMORY.md') continue
    if (left <= 0 || head.text.trim() === '') continue
    const text = cut(head, name, Math.min(maxChars, left))
    left -= text.length
    sections.push(`## ${name}\n\n${text}`)
  }
  return sections.length === 0 ? '' : `# Files of your workspace\n\n${sections.join('\n\n')}`
}

function skillsSection ({ skills }: WorkspaceWords): string {
  if (skills.length === 0) return ''
  const lines = skills.map(({ name, description, directory }) =>
    `- ${name}${description ? `: ${description}` : ''}${name === directory ? '' : ` (skills/${directory})`}`)
  return `# Skills\n\nBefore you use one, read skills/<name>/SKILL.md in your workspace.\n${lines.join('\n')}`
}

const silence = 'When a message needs no answer, reply with NO_REPLY and nothing else; nobody sees it.'

export interface PromptingRoom extends Prompting {
  /** Resolves when no file of a workspace is being written any more, also for runs that nobody waits for. */
  close (): Promise<void>
}

export function createPrompting ({ config, paths, now, log, nodeSkills }: PromptingOptions): PromptingRoom {
  const workspaces = createWorkspaces({ now, log })
  const today = createCalendar({ now, log })
  const remembered = createRecent<Remembered>(maxRemembered)

  const known = createRecent<Agent>(maxRemembered)
  const creating = new Set<Promise<void>>()

  /** Looked up once for each state of the configuration, however many agents it has. */
  function agentOf (loaded: LoadedConfig, agentId: string): Agent {
    const found = known.get(agentId)
    if (found?.loaded === loaded) return found
    const entry = agentEntries(loaded.config).find(({ id }) => id.toLowerCase() === agentId) ?? {}
    const agent = { loaded, entry, directory: workspaceOf(loaded.config, agentId, paths) }
    known.set(agentId, agent)
    return agent
  }

  async function create ({ directory, entry: { name, id, skipBootstrap }, loaded }: Agent): Promise<void> {
    if (skipBootstrap ?? loaded.config.agents.defaults.skipBootstrap) return
    const created = createFirstFiles(directory, name ?? (id === 'main' ? undefined : id))
      .catch((err: unknown) => log.warn({ err, directory }, 'the first files of a workspace could not be created'))
    creating.add(created)
    await created
    creating.delete(created)
  }

  async function broughtFor (facts: PromptFacts): Promise<string> {
    const skills = await nodeSkills(facts)
    return skills.length === 0 ? '' : (await import('../../tools/nodes/skills.ts')).skillsOfNodes(skills)
  }

  /** The same text for the same facts, so that whoever counts or caches it meets the same string again. */
  function render (words: WorkspaceWords, brought: string, { loaded, entry, directory }: Agent, facts: PromptFacts): string {
    const { agentId, sessionKey, request, model } = facts
    const { defaults } = loaded.config.agents
    const parts = parseKey(sessionKey)
    const day = today(defaults.userTimezone, defaults.timeFormat as TimeFormat)
    const named = request.origin?.['messageChannel']
    const channel = parts.channel ?? (typeof named === 'string' ? named : request.via === 'chat' ? 'webchat' : request.via)
    const place = `agent ${agentId}, model ${model.provider}/${model.id}, channel ${channel}, workspace ${directory}`
    const id = JSON.stringify([place, day, parts.kind])
    const same = remembered.get(id)
    if (same && same.words === words && same.loaded === loaded && same.brought === brought) return same.text
    const maxChars = entry.bootstrapMaxChars ?? defaults.bootstrapMaxChars
    const text = [
      `You are ${entry.name ?? agentId}, an agent that people talk to through a gateway.\n${silence}`,
      skillsSection(words),
      brought,
      maxChars > 0 ? filesSection(words, maxChars, isPrivate(parts)) : '',
      `# Here and now\n\n${day}\n${place[0]!.toUpperCase()}${place.slice(1)}.`
    ].filter(Boolean).join('\n\n')
    remembered.set(id, { words, loaded, brought, text })
    return text
  }

  return {
    visible: visibleReply,
    async close () { await Promise.all(creating) },
    async system (facts) {
      const agent = agentOf(config(), facts.agentId)
      const words = await workspaces.words(agent.directory, async () => await create(agent))
      const text = render(words, await broughtFor(facts), agent, facts)
      const { extraSystemPrompt } = facts.request
      return extraSystemPrompt ? `${text}\n\n${extraSystemPrompt}` : text
    }
  }
}
