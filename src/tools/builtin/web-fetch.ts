import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { Web } from '../web/web.ts'

export interface WebSources { readonly web: Web }

/** Reads a page of the web for an agent. */
export const webFetch = ({ web }: WebSources): Tool => defineTool({
  name: 'web_fetch',
  description: 'Fetches a web page by its URL and returns its content as Markdown or text. Runs no scripts and logs in nowhere.',
  params: Type.Object({
    url: Type.String({ minLength: 1, description: 'An absolute http or https URL.' }),
    extractMode: Type.Optional(oneOf(['markdown', 'text'], { description: 'Default: markdown.' })),
    maxChars: Type.Optional(Type.Integer({ minimum: 1, description: 'Cut the result to this many characters.' }))
  }),
  capability: 'net',
  groups: ['web'],
  reach: 'anywhere',
  effects: false,
  rest: 'The end of a long page is seldom needed; search for a narrower page.',
  async run (request, { signal }) {
    const { answering, jsonResult } = await import('../web/failure.ts')
    return await answering('web_fetch', async () => jsonResult(await web.fetch(request, signal)))
  }
})
