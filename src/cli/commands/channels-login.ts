import { exitCodes } from '../../lib/exit-codes.ts'
import { accountOptions, channelArgument, meantAccount } from '../channel-course.ts'
import { channelCourse } from '../channel-view.ts'
import { command, flag } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

interface Row { readonly accountId: string, readonly connected?: boolean, readonly lastError?: string | null }

export default command({
  name: 'channels login',
  summary: 'Sign an account in with what the configuration holds, and say whether its service knows it',
  details: 'The channels of this gateway sign in with tokens: openclaw channels add. This begins the account again, for example after its token ' +
    'was renewed, and asks the service. Ends with exit code 1 when it does not know us.',
  args: [channelArgument],
  options: { ...rpcOptions, ...accountOptions, verbose: flag('Without effect here', { hidden: true }) },
  examples: [['openclaw channels login --channel telegram', 'After the token was replaced.']],
  run: async context => {
    const { out, options: { json } } = context
    const place = await meantAccount(context)
    return await withGateway(context, channelCourse('Channels login'), async ({ client }) => {
      await client.request('channels.reload', {})
      const { accountId } = await client.request('channels.start', place) as unknown as Row
      const status = await client.request('channels.status', { probe: true, channel: place.channel }) as {
        channelAccounts?: { [id: string]: (Row & { probe?: { ok?: boolean, error?: string, bot?: { username?: string } } })[] }
      }
      const row = status.channelAccounts?.[place.channel]?.find(one => one.accountId === accountId)
      const ok = row?.probe?.ok === true
      const who = row?.probe?.bot?.username
      if (json) out.json({ ok, channel: place.channel, accountId, ...(row?.probe ? { probe: row.probe } : {}) })
      else if (ok) out.line(`${place.channel} account ${accountId} is signed in${who ? ` as @${who}` : ''}.`)
      else out.note(`${place.channel} account ${accountId} is not signed in: ${row?.probe?.error ?? row?.lastError ?? 'it does not run'}`)
      return ok ? exitCodes.ok : exitCodes.failed
    })
  }
})
