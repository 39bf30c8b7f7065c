/** Sessions as people see them, and what the commands about them have in common. */
import { escapeControl } from '../lib/text.ts'
import { ago, facts, table } from './table.ts'

export interface SessionRow {
  readonly key: string
  readonly sessionId?: string
  readonly agentId?: string
  readonly classification?: string
  readonly label?: string
  readonly displayName?: string
  readonly derivedTitle?: string
  readonly lastMessagePreview?: string
  readonly modelProvider?: string
  readonly model?: string
  readonly status?: string
  readonly updatedAt?: number
  readonly createdAt?: number
  readonly createdVia?: string
  readonly totalTokens?: number
  readonly contextTokens?: number
  readonly archived?: boolean
  readonly pinned?: boolean
  readonly unread?: boolean
  readonly thinkingLevel?: string
  readonly permissionMode?: string
  readonly category?: string
  readonly parentSessionKey?: string
}

export interface SessionList {
  readonly sessions: readonly SessionRow[]
  readonly count: number
  readonly totalCount: number
  readonly hasMore: boolean
  readonly nextOffset?: number | null
}

export const sessionCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Sessions belong to the running gateway: start it (openclaw gateway run), then repeat this command.'
})

export const sessionKeyArgument = { name: 'key', help: 'Session key, such as main or agent:main:main (openclaw sessions list)' }

const shown = (text: string | undefined, length = 60): string => text === undefined ? '-' : escapeControl(text, length)

const count = (tokens: number | undefined): string => {
  if (tokens === undefined) return '-'
  if (tokens < 1_000) return String(tokens)
  return tokens < 1_000_000 ? `${(tokens / 1_000).toFixed(1)}k` : `${(tokens / 1_000_000).toFixed(1)}m`
}

const flagsOf = ({ pinned, archived, unread }: SessionRow): string =>
  [pinned ? 'pinned' : '', archived ? 'archived' : '', unread ? 'unread' : ''].filter(Boolean).join(' ') || '-'

const modelOf = ({ modelProvider, model }: SessionRow): string => model === undefined ? '-' : `${modelProvider ?? '?'}/${model}`

export function sessionListText ({ sessions, totalCount, hasMore, nextOffset }: SessionList, now: number): string {
  if (totalCount === 0) return 'There are no sessions. One begins with the first message: openclaw agent --message "Hello".'
  const rows = sessions.map(row => [
    shown(row.key, 72), row.classification ?? '-', row.status ?? '-', ago(row.updatedAt, now), count(row.totalTokens), shown(modelOf(row), 40), flagsOf(row),
    shown(row.displayName ?? row.label ?? row.derivedTitle, 40)
  ])
  const text = table(['Key', 'Kind', 'Status', 'Changed', 'Tokens', 'Model', 'Flags', 'Title'], rows)
  return hasMore ? `${text}\n\n${sessions.length} of ${totalCount}; the next ones: openclaw sessions list --offset ${nextOffset ?? sessions.length}` : text
}

export function sessionText (row: SessionRow, now: number): string {
  const tokens = row.totalTokens === undefined ? undefined : `${row.totalTokens}${row.contextTokens ? ` of ${row.contextTokens}` : ''}`
  return facts([
    ['Session', shown(row.key, 512)],
    ['Id', row.sessionId],
    ['Agent', row.agentId],
    ['Kind', row.classification],
    ['Title', row.displayName ?? row.label ?? row.derivedTitle ? shown(row.displayName ?? row.label ?? row.derivedTitle, 120) : undefined],
    ['Group', row.category === undefined ? undefined : shown(row.category)],
    ['Status', row.status],
    ['Model', shown(modelOf(row), 120)],
    ['Thinking', row.thinkingLevel],
    ['Permissions', row.permissionMode],
    ['Tokens', tokens],
    ['Begun', `${ago(row.createdAt, now)}${row.createdVia ? ` via ${row.createdVia}` : ''}`],
    ['Changed', ago(row.updatedAt, now)],
    ['Parent', row.parentSessionKey],
    ['Flags', flagsOf(row) === '-' ? undefined : flagsOf(row)],
    ['Last said', row.lastMessagePreview === undefined ? undefined : shown(row.lastMessagePreview, 120)]
  ])
}

interface MessagePart { readonly type?: string, readonly text?: string, readonly name?: string }

/** One line of a conversation for people. */
export function messageLine ({ role, content }: { role?: string, content?: string | readonly MessagePart[] }): string {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content ?? []
  const text = parts.map(part => part.type === 'text' ? part.text ?? '' : part.type === 'toolCall' ? `[calls ${part.name ?? '?'}]` : `[${part.type ?? '?'}]`).join(' ')
  return `${role ?? '?'}: ${escapeControl(text.replace(/\s*\n\s*/g, ' '), 2_000)}`
}

export interface PendingInput {
  readonly runId: string
  readonly state: string
  readonly message: { readonly content: string }
}

export interface PendingInputs {
  readonly items: readonly PendingInput[]
  readonly total: number
}

/** A message that was not answered. An interrupted one has to be sent again, or be taken away with sessions.abort. */
export const pendingLine = ({ runId, state, message }: PendingInput): string =>
  `${state}: ${message.content === '' ? 'its message stands above' : escapeControl(message.content.replace(/\s*\n\s*/g, ' '), 500)} (run ${runId})`
