/** What MCP clients can do with the conversations of a gateway. Names and arguments are those that such clients know. */
import { randomUUID } from 'node:crypto'
import { flag, flagArgument, inputs, neededText, number, numberArgument, text, textArgument, wordArgument, words, type Arguments } from './arguments.ts'
import type { Bridge } from './bridge.ts'
import { attachmentsOf, conversationOf, isObject, type BridgeConversation } from './conversation.ts'

export interface BridgeTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: object
  readonly isReading: boolean
  run (args: Arguments, bridge: Bridge, signal: AbortSignal): Promise<object>
}

const said = (words: string, structuredContent?: object): object =>
  ({ content: [{ type: 'text', text: words }], ...(structuredContent === undefined ? {} : { structuredContent }) })

/** With the data in words, for clients that read no other. */
const told = (words: string, data: object): object => said(`${words}\n\n${JSON.stringify(data, null, 2)}`, data)

const failed = (words: string): object => ({ ...said(words), isError: true })

const sessionKey = text('Key of the conversation, from conversations_list')
const cursor = number(0, Number.MAX_SAFE_INTEGER, 'Only what came after this cursor')
const answers = ['allow-once', 'allow-always', 'deny'] as const

async function rowsOf ({ link }: Bridge, params: object): Promise<BridgeConversation[]> {
  const { sessions } = await link.request('sessions.list', params) as { sessions?: unknown[] }
  return (sessions ?? []).filter(isObject).map(conversationOf).filter(one => one !== undefined)
}

async function conversation ({ link }: Bridge, key: string): Promise<BridgeConversation | undefined> {
  const { session } = await link.request('sessions.describe', { key, includeDerivedTitles: true, includeLastMessage: true }) as { session?: unknown }
  return isObject(session) ? conversationOf(session) : undefined
}

/** Out to whoever is on the other end of a channel; where nobody is, to the agent. */
async function send (bridge: Bridge, found: BridgeConversation, message: string): Promise<unknown> {
  const { sessionKey, channel, to, accountId, threadId } = found
  const idempotencyKey = randomUUID()
  if (to === undefined) return await bridge.link.request('chat.send', { sessionKey, message, idempotencyKey })
  return await bridge.link.request('send', {
    to,
    channel,
    ...(accountId === undefined ? {} : { accountId }),
    ...(threadId === undefined ? {} : { threadId: String(threadId) }),
    message,
    sessionKey,
    idempotencyKey
  })
}

const filterOf = (args: Arguments) => {
  const key = textArgument(args, 'session_key')
  const afterCursor = numberArgument(args, 'after_cursor', { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 })
  return { afterCursor, ...(key === undefined ? {} : { sessionKey: key }) }
}

