import { accountOf, channelOf, disableOperations, labelOfChannel, readChannels, removeOperations, writeChannels } from '../channel-config.ts'
import { channelArgument, namedChannel } from '../channel-course.ts'
import { takeUp } from '../channel-live.ts'
import { command, flag, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'

export default command({
  name: 'channels remove',
  summary: 'Switch an account of a channel off, or delete it from the configuration',
  details: 'Without --delete its settings stay, and openclaw channels add switches it on again.',
  args: [channelArgument],
  options: {
    ...rpcOptions,
    channel: text('name', 'Channel (needed when there are several)'),
    account: text('id', 'Account (default: default)'),
    delete: flag('Delete its settings, too')
  },
  examples: [
    ['openclaw channels remove --channel telegram', 'It is switched off; its settings stay.'],
    ['openclaw channels remove --channel telegram --account work --delete', 'Nothing of this account stays in the configuration.']
  ],
  async run (context) {
    const { options: flags, out } = context
    const file = await readChannels(context)
    const channel = channelOf(namedChannel(context), file)
    const account = accountOf(flags.account)
    if (!file.entries.some(entry => entry.channel === channel && (account === undefined || entry.accountId === account))) {
      const what = account === undefined ? `no channel ${channel}` : `no account ${account} of ${channel}`
      throw new CommandFailure(`There is ${what} in ${file.settings.configPath}. See openclaw channels list.`)
    }
    const written = { parsed: file.settings.loaded.parsed }
    const { changed } = await writeChannels(context, (flags.delete ? removeOperations : disableOperations)(written, channel, account))
    if (!changed && flags.delete) throw new CommandFailure('The account stands in a file that the configuration includes, and is changed there.')
    const { said, live } = await takeUp(context, channel)
    const place = `${labelOfChannel(channel)} account ${account ?? 'default'}`
    if (flags.json) out.json({ ok: true, channel, accountId: account ?? 'default', changed, deleted: flags.delete, live })
    else out.line(`${flags.delete ? 'Deleted' : 'Switched off'} ${place}. ${said}`)
    return 0
  }
})
