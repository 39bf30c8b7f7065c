/** Sessions of the gateway as the conversations of a bridge. */

type Fields = { readonly [field: string]: unknown }

export interface BridgeConversation {
  readonly sessionKey: string
  /** `internal`: nobody outside is on the other end, only the agent. */
  readonly channel: string
  readonly to?: string
  readonly accountId?: string
  readonly threadId?: string | number
  readonly [field: string]: unknown
}

export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const word = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
const partOf = (row: Fields, name: string): Fields => isObject(row[name]) ? row[name] : {}

const insideOnly: ReadonlySet<string> = new Set(['webchat', 'internal', 'cli', 'tui', 'http', 'api'])

export function conversationOf (row: Fields): BridgeConversation | undefined {
  const sessionKey = word(row.key) ?? word(row.sessionKey)
  if (sessionKey === undefined) return undefined
  const [delivery, origin] = [partOf(row, 'deliveryContext'), partOf(row, 'origin')]
  const channel = (word(delivery.channel) ?? word(row.lastChannel) ?? word(row.channel) ?? word(origin.provider))?.toLowerCase()
  const to = word(delivery.to) ?? word(row.lastTo)
  const accountId = word(delivery.accountId) ?? word(row.lastAccountId) ?? word(origin.accountId)
  const threadId = (delivery.threadId ?? row.lastThreadId ?? origin.threadId) as string | number | undefined
  const isRouted = channel !== undefined && to !== undefined && !insideOnly.has(channel)
  return {
    sessionKey,
    channel: isRouted ? channel : 'internal',
    ...(isRouted ? { to, ...(accountId === undefined ? {} : { accountId }), ...(threadId === undefined ? {} : { threadId }) } : {}),
    label: word(row.label),
    displayName: word(row.displayName),
    derivedTitle: word(row.derivedTitle),
    lastMessagePreview: word(row.lastMessagePreview),
    updatedAt: typeof row.updatedAt === 'number' ? row.updatedAt : null
  }
}

/** The first text of a message. */
export function textOf (message: unknown): string | undefined {
  const { content } = isObject(message) ? message : {}
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return undefined
  return word((content.find(part => isObject(part) && part.type === 'text') as Fields | undefined)?.text)
}

/** Whatever is no text, and what the gateway has kept of files. */
export function attachmentsOf (message: unknown): unknown[] {
  const { content, media } = isObject(message) ? message : {}
  const parts = Array.isArray(content) ? content.filter(part => isObject(part) && part.type !== 'text') : []
  const files = Array.isArray(media) ? media.map(one => ({ type: 'openclaw_media', media: one })) : []
  return [...parts, ...files]
}
