import { command, integer, text } from '../define-command.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { sessionCourse, sessionKeyArgument } from '../session-view.ts'
import { withGateway } from '../with-gateway.ts'

interface Compacted { ok: boolean, compacted: boolean, kept: number, reason?: string }

export default command({
  name: 'sessions compact',
  summary: 'Shorten what the model sees of a long conversation',
  details: 'A model sums up the older part; with --max-lines the older part is left out instead. The transcript keeps everything.',
  args: [sessionKeyArgument],
  options: {
    ...rpcOptionsWith(300_000),
    maxLines: integer('n', 'Keep only the last messages, without asking a model', { min: 1, max: 100_000 }),
    instructions: text('text', 'What the summary must not forget')
  },
  examples: [
    ['openclaw sessions compact main', 'Takes as long as the model takes.'],
    ['openclaw sessions compact main --max-lines 50', 'At once, without a model.']
  ],
  run: context => withGateway(context, sessionCourse('Sessions compact'), async ({ client }) => {
    const { out, options } = context
    const key = await sessionKeyOf(client, context.args[0])
    const result = await client.request('sessions.compact', {
      key,
      ...(options.maxLines === undefined ? {} : { maxLines: options.maxLines }),
      ...(options.instructions === undefined ? {} : { instructions: options.instructions })
    }, { timeoutMs: options.timeout }) as Compacted
    if (options.json) out.json(result)
    else if (result.compacted) out.line(`${key} is shortened; the last ${result.kept} messages stay as they are.`)
    else out.note(`${key} was not shortened: ${result.reason ?? 'no reason given'}`)
    return result.ok ? 0 : exitCodes.failed
  })
})
