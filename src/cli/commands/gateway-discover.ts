import { escapeControl } from '../../lib/text.ts'
import type { Found } from '../../lib/mdns/browse.ts'
import { command, integer } from '../define-command.ts'
import { jsonOption } from '../rpc-options.ts'

/** Keys of what a gateway says about itself, with the type they have in our answers. Others are left out. */
const numbers = ['gatewayPort', 'sshPort'] as const
const words = ['displayName', 'lanHost', 'tailnetDns', 'cliPath', 'role', 'transport'] as const

/** Where it is follows from the address that was resolved, never from what it says about itself. */
function beaconOf ({ instance, host, port, addresses, entries }: Found) {
  const gatewayTls = entries['gatewayTls'] === '1'
  const fingerprint = entries['gatewayTlsSha256']
  const [address] = addresses
  return {
    instanceName: escapeControl(instance),
    domain: 'local.',
    host: escapeControl(host),
    port,
    ...Object.fromEntries(words.flatMap(key => entries[key] ? [[key, escapeControl(entries[key])]] : [])),
    ...Object.fromEntries(numbers.flatMap(key => /^\d{1,5}$/.test(entries[key] ?? '') ? [[key, Number(entries[key])]] : [])),
    gatewayTls,
    ...(fingerprint && /^[\da-f]{64}$/i.test(fingerprint) ? { gatewayTlsFingerprintSha256: fingerprint.toLowerCase() } : {}),
    ...(address ? { wsUrl: `${gatewayTls ? 'wss' : 'ws'}://${address}:${port}` } : {})
  }
}

export default command({
  name: 'gateway discover',
  summary: 'Look for gateways on the local network',
  details: 'Asks by mDNS (_openclaw-gw._tcp) and lists who answers. Answers are not authenticated: anybody in the network can send them, so look ' +
    'twice before you send a token to an address from here, and compare the TLS fingerprint with that of the gateway.',
  options: { ...jsonOption, timeout: integer('ms', 'How long to listen', { min: 1, max: 600_000 }, 2000) },
  examples: [
    ['openclaw gateway discover', 'Names and addresses of the gateways that answer within two seconds.'],
    ['openclaw gateway discover --json --timeout 5000', 'Everything they say, for programs.']
  ],
  async run ({ options, out, io }) {
    const [{ browse }, { mdnsPlace }, { lanAddresses }] = await Promise.all([
      import('../../lib/mdns/browse.ts'), import('../../lib/mdns/link.ts'), import('../../lib/own-addresses.ts')
    ])
    const found = await browse(mdnsPlace(io.env), ['127.0.0.1', ...lanAddresses()], options.timeout)
    const beacons = found.map(beaconOf)
    if (options.json) out.json({ timeoutMs: options.timeout, domains: ['local.'], count: beacons.length, beacons })
    else {
      out.line(`Found ${beacons.length} ${beacons.length === 1 ? 'gateway' : 'gateways'}${beacons.length === 0 ? '.' : ':'}`)
      for (const { instanceName, wsUrl } of beacons) out.line(`${instanceName}  ${wsUrl ?? 'no address'}`)
      if (beacons.length === 0) out.line('Name a gateway instead: openclaw gateway probe --url ws://host:port --token …')
    }
    return 0
  }
})
