import { accountOptions, channelArgument, meantAccount } from '../channel-course.ts'
import { channelCourse } from '../channel-view.ts'
import { command } from '../define-command.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

interface Answer { readonly channel: string, readonly accountId: string, readonly cleared: boolean }

export default command({
  name: 'channels logout',
  summary: 'End the session of an account with its service, and stop it',
  details: 'What the configuration holds stays: openclaw channels remove --delete takes that away.',
  args: [channelArgument],
  options: { ...rpcOptionsWith(40_000), ...accountOptions },
  examples: [['openclaw channels logout --channel whatsapp', 'It is stopped, too.']],
  run: async context => await callGateway(context, channelCourse('Channels logout'), 'channels.logout', await meantAccount(context),
    ({ channel, accountId, cleared }: Answer) => context.out.line(cleared
      ? `Logged out ${channel} account ${accountId}.`
      : `Stopped ${channel} account ${accountId}. It has no session of its own to end: what it signs in with stands in the configuration.`))
})
