import { command, flag, text } from '../define-command.ts'
import { refuseInAgentShell } from '../agent-shell.ts'
import { CommandFailure } from '../failure.ts'
import { jsonObject } from '../json-object.ts'
import { rpcOptions } from '../rpc-options.ts'
import type { GatewayTarget } from '../target.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'gateway call',
  summary: 'Call any method of the gateway',
  details: 'Prints the answer as JSON. The methods that a gateway serves stand in the answer to its handshake and in the documentation.',
  args: [{ name: 'method', help: 'Name of the method, e.g. health' }],
  options: {
    ...rpcOptions,
    params: text('json', 'Parameters as a JSON object (default: {})'),
    expectFinal: flag('Wait for the second answer of a two-stage method'),
    expectUrl: text('url', 'Fail unless this is the gateway that would be asked')
  },
  examples: [
    ['openclaw gateway call health', 'What `openclaw gateway health` summarises.'],
    ['openclaw gateway call logs.tail --params \'{"limit":5}\' --json', 'With parameters, and nothing but the answer on stdout.']
  ],
  async run (context) {
    const { options, out, args, io } = context
    const method = required(args[0], 'method')
    refuseInAgentShell('Gateway call', method, io.env)
    const params = jsonObject(options.params ?? '{}', 'Gateway call failed: --params')
    const check = (target: GatewayTarget): void => {
      if (options.expectUrl === undefined || options.expectUrl.replace(/\/$/, '') === target.url) return
      throw new CommandFailure(`Gateway call failed: the gateway is ${target.url}, not ${options.expectUrl}.`)
    }
    return await withGateway(context, { doing: 'Gateway call', check }, async ({ client }) => {
      const result = await client.call(method, params, { timeoutMs: options.timeout, expectFinal: options.expectFinal })
      if (!options.json) out.line(`Gateway call: ${method}`)
      out.json(result ?? null)
      return 0
    })
  }
})
