/** What people are told on channels without asking a model: how a conversation is, who they are, what they may ask for. */
import { commandList } from '../agent/commands.ts'
import type { ChatCommand } from '../channels/define-channel.ts'
import type { InboundOptions } from '../channels/inbound/inbound.ts'
import { questions } from '../channels/inbound/orders.ts'
import type { LoadedConfig } from '../config/load.ts'
import { packageVersion } from '../lib/package-version.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import { modelOf } from '../tools/sessions/fields.ts'
import { blank, statusCard } from '../tools/sessions/status-card.ts'

export interface OrderSources {
  readonly sessions: SessionsRoom
  readonly resetTriggers: () => readonly string[]
  readonly now: () => number
}

/** Everything that is understood in a chat, in the order in which it is told. */
const chatCommands = (resetTriggers: readonly string[]): ChatCommand[] =>
  [...commandList(resetTriggers), ...questions].map(({ name, description }) => ({ name, description }))

/** What services show to whoever types a slash. */
export const composeMenu = (current: () => LoadedConfig) => (): readonly ChatCommand[] => {
  const { commands, session } = current().config
  return commands.text && commands.native !== false ? chatCommands(session.resetTriggers) : []
}

export const composeOrderAnswers = ({ sessions, resetTriggers, now }: OrderSources): InboundOptions['answerTo'] =>
  async (question, { agentId, sessionKey, sender, chat, isOwner }) => {
    if (question === 'status') {
      await sessions.ready
      const record = sessions.get(sessionKey) ?? blank(sessionKey, agentId, now())
      return statusCard(record, { version: packageVersion(), now: now(), model: modelOf(record, { sessions }) })
    }
    if (question === 'whoami') {
      const name = sender.username === undefined ? '' : ` (@${sender.username})`
      const thread = chat.threadId === undefined ? '' : `, thread ${chat.threadId}`
      return [`You are ${sender.id}${name}${isOwner ? ', an owner of this gateway' : ''}.`, `This chat is ${chat.id}${thread}; agent ${agentId} answers here.`].join('\n')
    }
    return chatCommands(resetTriggers()).map(({ name, description }) => `/${name} – ${description}`).join('\n')
  }
