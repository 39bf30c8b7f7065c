/** Tools as people see them, and what the commands about them have in common. */
import { escapeControl } from '../lib/text.ts'
import { text } from './define-command.ts'
import { facts, table } from './table.ts'

interface ToolEntry {
  readonly id: string
  readonly description: string
  readonly source: string
  readonly risk?: string
}

export interface Effective {
  readonly agentId: string
  readonly profile: string
  readonly groups: ReadonlyArray<{ readonly label: string, readonly tools: readonly ToolEntry[] }>
}

export interface Why {
  readonly tool: string
  readonly aliases: readonly string[]
  readonly capability: string
  readonly sessionKey: string
  readonly agentId: string
  readonly surface: string
  readonly allowed: boolean
  readonly steps: ReadonlyArray<{ readonly step: string, readonly verdict: string, readonly because: string }>
}

export const placeOptions = {
  session: text('key', 'In this conversation (default: main)'),
  agent: text('id', 'Of this agent')
}

export const placeOf = ({ session, agent }: { readonly session: string | undefined, readonly agent: string | undefined }) => ({
  sessionKey: session ?? 'main',
  ...(agent === undefined ? {} : { agentId: agent })
})

export const toolCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Tools belong to the running gateway: start it (openclaw gateway run), then repeat this command.'
})

export function effectiveText ({ agentId, profile, groups }: Effective): string {
  const tools = groups.flatMap(group => group.tools)
  if (tools.length === 0) return `Agent ${agentId} has no tools here. Why not: openclaw tools why read`
  const rows = tools.map(({ id, source, risk, description }) => [escapeControl(id, 80), source, risk ?? '-', escapeControl(description, 100)])
  return `Agent ${agentId}, profile ${profile}: ${tools.length} tools\n\n${table(['Tool', 'From', 'Risk', 'What it does'], rows)}`
}

export function whyText ({ tool, aliases, capability, sessionKey, agentId, surface, allowed, steps }: Why): string {
  const rows = steps.map(({ step, verdict, because }) => [verdict === 'denied' ? 'DENIED' : 'passes', step, escapeControl(because, 200)])
  const about = facts([
    ['Tool', escapeControl([tool, ...aliases].join(', '), 200)],
    ['Can touch', capability],
    ['Session', sessionKey],
    ['Agent', agentId],
    ['Called by', surface === 'run' ? 'a run of the agent' : `a program over ${surface}`],
    ['Verdict', allowed ? 'allowed' : 'not allowed']
  ])
  return `${about}\n\n${table(['', 'Rule', 'Because'], rows)}`
}
