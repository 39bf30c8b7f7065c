import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { MemorySources } from '../memory/memory.ts'
import type { Tool } from '../tool.ts'

/** Finds what an agent wrote down. */
export const memorySearch = ({ memory }: MemorySources): Tool => defineTool({
  name: 'memory_search',
  description: 'Searches MEMORY.md and the notes in memory/ and returns the places that fit, with file and lines. ' +
    'Ask it before you answer about earlier work, decisions, dates, people, wishes or plans; memory_get shows more of a place.',
  params: Type.Object({
    query: Type.String({ minLength: 1, maxLength: 2000, description: 'Words that stand there, or what it is about.' }),
    maxResults: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'Most results.' })),
    minScore: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Leave out what fits less.' })),
    corpus: Type.Optional(oneOf(['memory', 'wiki', 'all', 'sessions'], { description: 'Default: memory.' }))
  }),
  capability: 'memory.read',
  groups: ['memory'],
  reach: 'anywhere',
  effects: false,
  async run (request, { agentId, sessionKey, signal }) {
    const [answer, { forModel }] = await Promise.all([memory.search(request, { agentId, sessionKey }, signal), import('../memory/answers.ts')])
    return { content: [{ type: 'text', text: forModel(answer) }], details: answer }
  }
})