export const bridgeTools: readonly BridgeTool[] = [
  {
    name: 'conversations_list',
    description: 'List the conversations of the gateway, the newest first.',
    inputSchema: inputs({
      limit: number(1, 500, 'How many (default 50)'),
      search: text('Only those with this text in key, title or label'),
      channel: text('Only those on this channel; internal: those with the agent alone'),
      includeDerivedTitles: flag('Titles made from the first message (default true)'),
      includeLastMessage: flag('A preview of the last message (default true)')
    }),
    isReading: true,
    async run (args, bridge) {
      const channel = textArgument(args, 'channel')?.toLowerCase()
      const search = textArgument(args, 'search')
      const found = await rowsOf(bridge, {
        limit: numberArgument(args, 'limit', { least: 1, most: 500, otherwise: 50 }),
        ...(search === undefined ? {} : { search }),
        includeDerivedTitles: flagArgument(args, 'includeDerivedTitles'),
        includeLastMessage: flagArgument(args, 'includeLastMessage')
      })
      const conversations = channel === undefined ? found : found.filter(one => one.channel === channel)
      return told(`conversations: ${conversations.length}`, { conversations })
    }
  },
  {
    name: 'conversation_get',
    description: 'Look at one conversation.',
    inputSchema: inputs({ session_key: sessionKey }, ['session_key']),
    isReading: true,
    async run (args, bridge) {
      const key = neededText(args, 'session_key')
      const found = await conversation(bridge, key)
      return found ? told(`conversation ${found.sessionKey}`, { conversation: found }) : failed(`conversation not found: ${key}`)
    }
  },
  {
    name: 'messages_read',
    description: 'Read the last messages of one conversation.',
    inputSchema: inputs({ session_key: sessionKey, limit: number(1, 200, 'How many (default 20)') }, ['session_key']),
    isReading: true,
    async run (args, { link }) {
      const key = neededText(args, 'session_key')
      const limit = numberArgument(args, 'limit', { least: 1, most: 200, otherwise: 20 })
      const { messages = [] } = await link.request('sessions.get', { key, limit }) as { messages?: unknown[] }
      return told(`messages: ${messages.length}`, { messages })
    }
  },
  {
    name: 'attachments_fetch',
    description: 'What one message has beside its text.',
    inputSchema: inputs({
      session_key: sessionKey, message_id: text('Id of the message'), limit: number(1, 200, 'Without effect here')
    }, ['session_key', 'message_id']),
    isReading: true,
    async run (args, { link }) {
      const [key, messageId] = [neededText(args, 'session_key'), neededText(args, 'message_id')]
      const { ok, message } = await link.request('chat.message.get', { sessionKey: key, messageId }) as { ok?: boolean, message?: unknown }
      if (ok !== true || !isObject(message)) return failed(`message not found: ${messageId}`)
      const attachments = attachmentsOf(message)
      return said(`attachments: ${attachments.length}`, { attachments, message })
    }
  },
  {
    name: 'events_poll',
    description: 'What has happened in conversations, and which approvals were asked for, since a cursor. Only what came while this bridge was there.',
    inputSchema: inputs({ after_cursor: cursor, session_key: sessionKey, limit: number(1, 200, 'How many (default 20)') }),
    isReading: true,
    async run (args, { events }) {
      const found = events.poll(filterOf(args), numberArgument(args, 'limit', { least: 1, most: 200, otherwise: 20 }))
      return told(`events: ${found.events.length}`, found)
    }
  },
  {
    name: 'events_wait',
    description: 'Wait for the next thing that happens after a cursor.',
    inputSchema: inputs({ after_cursor: cursor, session_key: sessionKey, timeout_ms: number(1, 300_000, 'How long (default 30000)') }),
    isReading: true,
    async run (args, { events }, signal) {
      const found = await events.wait(filterOf(args), numberArgument(args, 'timeout_ms', { least: 1, most: 300_000, otherwise: 30_000 }), signal)
      return told(found.event ? `event ${found.event.cursor}` : found.gap ? `event gap before ${found.gap.oldest_available_cursor}` : 'timeout', found)
    }
  },
  {
    name: 'messages_send',
    description: 'Send a message into a conversation: to whoever is on the other end of its channel, otherwise to its agent, whose answer comes as an event.',
    inputSchema: inputs({ session_key: sessionKey, text: text('The message') }, ['session_key', 'text']),
    isReading: false,
    async run (args, bridge) {
      const [key, message] = [neededText(args, 'session_key'), neededText(args, 'text')]
      const found = await conversation(bridge, key)
      if (!found) return failed(`conversation not found: ${key}`)
      return told('sent', { result: await send(bridge, found, message) })
    }
  },
  {
    name: 'permissions_list_open',
    description: 'Approvals that agents and plugins wait for and that were asked for while this bridge was there.',
    inputSchema: inputs({}),
    isReading: true,
    async run (_args, bridge) {
      const approvals = bridge.openApprovals()
      return told(`approvals: ${approvals.length}`, { approvals })
    }
  },
  {
    name: 'permissions_respond',
    description: 'Allow or deny one approval.',
    inputSchema: inputs({
      kind: words(['exec', 'plugin'], 'Who waits'), id: text('Id of the approval'), decision: words(answers, 'The answer')
    }, ['kind', 'id', 'decision']),
    isReading: false,
    async run (args, { link }) {
      const kind = wordArgument(args, 'kind', ['exec', 'plugin'])
      const params = { id: neededText(args, 'id'), decision: wordArgument(args, 'decision', answers) }
      return told('approval resolved', { result: await link.request(`${kind}.approval.resolve`, params) })
    }
  }
]
