import { command, flag } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { sessionCourse, sessionKeyArgument } from '../session-view.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'sessions delete',
  summary: 'Delete a conversation; its transcript goes to the archive directory',
  args: [sessionKeyArgument],
  options: { ...rpcOptions, yes: flag('Do it; without it nothing is deleted') },
  examples: [['openclaw sessions delete agent:main:scratch --yes', 'Prints the file that the transcript went to.']],
  run: context => withGateway(context, sessionCourse('Sessions delete'), async ({ client }) => {
    const { out, options } = context
    const key = await sessionKeyOf(client, context.args[0])
    if (!options.yes) throw new CommandFailure(`${key} would be deleted. To do it: openclaw sessions delete ${key} --yes`, 'confirmation_required')
    const result = await client.request('sessions.delete', { key }) as { deleted: boolean, archived: string[] }
    if (options.json) out.json(result)
    else out.line([`Deleted ${key}.`, ...result.archived.map(file => `Transcript: ${file}`)].join('\n'))
    return 0
  })
})
