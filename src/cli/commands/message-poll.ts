import { command, flag, integer, text, texts, UsageError } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { act, messageOptions } from '../message-course.ts'

export default command({
  name: 'message poll',
  summary: 'Ask a question with answers to choose from',
  options: {
    ...messageOptions,
    pollQuestion: text('text', 'The question'),
    pollOption: texts('choice', 'An answer; 2 to 12 of them'),
    pollMulti: flag('Several answers may be chosen'),
    pollDurationSeconds: integer('n', 'How long it is open', { min: 5, max: 604_800 }),
    pollDurationHours: integer('n', 'The same in hours', { min: 1, max: 168 }),
    pollAnonymous: flag('Nobody sees who chose what'),
    pollPublic: flag('Everybody sees who chose what'),
    threadId: text('id', 'Topic or thread'),
    silent: flag('Without a notification')
  },
  examples: [
    ['openclaw message poll --channel telegram -t 123456789 --poll-question "Lunch?" --poll-option Pizza --poll-option Sushi', 'Where the channel can do it.']
  ],
  async run (context) {
    const { pollQuestion, pollOption = [], pollAnonymous, pollPublic, pollMulti, threadId, silent, ...more } = context.options
    const { pollDurationSeconds, pollDurationHours } = more
    if (!pollQuestion?.trim()) throw new CommandFailure('--poll-question is missing')
    if (pollOption.length < 2 || pollOption.length > 12) throw new CommandFailure('--poll-option is given 2 to 12 times')
    if (pollAnonymous && pollPublic) throw new UsageError('--poll-anonymous and --poll-public exclude each other')
    const fields = { pollQuestion, pollOption, pollMulti, pollDurationSeconds, pollDurationHours, pollPublic, threadId, silent }
    return await act(context, 'poll', fields, ({ channel, messageId }) => `Poll sent via ${channel}. Message ID: ${messageId}`)
  }
})
