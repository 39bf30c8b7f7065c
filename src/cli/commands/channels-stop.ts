import { accountOptions, channelArgument, meantAccount } from '../channel-course.ts'
import { channelCourse } from '../channel-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'channels stop',
  summary: 'End an account of a channel until somebody starts it again',
  details: 'It stays stopped, whatever happens in between, also across restarts of the gateway; its settings and its session with the service stay, too.',
  args: [channelArgument],
  options: { ...rpcOptions, ...accountOptions },
  examples: [['openclaw channels stop --channel telegram --account work', 'openclaw channels start takes it back.']],
  run: async context => await callGateway(context, channelCourse('Channels stop'), 'channels.stop', await meantAccount(context),
    (answer: { channel: string, accountId: string, stopped: boolean }) =>
      context.out.line(`${answer.stopped ? 'Stopped' : 'Still running:'} ${answer.channel} account ${answer.accountId}.`))
})
