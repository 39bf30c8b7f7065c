import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { CommandSources } from './exec.ts'

const params = Type.Object({
  action: oneOf(['list', 'poll', 'log', 'write', 'submit', 'kill', 'clear', 'remove']),
  sessionId: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'Of every action but list.' })),
  data: Type.Optional(Type.String({ maxLength: 1_000_000, description: 'Input for write and submit.' })),
  eof: Type.Optional(Type.Boolean({ description: 'Close the input after this.' })),
  timeout: Type.Optional(Type.Number({ minimum: 0, maximum: 30_000, description: 'Milliseconds that poll waits for something new.' })),
  offset: Type.Optional(Type.Integer({ minimum: 0, description: 'First line of log.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, description: 'Lines of log.' }))
}, { additionalProperties: false })

/** Looks after commands in the background. */
export const processTool = (sources: CommandSources) => defineTool({
  name: 'process',
  description: 'Lists background commands of this agent, reads their output, writes to them and ends them.',
  params,
  capability: 'exec',
  groups: ['runtime'],
  reach: 'run',
  effects: true,
  rest: 'Call process with action log, offset and limit for the rest.',
  run: async (args, context) => (await sources.exec()).process(args, context)
})
