import { randomUUID } from 'node:crypto'
import { UsageError, command, integer, text } from '../define-command.ts'
import { refuseInAgentShell } from '../agent-shell.ts'
import { CommandFailure } from '../failure.ts'
import { jsonObject } from '../json-object.ts'
import { nodeOption, withNode } from '../node-course.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { required } from '../with-gateway.ts'

/** Programs are run by agents, under the rules for programs. */
const byExecOnly = new Set(['system.run', 'system.run.prepare'])
/** For the gateway, on top of what the node may take. */
const graceMs = 10_000

export default command({
  name: 'nodes invoke',
  summary: 'Ask a node for one of its commands',
  details: 'Prints the answer as JSON. Programs are not run this way: agents run them with exec and host=node, under approvals.',
  options: {
    ...rpcOptionsWith(30_000),
    ...nodeOption,
    command: text('command', 'The command, e.g. system.which'),
    params: text('json', 'Parameters as a JSON object (default: {})'),
    invokeTimeout: integer('ms', 'How long the node may take', { min: 1, max: 3_600_000 }, 15_000),
    idempotencyKey: text('key', 'The same key asks once')
  },
  examples: [['openclaw nodes invoke --node Workbench --command system.which --params \'{"bins":["uname"]}\'', 'Where a program lies there.']],
  async run (context) {
    const { options, io } = context
    const name = required(options.command?.trim(), '--command')
    if (options.idempotencyKey === '') throw new UsageError('Invalid --idempotency-key (it must not be empty)')
    if (byExecOnly.has(name)) throw new CommandFailure(`${name} is not asked for this way: agents run programs with exec and host=node.`)
    refuseInAgentShell('Nodes invoke', 'node.invoke', io.env)
    const params = jsonObject(options.params ?? '{}', 'Nodes invoke failed: --params')
    const timeoutMs = Math.max(options.timeout, options.invokeTimeout + graceMs)
    return await withNode(context, 'Nodes invoke', async ({ nodeId }, { client }) => {
      const idempotencyKey = options.idempotencyKey ?? randomUUID()
      const asked = { nodeId, command: name, params, timeoutMs: options.invokeTimeout, idempotencyKey }
      context.out.json(await client.request('node.invoke', asked, { timeoutMs }))
      return 0
    })
  }
})
