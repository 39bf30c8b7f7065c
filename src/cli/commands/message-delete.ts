import { command, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { act, messageOptions } from '../message-course.ts'

export default command({
  name: 'message delete',
  summary: 'Delete a message that was sent',
  options: { ...messageOptions, messageId: text('id', 'Message') },
  examples: [['openclaw message delete --channel telegram -t 123456789 --message-id 42', 'Where the channel can do it.']],
  async run (context) {
    const { messageId } = context.options
    if (!messageId) throw new CommandFailure('--message-id is missing')
    return await act(context, 'delete', { messageId }, ({ channel }) => `Deleted message ${messageId} on ${channel}.`)
  }
})
