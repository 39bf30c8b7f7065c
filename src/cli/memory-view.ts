/** Memory as people see it, and what the commands about it have in common. */
import { escapeControl } from '../lib/text.ts'
import { text } from './define-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import { facts } from './table.ts'

export interface MemoryStatus {
  readonly agentId: string
  readonly enabled: boolean
  readonly workspace?: string
  readonly indexFile?: string
  readonly provider: string
  readonly model?: string
  readonly embedding: { readonly ok: boolean, readonly checked: boolean, readonly error?: string }
  readonly files?: number
  readonly chunks?: number
  readonly bytes?: number
  readonly left?: number
  readonly pending?: number
  readonly skipped?: ReadonlyArray<{ readonly path: string, readonly reason: string }>
  readonly error?: string
}

export interface MemoryFound {
  readonly results: ReadonlyArray<{ readonly citation: string, readonly score: number, readonly content: string }>
  readonly provider?: string
  readonly warning?: string
  readonly action?: string
  readonly unavailable?: boolean
}

export const agentOption = { agent: text('id', 'Of this agent') }

export const memoryCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Memory is searched by the running gateway: start it (openclaw gateway run), then repeat this command.'
})

/** The named agent, else every one. */
export async function agentsOf (client: GatewayClient, agent: string | undefined): Promise<readonly string[]> {
  if (agent !== undefined) return [agent]
  const { agents } = await client.request('agents.list') as { agents: ReadonlyArray<{ id: string }> }
  return agents.map(({ id }) => id)
}

const shown = (value: string): string => escapeControl(value, 300)

const megabytes = (bytes: number): string => bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`

function meaning ({ provider, model, embedding, pending = 0 }: MemoryStatus): string {
  if (provider === 'none') return `no vectors: ${shown(embedding.error ?? 'words alone')}`
  const state = embedding.error !== undefined ? `does not answer: ${shown(embedding.error)}` : embedding.checked ? 'answers' : 'not asked; --deep asks'
  return `${provider}/${model} (${state})${pending > 0 ? `, ${pending} texts wait for their vector` : ''}`
}

const maxSkipped = 20

export function statusText (status: MemoryStatus): string {
  const { agentId, enabled, workspace, indexFile, files = 0, chunks = 0, bytes = 0, left = 0, skipped = [], error } = status
  const about = facts([
    ['Agent', shown(agentId)],
    ['Search', enabled ? 'on' : 'off (memory.search.enabled)'],
    ['Workspace', workspace && shown(workspace)],
    ['Index', error === undefined ? `${files} files, ${chunks} pieces, ${megabytes(bytes)}` : `cannot be used: ${shown(error)}`],
    ['Index file', indexFile && shown(indexFile)],
    ['To be read', left > 0 ? `${left} files changed; the next search reads them, or openclaw memory index` : undefined],
    ['Meaning', meaning(status)]
  ])
  const lines = skipped.slice(0, maxSkipped).map(({ path, reason }) => `  ${shown(path)}: ${shown(reason)}`)
  const more = skipped.length - lines.length
  return lines.length === 0 ? about : `${about}\nLeft out:\n${lines.join('\n')}${more > 0 ? `\n  and ${more} more` : ''}`
}

/** Text of files, which may steer a terminal, line by line. */
const indented = (content: string): string => content.split('\n').map(line => `  ${escapeControl(line, 2_000)}`).join('\n')

export const foundText = ({ results }: MemoryFound): string => results.length === 0
  ? 'Nothing was found.'
  : results.map(({ citation, score, content }) => `${score.toFixed(2)}  ${shown(citation)}\n${indented(content)}`).join('\n\n')
