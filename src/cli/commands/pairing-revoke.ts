import { channelCourse } from '../channel-view.ts'
import { accountOf } from '../channel-config.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { command, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'pairing revoke',
  summary: 'Take back what was approved: this sender is a stranger again',
  details: 'Senders whom the configuration names (allowFrom) stay allowed. Ends with exit code 1 when nobody of this id was let in.',
  args: [{ name: 'channel', help: 'Channel' }, { name: 'senderId', help: 'Id of the sender there' }],
  options: { ...rpcOptions, account: text('id', 'Account (default: default)') },
  examples: [['openclaw pairing revoke telegram 123456789', 'The next message of this sender asks to be let in again.']],
  run: async context => {
    const [channel, senderId] = context.args
    const place = { channel: required(channel, 'channel').toLowerCase(), accountId: accountOf(context.options.account) ?? 'default' }
    return await withGateway(context, channelCourse('Pairing revoke'), async ({ client }) => {
      const answer = await client.request('channels.pairing.revoke', { ...place, senderId: required(senderId, 'senderId') }) as { revoked?: boolean }
      const { out, options: { json } } = context
      if (json) out.json(answer)
      else if (answer.revoked) out.line(`${place.channel} sender ${senderId} is not let in any more.`)
      else out.note(`Nobody with the id ${senderId} was let in at ${place.channel} ${place.accountId}.`)
      return answer.revoked ? exitCodes.ok : exitCodes.failed
    })
  }
})
