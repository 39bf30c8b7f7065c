import { command, flag } from '../define-command.ts'
import { noServers, readServers, serverIn, sorted } from '../mcp/servers.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'mcp show',
  summary: 'Show one MCP server of the configuration, or all of them',
  details: 'What the file says; no server is started. Credentials are masked unless --show is given.',
  args: [{ name: 'name', help: 'Name of the server', optional: true }],
  options: { ...jsonOption, show: flag('Print credentials as they are') },
  examples: [['openclaw mcp show docs', 'One.'], ['openclaw mcp show --json', 'All, for programs.']],
  async run (context) {
    const { options, out, args: [name] } = context
    const file = await readServers(context, options.show)
    const found = name === undefined ? Object.fromEntries(sorted(file)) : serverIn(file, name)
    if (!options.json && Object.keys(file.servers).length === 0) {
      out.line(noServers(file.path))
      return 0
    }
    if (!options.json) out.line(name === undefined ? `MCP servers (${file.path}):` : `MCP server "${name}" (${file.path}):`)
    out.json(found)
    return 0
  }
})
