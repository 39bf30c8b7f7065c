import { escapeControl } from '../../lib/text.ts'
import { accountOf } from '../channel-config.ts'
import { accountOptions } from '../channel-course.ts'
import { channelCourse } from '../channel-view.ts'
import { command, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { table } from '../table.ts'
import { callGateway } from '../with-gateway.ts'

interface Answer {
  readonly accounts: ReadonlyArray<{
    readonly channelLabel: string
    readonly accountId: string
    readonly actions: readonly string[] | null
    readonly mode: string
    readonly limits: { readonly textLength: number, readonly textUnit: string, readonly mediaBytes?: number }
  }>
}

const megabytes = (bytes: number | undefined): string => bytes === undefined ? '-' : `${Math.round(bytes / 1024 / 1024)} MB`

export default command({
  name: 'channels capabilities',
  summary: 'Say what each account can do: send, edit, delete, react, poll',
  options: { ...rpcOptions, ...accountOptions },
  examples: [['openclaw channels capabilities --channel telegram', 'What its messages may be, and how long.']],
  run: async context => {
    const { channel, account } = context.options
    const accountId = accountOf(account)
    if (accountId !== undefined && !channel) throw new UsageError('--account needs --channel')
    const asked = { ...(channel && channel !== 'all' ? { channel: channel.toLowerCase() } : {}), ...(accountId ? { accountId } : {}) }
    return await callGateway(context, channelCourse('Channels capabilities'), 'channels.capabilities', asked, ({ accounts }: Answer) => {
      if (accounts.length === 0) return context.out.line('No such account is configured (openclaw channels list).')
      context.out.line(table(['Channel', 'Account', 'Actions', 'Comes by', 'Text', 'Files'], accounts.map(one => [
        escapeControl(one.channelLabel, 40),
        escapeControl(one.accountId, 64),
        one.actions?.join(', ') ?? 'unknown: it does not run',
        one.mode,
        `${one.limits.textLength} ${one.limits.textUnit}`,
        megabytes(one.limits.mediaBytes)
      ])))
    })
  }
})
