/** Agents as people see them, and what the commands about them have in common. */
import { escapeControl } from '../lib/text.ts'
import { table } from './table.ts'

export interface AgentRow {
  readonly id: string
  readonly name?: string
  readonly identity?: { readonly name?: string, readonly emoji?: string }
  readonly workspace?: string
  readonly model?: { readonly primary?: string, readonly fallbacks?: readonly string[] }
}

export interface AgentPresence {
  readonly id: string
  readonly runtime: string
  readonly state: string
  readonly activeRuns: number
}

export interface AgentLine extends Omit<AgentRow, 'model'> {
  readonly model?: string
  readonly isDefault: boolean
  readonly state?: string
  readonly runtime?: string
  readonly activeRuns?: number
}

export const agentCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Agents are kept by the running gateway: start it (openclaw gateway run), then repeat this command.'
})

/** `presence` is what a gateway of another make may not tell. */
export const agentLines = (agents: readonly AgentRow[], defaultId: string, presence: readonly AgentPresence[]): AgentLine[] =>
  agents.map(({ id, name, identity, workspace, model }) => ({
    id,
    ...(name ? { name } : {}),
    ...(identity ? { identity } : {}),
    ...(workspace ? { workspace } : {}),
    ...(model?.primary ? { model: model.primary } : {}),
    isDefault: id === defaultId,
    ...presence.find(agent => agent.id === id)
  }))

const shown = (text: string | undefined, length = 60): string => text === undefined ? '-' : escapeControl(text, length)

export const agentListText = (lines: readonly AgentLine[]): string => table(['Id', 'Name', 'State', 'Model', 'Workspace'], lines.map(line => [
  `${shown(line.id)}${line.isDefault ? ' (default)' : ''}`,
  shown([line.identity?.emoji, line.name ?? line.identity?.name].filter(Boolean).join(' ') || undefined, 40),
  `${line.state ?? '-'}${line.runtime === 'external' ? ' (external)' : ''}`,
  shown(line.model),
  shown(line.workspace, 120)
]))
