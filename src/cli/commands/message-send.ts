import { command, flag, text, texts } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { act, fileFields, messageOptions } from '../message-course.ts'

export default command({
  name: 'message send',
  summary: 'Send a message to a chat of a channel',
  details: 'The message is durable before anything is sent. When it takes longer than --timeout it stays in the queue, which is said: openclaw channels queue.',
  options: {
    ...messageOptions,
    message: text('text', 'The text', { short: 'm' }),
    media: texts('path-or-url', 'A file of this machine or of the web; may be repeated'),
    replyTo: text('id', 'Message that it answers'),
    threadId: text('id', 'Topic or thread'),
    template: text('name', 'An approved template in place of a text (WhatsApp): its name, or name:language'),
    templateParam: texts('text', 'What stands in the next place of the template; may be repeated'),
    forceDocument: flag('Pictures and films go as files, as they are'),
    silent: flag('Without a notification')
  },
  examples: [
    ['openclaw message send --channel telegram --target 123456789 --message "Hi"', 'To a person or a chat.'],
    ['openclaw message send --channel webchat --target agent:main:main -m "Done"', 'Into a conversation of this gateway, where its clients see it.'],
    ['openclaw message send -t telegram:-1001234:topic:7 -m "Report" --media report.pdf', 'With a file, into a topic.'],
    ['openclaw message send -t whatsapp:4915112345678 --template order_update:de --template-param 4711', 'To somebody who has not written for a day.']
  ],
  async run (context) {
    const { message, media = [], replyTo, threadId, forceDocument, silent, template, templateParam: templateParams } = context.options
    if (!message?.trim() && media.length === 0 && template === undefined) throw new CommandFailure('--message or --media is missing')
    const files = await Promise.all(media.map(fileFields))
    return await act(context, 'send', { message, replyTo, threadId, forceDocument, silent, template, templateParams }, ({ channel, status, messageId, queueId }) =>
      status === 'queued'
        ? `Not yet sent: it waits in the queue as ${queueId} (openclaw channels queue).`
        : `Sent via ${channel}. Message ID: ${messageId}`, files)
  }
})
