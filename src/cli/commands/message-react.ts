import { command, flag, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { act, messageOptions } from '../message-course.ts'

export default command({
  name: 'message react',
  summary: 'React to a message, or take the reaction back',
  options: {
    ...messageOptions,
    messageId: text('id', 'Message'),
    emoji: text('emoji', 'The reaction'),
    remove: flag('Take it back')
  },
  examples: [['openclaw message react --channel telegram -t 123456789 --message-id 42 --emoji "👍"', 'Where the channel can do it.']],
  async run (context) {
    const { messageId, emoji, remove } = context.options
    if (!messageId) throw new CommandFailure('--message-id is missing')
    if (!emoji && !remove) throw new CommandFailure('--emoji is missing')
    return await act(context, 'react', { messageId, emoji, remove }, ({ channel }) =>
      `${remove ? 'Took the reaction back from' : `Reacted with ${emoji} to`} message ${messageId} on ${channel}.`)
  }
})
