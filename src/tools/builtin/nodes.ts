import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { NodeSources } from '../nodes/port.ts'
import type { Tool } from '../tool.ts'

const actions = [
  'status', 'describe', 'pending', 'approve', 'reject', 'notify', 'camera_list', 'location_get', 'device_info', 'device_status', 'invoke'
] as const

const params = Type.Object({
  action: oneOf(actions),
  node: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Id or name of the node.' })),
  requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'For approve and reject; pending lists them.' })),
  title: Type.Optional(Type.String({ maxLength: 1000, description: 'For notify.' })),
  body: Type.Optional(Type.String({ maxLength: 4000, description: 'For notify.' })),
  invokeCommand: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'For invoke: one of the commands that describe shows.' })),
  invokeParamsJson: Type.Optional(Type.String({ maxLength: 100_000, description: 'For invoke: a JSON object.' })),
  invokeTimeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 }))
})

/** Machines that lend the gateway commands, for an agent whose owner asks for them. */
export const nodes = ({ nodes: port }: NodeSources): Tool => defineTool({
  name: 'nodes',
  description: 'Machines that lend this gateway commands (phones, desktops, servers): which there are, what each offers, notifications, ' +
    'and the commands that were approved. Programs run on them with exec and host=node.',
  params,
  capability: 'node',
  groups: ['nodes'],
  reach: 'anywhere',
  ownerOnly: true,
  effects: true,
  async foresee (args) {
    const { foreseeNodeAction } = await import('../nodes/actions.ts')
    return await foreseeNodeAction(args, port())
  },
  async run (args, context) {
    const { nodeAction } = await import('../nodes/actions.ts')
    return await nodeAction(args, context, port())
  }
})
