/** What commands about one account have in common. */
import { accountOf, channelOf, readChannels } from './channel-config.ts'
import { text, type CommandContext } from './define-command.ts'

export const accountOptions = {
  channel: text('name', 'Channel (needed when there are several)'),
  account: text('id', 'Account (default: the default one of the channel)')
}

/** Shorter than `--channel`, and understood wherever a channel is meant. */
export const channelArgument = { name: 'channel', help: 'Channel, in place of --channel', optional: true } as const

/** Undefined: nobody named one. */
export const namedChannel = ({ args, options: { channel } }: Pick<CommandContext<AccountFlags>, 'args' | 'options'>): string | undefined => channel ?? args[0]

interface AccountFlags {
  readonly channel?: string | undefined
  readonly account?: string | undefined
}

/** The channel may be left out where the configuration of this machine has only one. */
export async function meantAccount (context: CommandContext<AccountFlags>): Promise<{ channel: string, accountId?: string }> {
  const { account } = context.options
  const channel = namedChannel(context)
  const accountId = accountOf(account)
  const named = channel?.trim() ? channel.trim().toLowerCase() : channelOf(channel, await readChannels(context))
  return { channel: named, ...(accountId === undefined ? {} : { accountId }) }
}
