import { parseDuration } from '../../lib/duration.ts'
import { command, text, UsageError } from '../define-command.ts'
import { issuedText, keyCourse, type IssuedKey } from '../key-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

function graceOf (given: string | undefined): number | undefined {
  try {
    return given === undefined ? undefined : parseDuration(given)
  } catch {
    throw new UsageError('Invalid --grace (use a duration such as 10m or 1h)')
  }
}

export default command({
  name: 'keys rotate',
  summary: 'Give an API key another secret; the old one ends at once, or after --grace',
  details: 'Name, limits and conversations stay with the key.',
  args: [{ name: 'name', help: 'Name or id of the key' }],
  options: { ...rpcOptions, grace: text('duration', 'How long the old secret is good, too (at most 7d)') },
  examples: [['openclaw keys rotate shop --grace 1h', 'An hour to bring the new secret to the program.']],
  run: context => {
    const graceMs = graceOf(context.options.grace)
    const order = { name: required(context.args[0], '<name>'), ...(graceMs === undefined ? {} : { graceMs }) }
    return callGateway(context, keyCourse('Keys rotate'), 'keys.rotate', order,
      (issued: IssuedKey) => context.out.line(issuedText(issued, 'Rotated', Date.now())))
  }
})
