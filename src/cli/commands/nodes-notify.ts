import { randomUUID } from 'node:crypto'
import { UsageError, command, integer, oneOfWords, text } from '../define-command.ts'
import { nodeOption, withNode } from '../node-course.ts'
import { nodeName } from '../node-view.ts'
import { rpcOptionsWith } from '../rpc-options.ts'

export default command({
  name: 'nodes notify',
  summary: 'Show a notification on a node',
  options: {
    ...rpcOptionsWith(30_000),
    ...nodeOption,
    title: text('text', 'Its title'),
    body: text('text', 'Its text'),
    sound: text('name', 'A sound of that machine'),
    priority: oneOfWords('priority', ['passive', 'active', 'timeSensitive'], 'How pressing it is'),
    delivery: oneOfWords('way', ['system', 'overlay', 'auto'], 'How it is shown'),
    invokeTimeout: integer('ms', 'How long the node may take', { min: 1, max: 3_600_000 }, 15_000)
  },
  examples: [['openclaw nodes notify --node Workbench --title Build --body Done', 'On nodes that offer system.notify.']],
  async run (context) {
    const { title, body, sound, priority, delivery = 'system', invokeTimeout, json } = context.options
    const given = { title, body, sound, priority }
    if (!title && !body) throw new UsageError('nodes notify needs --title or --body')
    return await withNode(context, 'Nodes notify', async (node, { client }) => {
      const answer = await client.request('node.invoke', {
        nodeId: node.nodeId,
        command: 'system.notify',
        params: { ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)), delivery },
        timeoutMs: invokeTimeout,
        idempotencyKey: randomUUID()
      })
      if (json) context.out.json(answer)
      else context.out.line(`${nodeName(node)} shows it.`)
      return 0
    })
  }
})
