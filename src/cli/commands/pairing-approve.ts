import { accountOf } from '../channel-config.ts'
import { channelCourse } from '../channel-view.ts'
import { escapeControl } from '../../lib/text.ts'
import { command, flag, text, unset } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

interface Approved {
  readonly channel: string
  readonly accountId: string
  readonly senderId: string
  readonly senderLabel: string
  readonly notification: string
  readonly commandOwnerBootstrap: string
}

const followUps: { readonly [outcome: string]: string } = {
  configured: 'As the first of all this sender is the owner of the gateway now (commands.ownerAllowFrom).',
  unavailable: 'This sender could not be made the owner: openclaw config set commands.ownerAllowFrom.'
}

export default command({
  name: 'pairing approve',
  summary: 'Let in the stranger who was told this code',
  details: 'While commands.ownerAllowFrom is empty, the first sender who is let in becomes the owner of the gateway; --no-owner leaves that out.',
  args: [
    { name: 'codeOrChannel', help: 'The code, or the channel when the code follows' },
    { name: 'code', help: 'The code, or the id of the request', optional: true }
  ],
  options: {
    ...rpcOptions,
    channel: text('name', 'Channel of the request'),
    account: text('id', 'Account of the request'),
    notify: flag('Tell whoever asked'),
    owner: unset('The first sender does not become the owner')
  },
  examples: [
    ['openclaw pairing approve ABCD2345', 'The code alone says who is meant.'],
    ['openclaw pairing approve telegram ABCD2345 --notify', 'And the sender is told.']
  ],
  run: async context => {
    const { out, options: { json, notify, owner, ...flags }, args } = context
    const [first, second] = args
    const requestId = required(second ?? first, 'code')
    const channel = (flags.channel ?? (second === undefined ? undefined : first))?.toLowerCase()
    const accountId = accountOf(flags.account)
    const place = { ...(channel === undefined ? {} : { channel }), ...(accountId === undefined ? {} : { accountId }) }
    return await withGateway(context, channelCourse('Pairing approve'), async ({ client }) => {
      const { commandOwnerConfigured } = await client.request('channels.pairing.list', {}) as { commandOwnerConfigured?: boolean }
      const bootstrap = owner && commandOwnerConfigured === false ? { bootstrapCommandOwner: true } : {}
      const approved = await client.request('channels.pairing.approve', {
        ...place, requestId, ...(notify ? { notify } : {}), ...bootstrap
      }) as unknown as Approved
      if (json) out.json(approved)
      else {
        out.line(escapeControl(`Approved ${approved.channel} sender ${approved.senderId} (${approved.senderLabel}).`, 300))
        const more = followUps[approved.commandOwnerBootstrap]
        if (more) out.line(more)
        if (notify) out.line(approved.notification === 'sent' ? 'The sender is told.' : 'The sender could not be told.')
      }
      return 0
    })
  }
})
