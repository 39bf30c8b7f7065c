import { channelCourse, queueText, type QueueView } from '../channel-view.ts'
import { command, integer, oneOfWords, text, texts, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

interface Done { readonly done: readonly string[], readonly missing: readonly string[] }

export default command({
  name: 'channels queue',
  summary: 'List messages on their way out; send parked and dead ones again, or throw them away',
  details: 'parked: nobody knows whether it arrived, or it was too old when the gateway started. dead: the service refused it for good. ' +
    'Sending a parked one again may have it arrive twice.',
  options: {
    ...rpcOptions,
    channel: text('name', 'Only those of this channel'),
    state: oneOfWords('state', ['queued', 'parked', 'dead'], 'Only those in this state'),
    limit: integer('n', 'How many', { min: 1, max: 500 }, 100),
    retry: texts('id', 'Send this one again; may be repeated'),
    discard: texts('id', 'Throw this one away; may be repeated')
  },
  examples: [
    ['openclaw channels queue', 'What waits, and why.'],
    ['openclaw channels queue --retry <id>', 'It is sent again.'],
    ['openclaw channels queue --discard <id>', 'It is gone.']
  ],
  run: async context => {
    const { out, options: { channel, state, limit, retry, discard } } = context
    if (retry && discard) throw new UsageError('--retry and --discard exclude each other')
    const ids = retry ?? discard
    if (!ids) {
      const asked = { limit, ...(channel === undefined ? {} : { channel }), ...(state === undefined ? {} : { state }) }
      return await callGateway(context, channelCourse('Channels queue'), 'channels.queue.list', asked, (view: QueueView) => out.line(queueText(view)))
    }
    return await callGateway(context, channelCourse('Channels queue'), retry ? 'channels.queue.retry' : 'channels.queue.discard', { ids },
      ({ done, missing }: Done) => {
        out.line(`${retry ? 'On their way again' : 'Thrown away'}: ${done.join(', ')}`)
        if (missing.length > 0) out.note(`Not there, or not parked: ${missing.join(', ')}`)
      })
  }
})
