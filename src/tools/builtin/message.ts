import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { ActingSources } from '../messages/acting.ts'
import { messageActions } from '../messages/port.ts'
import type { Tool } from '../tool.ts'

const optional = Type.Optional
const id = (description: string) => optional(Type.Union([Type.String({ minLength: 1, maxLength: 512 }), Type.Integer()], { description }))
const word = (description: string) => optional(Type.String({ maxLength: 512, description }))

const params = Type.Object({
  action: oneOf(messageActions),
  channel: word('telegram, discord, slack, …, or webchat: a conversation here; default: that of this conversation.'),
  accountId: word('Where the channel has several accounts.'),
  target: id('Chat or person, as the channel knows it, for webchat the key of a session; default: this conversation.'),
  to: id('The same as target.'),
  threadId: id('Topic or thread.'),
  message: optional(Type.String({ maxLength: 200_000, description: 'For send and edit: the text.' })),
  media: optional(Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { maxItems: 10 })], {
    description: 'For send: a file of the workspace or an http address, or several.'
  })),
  messageId: id('For edit, delete and react.'),
  replyTo: id('For send: the message that it answers.'),
  emoji: word('For react.'),
  remove: optional(Type.Boolean({ description: 'For react: take the reaction back.' })),
  silent: optional(Type.Boolean({ description: 'Without a notification.' })),
  template: word('For send on whatsapp, to somebody who wrote more than 24 hours ago: an approved template in place of a text, name or name:language.'),
  templateParams: optional(Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { maxItems: 20, description: 'What stands in the places of the template.' })),
  asDocument: optional(Type.Boolean({ description: 'For send: pictures and films as files, as they are.' })),
  pollQuestion: optional(Type.String({ maxLength: 1000, description: 'For poll.' })),
  pollOption: optional(Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { minItems: 2, maxItems: 12, description: 'For poll: the answers.' })),
  pollMulti: optional(Type.Boolean({ description: 'For poll: several may be chosen.' })),
  pollDurationSeconds: optional(Type.Integer({ minimum: 5, maximum: 604_800 }))
})

/** Lets an agent write to chats of channels beside its reply. */
export const message = (sources: ActingSources): Tool => defineTool({
  name: 'message',
  description: 'Sends a message to a chat of a channel, with files if needed, or edits, deletes or reacts to one, or asks a question with ' +
    'answers to choose from. A reply in this conversation needs no tool: it is sent by itself.',
  params,
  capability: 'message',
  groups: ['messaging'],
  reach: 'anywhere',
  effects: true,
  async foresee (args, context) {
    const { foreseeMessage } = await import('../messages/acting.ts')
    return await foreseeMessage(args, context, sources)
  },
  async run (args, context) {
    const { performMessage } = await import('../messages/acting.ts')
    return await performMessage(args, context, sources)
  }
})
