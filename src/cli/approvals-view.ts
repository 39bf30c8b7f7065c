/** What the commands about approvals have in common. */
import { CommandFailure } from './failure.ts'

export const approvalsCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Approvals are kept by the running gateway: start it (openclaw gateway run), then repeat this command.'
})

export interface ApprovalsFile {
  readonly version: 1
  readonly defaults?: { readonly [word: string]: unknown }
  readonly agents?: { readonly [agentId: string]: AgentRules }
}

interface AgentRules {
  readonly allowlist?: readonly AllowEntry[]
  readonly [word: string]: unknown
}

interface AllowEntry {
  readonly id?: string
  readonly pattern: string
  readonly source?: 'allow-always'
  readonly commandText?: string
}

export interface ApprovalsSnapshot {
  readonly exists: boolean
  readonly hash: string
  readonly file: ApprovalsFile
  readonly resolvedDefaults?: { readonly [word: string]: unknown }
}

const wordsOf = (words: { readonly [word: string]: unknown }): string =>
  Object.entries(words).filter(([, value]) => typeof value !== 'object').map(([word, value]) => `${word} ${String(value)}`).join(', ')

export function snapshotLines ({ file, resolvedDefaults = {} }: ApprovalsSnapshot): string[] {
  const agents = Object.entries(file.agents ?? {})
  return [
    `Defaults: ${wordsOf(resolvedDefaults) || 'none'}`,
    ...agents.flatMap(([agentId, rules]) => [
      `Agent ${agentId}: ${wordsOf(rules) || 'as the defaults say'}`,
      ...(rules.allowlist ?? []).map(({ pattern, commandText }) => `  ${pattern}${commandText ? `  (exactly: ${commandText})` : ''}`)
    ]),
    ...(agents.length === 0 ? ['No agent has an allowlist of its own.'] : [])
  ]
}

/** The document with one pattern more or less. Undefined: it is like that already. */
export function changedFile (file: ApprovalsFile, action: string, agentId: string, pattern: string): ApprovalsFile | undefined {
  const rules = file.agents?.[agentId] ?? {}
  const before = rules.allowlist ?? []
  const others = before.filter(entry => entry.pattern !== pattern && entry.id !== pattern)
  if (action !== 'add' && action !== 'remove') throw new CommandFailure('Say what to do: openclaw approvals allowlist add <pattern>, or remove')
  if (action === 'add' ? before.some(entry => entry.pattern === pattern) : others.length === before.length) return undefined
  const allowlist = action === 'add' ? [...before, { pattern }] : others
  return { ...file, agents: { ...file.agents, [agentId]: { ...rules, allowlist } } }
}
