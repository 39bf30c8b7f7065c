import { UsageError, command, flag, text } from '../define-command.ts'
import { nodeCourse } from '../node-course.ts'
import { nodeListText, type NodeList, type NodeRow } from '../node-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

const units: { readonly [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function durationMs (given: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? []
  if (!count || !unit) throw new UsageError('Invalid --last-connected (use a number with s, m, h or d, e.g. 24h)')
  return Number(count) * units[unit]!
}

export default command({
  name: 'nodes list',
  summary: 'List nodes: machines that lend this gateway commands',
  options: {
    ...rpcOptions,
    connected: flag('Only those that are here'),
    lastConnected: text('duration', 'Only those that were here within this time, e.g. 24h')
  },
  examples: [
    ['openclaw nodes list', 'What each offers, and how its machine is.'],
    ['openclaw nodes list --connected --json', 'Those that are here, for programs.']
  ],
  async run (context) {
    const { connected, lastConnected, json } = context.options
    const sinceMs = lastConnected === undefined ? undefined : Date.now() - durationMs(lastConnected)
    const isMeant = (node: NodeRow): boolean =>
      (!connected || node.connected === true) && (sinceMs === undefined || node.connected === true || (node.lastSeenAtMs ?? 0) >= sinceMs)
    return await withGateway(context, nodeCourse('Nodes list'), async ({ client }) => {
      const answer = await client.request('node.list') as unknown as NodeList
      const nodes = answer.nodes.filter(isMeant)
      if (json) context.out.json({ ...answer, nodes })
      else context.out.line(nodeListText(nodes, Date.now()))
      return 0
    })
  }
})
