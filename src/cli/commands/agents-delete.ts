import { agentCourse } from '../agent-view.ts'
import { command, flag } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

interface Deleted {
  readonly agentId: string
  readonly removedBindings: number
  readonly removed: ReadonlyArray<{ readonly path: string, readonly method: string }>
  readonly failed: ReadonlyArray<{ readonly path: string, readonly reason: string }>
  readonly purgeFailed?: boolean
}

export default command({
  name: 'agents delete',
  summary: 'Delete an agent; its conversations go to the archive, its workspace to the trash of the state directory',
  args: [{ name: 'id', help: 'Agent id (openclaw agents list)' }],
  options: {
    ...rpcOptions,
    force: flag('Do it; without it nothing is deleted'),
    keepFiles: flag('Leave workspace and conversations where they are')
  },
  examples: [['openclaw agents delete work --force', 'The default agent and the only one cannot be deleted.']],
  async run (context) {
    const { out, options, args } = context
    const agentId = required(args[0], 'id')
    if (!options.force) {
      throw new CommandFailure(`Agent ${agentId} would be deleted. To do it: openclaw agents delete ${agentId} --force`, 'confirmation_required')
    }
    return await callGateway(context, agentCourse('Agents delete'), 'agents.delete', { agentId, deleteFiles: !options.keepFiles }, (deleted: Deleted) => {
      out.line(`Deleted agent ${deleted.agentId}.`)
      if (deleted.removedBindings > 0) out.line(`Routing rules removed: ${deleted.removedBindings}`)
      for (const { path, method } of deleted.removed) if (method === 'trash') out.line(`Moved to the trash: ${path}`)
      for (const { path, reason } of deleted.failed) out.note(`Left where it is: ${path} (${reason})`)
      if (deleted.purgeFailed) out.note('Some of its conversations are still there: openclaw sessions list --all')
    })
  }
})
