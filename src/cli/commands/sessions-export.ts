import { writePrivateFile } from '../../lib/private-file.ts'
import { command, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { sessionCourse, sessionKeyArgument } from '../session-view.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { withGateway } from '../with-gateway.ts'

interface Page { sessionId: string, messages: object[], hasMore: boolean, nextBefore?: number }

const pageSize = 500
const maxMessages = 200_000

/** The whole conversation, oldest first. */
async function readAll (client: GatewayClient, key: string): Promise<{ sessionId: string, messages: object[] }> {
  const pages: object[][] = []
  let before: number | undefined
  for (let read = 0; read < maxMessages; read += pageSize) {
    const page = await client.request('sessions.get', { key, limit: pageSize, ...(before === undefined ? {} : { before }) }) as unknown as Page
    pages.push(page.messages)
    if (!page.hasMore) return { sessionId: page.sessionId, messages: pages.reverse().flat() }
    before = page.nextBefore
  }
  throw new CommandFailure(`${key} has more than ${maxMessages} messages`)
}

export default command({
  name: 'sessions export',
  summary: 'Write a conversation as JSON Lines',
  args: [sessionKeyArgument],
  options: { ...rpcOptionsWith(60_000), output: text('file', 'Where to; absent: to the terminal') },
  examples: [
    ['openclaw sessions export main', 'One message per line.'],
    ['openclaw sessions export main --output talk.jsonl', 'A file that only you can read.']
  ],
  run: context => withGateway(context, sessionCourse('Sessions export'), async ({ client }) => {
    const { out, options } = context
    const key = await sessionKeyOf(client, context.args[0])
    const { sessionId, messages } = await readAll(client, key)
    if (options.output === undefined) {
      if (options.json) out.json({ key, sessionId, messages })
      else for (const message of messages) out.jsonLine(message)
      return 0
    }
    await writePrivateFile(options.output, messages.map(message => `${JSON.stringify(message)}\n`).join(''))
    if (options.json) out.json({ key, sessionId, file: options.output, messages: messages.length })
    else out.line(`${messages.length} messages of ${key} are in ${options.output}.`)
    return 0
  })
})
