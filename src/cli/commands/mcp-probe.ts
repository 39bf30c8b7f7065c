import { exitCodes } from '../../lib/exit-codes.ts'
import { escapeControl } from '../../lib/text.ts'
import { command } from '../define-command.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

interface Probed {
  readonly name: string
  readonly transport: string
  readonly state: string
  readonly tools: readonly string[]
  readonly lastError?: string
  readonly serverName?: string
  readonly serverVersion?: string
}

function lineOf ({ name, transport, state, tools, lastError, serverName = '', serverVersion = '' }: Probed): string {
  if (state !== 'ready') return `- ${name} (${transport}): ${state}: ${escapeControl(lastError ?? 'no reason is known', 1_000)}`
  const who = escapeControl(`${serverName} ${serverVersion}`.trim(), 200)
  return `- ${name} (${transport}): ${tools.length} tools of ${who}${tools.map(tool => `\n    ${tool}`).join('')}`
}

export default command({
  name: 'mcp probe',
  summary: 'Have the gateway open MCP servers, and say what they offer',
  details: 'Ends with exit code 1 when one of them cannot be opened.',
  args: [{ name: 'name', help: 'Name of one server; absent: all', optional: true }],
  options: rpcOptionsWith(60_000),
  examples: [['openclaw mcp probe docs', 'Does it work, and which tools has it?']],
  run: context => withGateway(context, { doing: 'MCP probe' }, async ({ client }) => {
    const { options, out, args: [server] } = context
    const { servers } = await client.request('mcp.status', { probe: true, ...(server === undefined ? {} : { server }) }) as unknown as { servers: Probed[] }
    if (options.json) out.json({ servers })
    else out.line(servers.length === 0 ? 'The gateway has no MCP servers that are switched on.' : servers.map(lineOf).join('\n'))
    return servers.every(({ state }) => state === 'ready') ? 0 : exitCodes.failed
  })
})
