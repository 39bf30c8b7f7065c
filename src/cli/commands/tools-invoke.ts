import { exitCodes } from '../../lib/exit-codes.ts'
import { escapeControl } from '../../lib/text.ts'
import { refuseInAgentShell } from '../agent-shell.ts'
import { command, flag, text } from '../define-command.ts'
import { jsonObject } from '../json-object.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { placeOf, placeOptions, toolCourse } from '../tool-view.ts'
import { required, withGateway } from '../with-gateway.ts'

interface Part { readonly type: string, readonly text?: string }
interface Invoked {
  readonly ok: boolean
  readonly output?: { readonly content?: readonly Part[], readonly isError?: boolean }
  readonly error?: { readonly code: string, readonly message: string, readonly details?: { readonly because?: string } }
}

function failure ({ error }: Invoked, tool: string): string {
  const message = escapeControl(error?.message ?? 'no reason given', 2_000)
  const because = error?.details?.because
  return because === undefined ? message : `${message}\n${escapeControl(because, 300)}. All rules: openclaw tools why ${tool} --from rpc`
}

const lines = ({ output }: Invoked): string =>
  output?.content ? output.content.map(part => part.type === 'text' ? part.text ?? '' : `[${part.type}]`).join('\n') : JSON.stringify(output, null, 2)

export default command({
  name: 'tools invoke',
  summary: 'Call one tool, as a program would',
  details: 'Under the rules for programs: tools that touch files, commands or the gateway itself must be opened by name in gateway.tools.allow.',
  args: [{ name: 'tool', help: 'Name or alias, as in openclaw tools list' }],
  options: {
    ...rpcOptionsWith(120_000),
    ...placeOptions,
    args: text('json', 'Arguments as a JSON object (default: {})'),
    dryRun: flag('Ask the rules and check the arguments, and do nothing')
  },
  examples: [
    ['openclaw tools invoke session_status', 'The state of the main conversation.'],
    ['openclaw tools invoke sessions_history --args \'{"sessionKey":"main","limit":5}\' --json', 'The whole answer.']
  ],
  async run (context) {
    const { out, options, args, io } = context
    const name = required(args[0], 'tool')
    refuseInAgentShell('Tools invoke', 'tools.invoke', io.env)
    const given = jsonObject(options.args ?? '{}', 'Tools invoke failed: --args')
    return await withGateway(context, toolCourse('Tools invoke'), async ({ client }) => {
      const invoked = await client.request('tools.invoke', {
        name, args: given, ...placeOf(options), ...(options.dryRun ? { dryRun: true } : {})
      }, { timeoutMs: options.timeout }) as unknown as Invoked
      if (options.json) out.json(invoked)
      else if (invoked.ok) out.line(lines(invoked))
      else out.note(failure(invoked, name))
      return invoked.ok && !invoked.output?.isError ? 0 : exitCodes.failed
    })
  }
})
