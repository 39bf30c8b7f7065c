import { command, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { act, messageOptions } from '../message-course.ts'

export default command({
  name: 'message edit',
  summary: 'Change the text of a message that was sent',
  options: {
    ...messageOptions,
    messageId: text('id', 'Message'),
    message: text('text', 'The text as it is to read', { short: 'm' }),
    threadId: text('id', 'Topic or thread')
  },
  examples: [['openclaw message edit --channel telegram -t 123456789 --message-id 42 -m "Corrected"', 'Where the channel can do it.']],
  async run (context) {
    const { messageId, message, threadId } = context.options
    if (!messageId) throw new CommandFailure('--message-id is missing')
    if (!message?.trim()) throw new CommandFailure('--message is missing')
    return await act(context, 'edit', { messageId, message, threadId }, ({ channel }) => `Changed message ${messageId} on ${channel}.`)
  }
})
