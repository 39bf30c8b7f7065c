import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { sessionCourse, sessionKeyArgument } from '../session-view.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'sessions reset',
  summary: 'Begin a conversation anew; its settings stay, the transcript is kept',
  args: [sessionKeyArgument],
  options: rpcOptions,
  examples: [['openclaw sessions reset main', 'The agent remembers nothing of what was said before.']],
  run: context => withGateway(context, sessionCourse('Sessions reset'), async ({ client }) => {
    const key = await sessionKeyOf(client, context.args[0])
    const result = await client.request('sessions.reset', { key })
    if (context.options.json) context.out.json(result)
    else context.out.line(`${key} begins anew.`)
    return 0
  })
})
