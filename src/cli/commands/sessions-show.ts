import { command, integer } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { messageLine, pendingLine, sessionCourse, sessionKeyArgument, sessionText, type PendingInputs, type SessionRow } from '../session-view.ts'
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
    // Of an agent that is gone nothing waits, and its history is not served.
    const { pendingInputs } = await client.request('chat.history', { sessionKey: key, limit: 1 })
      .catch(() => ({ pendingInputs: { items: [], total: 0 } })) as { pendingInputs: PendingInputs }
    if (options.json) out.json({ session, messages, pendingInputs })
    else {
      out.line(sessionText(session, Date.now()))
      if (messages.length > 0) out.line(`\n${messages.map(message => messageLine(message)).join('\n')}`)
      if (pendingInputs.total > 0) out.line(`\nNot answered yet: ${pendingInputs.total}\n${pendingInputs.items.map(pendingLine).join('\n')}`)
    }
    return 0
  })
})
