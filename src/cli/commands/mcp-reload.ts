import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'mcp reload',
  summary: 'Have the gateway read its MCP servers again',
  details: 'Servers whose settings have changed are ended; new ones are opened when they are needed. Nothing else of the gateway stops.',
  options: rpcOptions,
  examples: [['openclaw mcp reload', 'After openclaw mcp set or unset.']],
  run: context => callGateway(context, { doing: 'MCP reload' }, 'mcp.reload', {}, ({ servers }: { servers: ReadonlyArray<{ name: string }> }) => {
    context.out.line(servers.length === 0 ? 'The gateway has no MCP servers now.' : `The gateway has ${servers.map(({ name }) => name).join(', ')} now.`)
  })
})
