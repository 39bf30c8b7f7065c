import { command, integer } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { messageLine, sessionCourse, sessionKeyArgument, sessionText, type SessionRow } from '../session-view.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'sessions show',
  summary: 'Show one conversation: what it is and what was said last',
  args: [sessionKeyArgument],
  options: { ...rpcOptions, messages: integer('n', 'How many of the last messages', { min: 0, max: 1_000 }, 10) },
  examples: [
    ['openclaw sessions show main', 'The main conversation of the default agent.'],
    ['openclaw sessions show agent:main:telegram:group:-100 --messages 0', 'Only what it is.']
  ],
  run: context => withGateway(context, sessionCourse('Sessions show'), async ({ client }) => {
    const { out, options } = context
    const key = await sessionKeyOf(client, context.args[0])
    const { session } = await client.request('sessions.describe', { key, includeDerivedTitles: true, includeLastMessage: true }) as { session: SessionRow }
    const { messages } = options.messages === 0
      ? { messages: [] as object[] }
      : await client.request('sessions.get', { key, limit: options.messages }) as { messages: object[] }
    if (options.json) out.json({ session, messages })
    else {
      out.line(sessionText(session, Date.now()))
      if (messages.length > 0) out.line(`\n${messages.map(message => messageLine(message)).join('\n')}`)
    }
    return 0
  })
})
