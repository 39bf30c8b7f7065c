import { command, integer } from '../define-command.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'gateway discover',
  summary: 'Look for gateways on the local network',
  details: 'This version does not answer or ask DNS-SD (_openclaw-gw._tcp) yet; the list is always empty. Name a gateway with --url instead.',
  options: { ...jsonOption, timeout: integer('ms', 'How long to listen', { min: 1, max: 600_000 }, 2000) },
  examples: [['openclaw gateway discover --json', 'The same shape as later, with no beacons in it.']],
  async run ({ options, out }) {
    if (options.json) out.json({ timeoutMs: options.timeout, domains: [], count: 0, beacons: [] })
    else {
      out.line('Found 0 gateways: network discovery is not part of this version yet.')
      out.line('Name a gateway instead: openclaw gateway probe --url ws://host:port --token …')
    }
    return 0
  }
})
