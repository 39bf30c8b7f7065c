import { command } from '../define-command.ts'
import { parseServer, reloadAdvice, saveServer } from '../mcp/servers.ts'
import { required } from '../with-gateway.ts'

export default command({
  name: 'mcp set',
  summary: 'Set one MCP server of the configuration',
  details: 'The file is checked first; when it would be invalid, it stays as it is. No server is started.',
  args: [
    { name: 'name', help: 'Name of the server; its tools are called <name>__<tool>' },
    { name: 'value', help: 'JSON object, for example {"command":"uvx","args":["context7-mcp"]}' }
  ],
  options: {},
  examples: [
    ['openclaw mcp set context7 \'{"command":"uvx","args":["context7-mcp"]}\'', 'A program of this machine.'],
    ['openclaw mcp set docs \'{"url":"https://mcp.example.com/mcp"}\'', 'A server elsewhere.']
  ],
  async run (context) {
    const { out, args } = context
    const name = required(args[0], 'name')
    const path = await saveServer(context, name, parseServer(name, required(args[1], 'value')))
    out.line(`Saved MCP server "${name}" to ${path}. ${reloadAdvice}`)
    return 0
  }
})
