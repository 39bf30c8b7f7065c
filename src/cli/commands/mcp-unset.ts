import { command } from '../define-command.ts'
import { readServers, reloadAdvice, removeServer, serverIn } from '../mcp/servers.ts'
import { required } from '../with-gateway.ts'

export default command({
  name: 'mcp unset',
  summary: 'Take one MCP server out of the configuration',
  args: [{ name: 'name', help: 'Name of the server' }],
  options: {},
  examples: [['openclaw mcp unset context7', 'Its tools are gone with it.']],
  async run (context) {
    const { out, args } = context
    const name = required(args[0], 'name')
    serverIn(await readServers(context), name)
    out.line(`Removed MCP server "${name}" from ${await removeServer(context, name)}. ${reloadAdvice}`)
    return 0
  }
})
