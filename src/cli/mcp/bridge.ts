/** A gateway as an MCP server: what happens there is kept for clients that ask, and told to those that understand channels. */
import { createRecent } from '../../lib/recent.ts'
import type { GatewayClient, GatewayEvent } from '../gateway-client.ts'
import { conversationOf, isObject, textOf, type BridgeConversation } from './conversation.ts'
import { createEventQueue, type EventQueue } from './event-queue.ts'
import { createLink, type Link } from './link.ts'

export interface BridgeOptions {
  open (): Promise<GatewayClient>
  /** Notifications that only some clients know. */
  readonly tellsChannels: boolean
  notify (method: string, params: object): void
  note (text: string): void
  readonly now: () => number
}

export interface OpenApproval {
  readonly kind: 'exec' | 'plugin'
  readonly id: string
  readonly request?: unknown
  readonly createdAtMs?: number
  readonly expiresAtMs?: number
}

export interface Bridge {
  readonly link: Link
  readonly events: EventQueue
  openApprovals (): readonly OpenApproval[]
  /** A client asks its own person through a channel. */
  permissionAsked (params: { readonly [field: string]: unknown }): void
  close (): Promise<void>
}

type Fields = { readonly [field: string]: unknown }

const maxApprovals = 500
const maxPermissions = 200
const permissionMs = 3_600_000
const unknownExpiryMs = 1_800_000
/** A larger message is read by messages_read. */
const maxRawChars = 65_536

const word = (value: unknown): string | undefined => typeof value === 'string' && value !== '' ? value : undefined
const timeOf = (value: unknown): number | undefined => typeof value === 'number' ? value : undefined

/** `yes abcde`, as people answer on a channel; the letter l is left out because it looks like others. */
const replyPattern = /^(yes|no)\s+([a-km-z]{5})$/i

const rawOf = (payload: Fields): object => JSON.stringify(payload).length <= maxRawChars ? { raw: payload } : { raw: { tooLarge: true } }

export function createBridge ({ open, tellsChannels, notify, note, now }: BridgeOptions): Bridge {
  const events = createEventQueue()
  const approvals = createRecent<OpenApproval>(maxApprovals)
  const permissions = createRecent<number>(maxPermissions)

  function approvalChanged (kind: OpenApproval['kind'], what: 'requested' | 'resolved', payload: Fields): void {
    const id = word(payload.id)
    if (id !== undefined && what === 'resolved') approvals.delete(id)
    if (id !== undefined && what === 'requested') {
      const createdAtMs = timeOf(payload.createdAtMs) ?? now()
      const expiresAtMs = timeOf(payload.expiresAtMs) ?? now() + unknownExpiryMs
      approvals.set(id, { kind, id, request: payload.request, createdAtMs, expiresAtMs })
    }
    events.push({ type: `${kind}_approval_${what}`, ...rawOf(payload) })
  }

  /** True when the message was the owner's word on what a client had asked. */
  function isPermission (payload: Fields, role: string | undefined, text: string | undefined): boolean {
    const [, word = '', id = ''] = replyPattern.exec(text?.trim() ?? '') ?? []
    const askedAtMs = permissions.get(id.toLowerCase())
    if (role !== 'user' || payload.senderIsOwner !== true || askedAtMs === undefined || now() - askedAtMs > permissionMs) return false
    permissions.delete(id.toLowerCase())
    notify('notifications/claude/channel/permission', { request_id: id.toLowerCase(), behavior: word.toLowerCase() === 'yes' ? 'allow' : 'deny' })
    return true
  }

  function tellChannel (conversation: BridgeConversation, text: string | undefined, messageId: string | undefined): void {
    const { sessionKey, channel, to = '', accountId = '', threadId = '' } = conversation
    notify('notifications/claude/channel', {
      content: text ?? '[non-text message]',
      meta: { session_key: sessionKey, channel, to, account_id: accountId, thread_id: String(threadId), message_id: messageId ?? '' }
    })
  }

  function messageCame (payload: Fields): void {
    const sessionKey = word(payload.sessionKey)
    if (sessionKey === undefined) return
    const role = isObject(payload.message) ? word(payload.message.role) : undefined
    const text = textOf(payload.message)
    if (isPermission(payload, role, text)) return
    const row = isObject(payload.session) ? payload.session : {}
    const conversation = conversationOf({ ...row, ...payload, key: sessionKey })
    const messageId = word(payload.messageId)
    events.push({
      type: 'message', sessionKey, conversation, messageId, messageSeq: timeOf(payload.messageSeq), role, text: text?.slice(0, maxRawChars), ...rawOf(payload)
    })
    if (tellsChannels && role === 'user' && conversation?.to !== undefined) tellChannel(conversation, text, messageId)
  }

  function happened ({ event, payload }: GatewayEvent): void {
    const fields = isObject(payload) ? payload : {}
    if (event === 'session.message') return messageCame(fields)
    const [, kind, what] = /^(exec|plugin)\.approval\.(requested|resolved)$/.exec(event) ?? []
    if (kind) approvalChanged(kind as OpenApproval['kind'], what as 'requested' | 'resolved', fields)
  }

  const link = createLink({ open, onEvent: happened, note })
  return {
    link,
    events,
    openApprovals () {
      for (const { id, expiresAtMs = 0 } of approvals.values()) if (expiresAtMs <= now()) approvals.delete(id)
      return approvals.values()
    },
    permissionAsked ({ request_id: id, tool_name: toolName, description, input_preview: inputPreview }) {
      const requestId = word(id)?.toLowerCase()
      if (requestId === undefined || requestId.length > 64) return
      permissions.set(requestId, now())
      events.push({ type: 'claude_permission_request', requestId, toolName, description, inputPreview })
    },
    close: link.close
  }
}
