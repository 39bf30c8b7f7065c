import { approvalsOf, placeOption } from '../approvals-place.ts'
import { approvalsCourse, changedFile } from '../approvals-view.ts'
import { command, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'approvals allowlist',
  summary: 'Allow agents a program without asking, or take that back',
  details: 'A pattern is the name of a program, or a path in which * and ** stand for anything. Shells, and programs that run what their arguments say, are asked about all the same.',
  args: [
    { name: 'action', help: 'add or remove' },
    { name: 'pattern', help: 'Program, path with wildcards, or the id of an entry' }
  ],
  options: { ...rpcOptions, ...placeOption, agent: text('id', 'Only for this agent; absent: for all') },
  examples: [
    ['openclaw approvals allowlist add rg', 'Every agent may run rg.'],
    ["openclaw approvals allowlist add '/usr/bin/*' --agent main", 'One agent, many programs.'],
    ['openclaw approvals allowlist remove rg', 'It is asked about again.'],
    ['openclaw approvals allowlist add uname --node Workbench', 'Agents may run it on that node.']
  ],
  async run (context) {
    const [action, pattern] = [required(context.args[0], 'action'), required(context.args[1], 'pattern')]
    const { agent = '*', node, json } = context.options
    return await withGateway(context, approvalsCourse('Approvals allowlist'), async ({ client }) => {
      const place = await approvalsOf(client, node)
      const before = await place.read()
      const file = changedFile(before.file, action, agent, pattern)
      const after = file && await place.write(file, before)
      if (json) context.out.json(after ?? before)
      else context.out.line(file ? `${pattern} was ${action === 'add' ? 'added' : 'removed'}.` : `Nothing to change: ${pattern} is ${action === 'add' ? '' : 'not '}there.`)
      return 0
    })
  }
})
