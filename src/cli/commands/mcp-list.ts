import { command } from '../define-command.ts'
import { noServers, readServers, sorted } from '../mcp/servers.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'mcp list',
  summary: 'List the MCP servers of the configuration',
  details: 'What the file says; no server is started. Credentials are masked.',
  options: jsonOption,
  examples: [['openclaw mcp list', 'Their names.'], ['openclaw mcp list --json', 'With all that is set.']],
  async run (context) {
    const { options, out } = context
    const file = await readServers(context)
    const servers = sorted(file)
    if (options.json) out.json(Object.fromEntries(servers))
    else if (servers.length === 0) out.line(noServers(file.path))
    else out.line([`MCP servers (${file.path}):`, ...servers.map(([name]) => `- ${name}`)].join('\n'))
    return 0
  }
})
