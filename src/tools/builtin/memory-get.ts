import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { MemorySources } from '../memory/memory.ts'
import type { Tool } from '../tool.ts'

/** Shows some lines of what an agent wrote down. */
export const memoryGet = ({ memory }: MemorySources): Tool => defineTool({
  name: 'memory_get',
  description: 'Reads lines of MEMORY.md or of a note in memory/, such as those around what memory_search found.',
  params: Type.Object({
    path: Type.String({ minLength: 1, maxLength: 4096, description: 'As memory_search shows it.' }),
    from: Type.Optional(Type.Integer({ minimum: 1, description: 'First line, from 1.' })),
    lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 2000, description: 'How many; absent: 200.' }))
  }),
  capability: 'memory.read',
  groups: ['memory'],
  reach: 'anywhere',
  effects: false,
  async run (request, { agentId, sessionKey, signal }) {
    const { answering } = await import('../files/failure.ts')
    return await answering('memory_get', request.path, async () => await memory.get(request, { agentId, sessionKey }, signal))
  }
})
