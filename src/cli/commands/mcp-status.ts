import { command, flag } from '../define-command.ts'
import { noServers, readServers, rowOf, sorted, type ServerRow } from '../mcp/servers.ts'
import { jsonOption } from '../rpc-options.ts'

function lineOf ({ name, transport, enabled, ok, launch, requestTimeoutMs, connectionTimeoutMs }: ServerRow, verbose: boolean): string {
  const state = [enabled ? '' : ' (switched off)', ok ? '' : ' (incomplete: it needs a command or a url)'].join('')
  const more = verbose ? `\n    ${launch}\n    calls ${requestTimeoutMs} ms, opening ${connectionTimeoutMs} ms` : ''
  return `- ${name}: ${transport}${state}${more}`
}

export default command({
  name: 'mcp status',
  summary: 'How each MCP server of the configuration is reached',
  details: 'What the file says; no server is started. openclaw mcp probe asks the running gateway.',
  options: { ...jsonOption, verbose: flag('With what is started and for how long is waited', { short: 'v' }) },
  examples: [['openclaw mcp status --verbose', 'One after the other.']],
  async run (context) {
    const { options, out } = context
    const file = await readServers(context)
    const servers = sorted(file).map(([name, server]) => rowOf(name, server))
    if (options.json) out.json({ path: file.path, servers })
    else if (servers.length === 0) out.line(noServers(file.path))
    else out.line([`MCP servers (${file.path}):`, ...servers.map(row => lineOf(row, options.verbose))].join('\n'))
    return 0
  }
})
