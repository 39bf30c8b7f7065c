import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { WebSources } from './web-fetch.ts'

const date = (description: string) => Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description }))

/** Searches the web for an agent, with the service that the configuration names. */
export const webSearch = ({ web }: WebSources): Tool => defineTool({
  name: 'web_search',
  description: 'Searches the web and returns titles, addresses and snippets. web_fetch reads one of the pages.',
  params: Type.Object({
    query: Type.String({ minLength: 1, maxLength: 1000 }),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, description: 'Most results.' })),
    freshness: Type.Optional(oneOf(['day', 'week', 'month', 'year'], { description: 'Only what is not older.' })),
    country: Type.Optional(Type.String({ pattern: '^[A-Za-z]{2}$', description: 'Two letters, such as DE.' })),
    language: Type.Optional(Type.String({ pattern: '^[A-Za-z]{2}$', description: 'Two letters, such as de.' })),
    date_after: date('Only what was published after this day (YYYY-MM-DD).'),
    date_before: date('Only what was published before this day (YYYY-MM-DD).')
  }),
  capability: 'net',
  groups: ['web'],
  reach: 'anywhere',
  effects: false,
  async run ({ date_after: dateAfter, date_before: dateBefore, ...rest }, { signal }) {
    const { answering } = await import('../web/failure.ts')
    const request = { ...rest, ...dateAfter ? { dateAfter } : {}, ...dateBefore ? { dateBefore } : {} }
    return await answering('web_search', async () => {
      const { text, details } = await web.search(request, signal)
      return { content: [{ type: 'text', text }], details }
    })
  }
})
