import { accountOf } from '../channel-config.ts'
import { channelCourse, pairingText, type PairingRequestView } from '../channel-view.ts'
import { command, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'pairing list',
  summary: 'List strangers who ask to be let in',
  details: 'Each was told a code by the channel; whoever shows you the code of a request is the one who asked. Requests end after an hour.',
  args: [{ name: 'channel', help: 'Only of this channel', optional: true }],
  options: {
    ...rpcOptions,
    channel: text('name', 'The same as an option'),
    account: text('id', 'Only of this account')
  },
  examples: [
    ['openclaw pairing list', 'Of every channel.'],
    ['openclaw pairing list telegram --account work', 'Of one account.']
  ],
  run: async context => {
    const channel = context.options.channel ?? context.args[0]
    const accountId = accountOf(context.options.account)
    const ofAccount = accountId === undefined ? {} : { accountId }
    const asked = { ...(channel === undefined ? {} : { channel: channel.toLowerCase() }), ...ofAccount }
    return await callGateway(context, channelCourse('Pairing list'), 'channels.pairing.list', asked,
      ({ requests }: { requests: readonly PairingRequestView[] }) => context.out.line(pairingText(requests, Date.now())))
  }
})
