import { escapeControl } from '../../lib/text.ts'
import { knownChannel, knownChannels, labelOfChannel, readChannels } from '../channel-config.ts'
import { command, flag } from '../define-command.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'channels list',
  summary: 'List the channels of the configuration; --all: also those that could be configured',
  details: 'Reads the configuration and asks no gateway: openclaw channels status says how they are.',
  options: { ...jsonOption, all: flag('Also channels without a configuration') },
  examples: [
    ['openclaw channels list', 'One line for each account.'],
    ['openclaw channels list --all', 'What comes with this gateway.']
  ],
  async run (context) {
    const { out, options: { all, json } } = context
    const { entries, channels } = await readChannels(context)
    const ids = [...channels, ...(all ? Object.keys(knownChannels).filter(id => !channels.includes(id)) : [])]
    const accountsOf = (id: string) => entries.filter(({ channel }) => channel === id)
    if (json) {
      out.json({
        chat: Object.fromEntries(ids.map(id => [id, {
          accounts: accountsOf(id).map(({ accountId }) => accountId),
          label: labelOfChannel(id),
          installed: knownChannel(id) !== undefined,
          origin: channels.includes(id) ? 'configured' : 'available'
        }]))
      })
      return 0
    }
    out.line('Chat channels:')
    if (ids.length === 0) out.line('- no configured chat channels (openclaw channels list --all shows what there is)')
    for (const id of ids) {
      const installed = knownChannel(id) ? 'installed' : 'not part of this gateway'
      if (!channels.includes(id)) out.line(`- ${labelOfChannel(id)}: ${installed}, not configured (openclaw channels add --channel ${id})`)
      for (const { accountId, name, enabled } of accountsOf(id)) {
        const named = name === undefined ? '' : ` (${name})`
        out.line(escapeControl(`- ${labelOfChannel(id)} ${accountId}${named}: ${installed}, configured, ${enabled ? 'enabled' : 'disabled'}`))
      }
    }
    return 0
  }
})
