import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { MediaSources } from '../media/sources.ts'
import type { Tool } from '../tool.ts'

/** Looks at a picture for an agent whose own model may not see. */
export const image = ({ media }: MediaSources): Tool => defineTool({
  name: 'image',
  description: 'Looks at a picture and answers a question about it, with a model that can see.',
  params: Type.Object({
    image: Type.String({ minLength: 1, description: 'A file of the workspace, or an http or https URL.' }),
    prompt: Type.Optional(Type.String({ minLength: 1, maxLength: 10_000, description: 'What to find out. Default: a description.' })),
    model: Type.Optional(Type.String({ minLength: 1, description: 'Another model than the configured one, as "provider/model".' }))
  }),
  capability: 'media',
  groups: ['media'],
  aliases: ['view_image'],
  reach: 'run',
  effects: false,
  async run (request, context) {
    const [{ answering }, { look }] = await Promise.all([import('../web/failure.ts'), import('../media/looking.ts')])
    return await answering('image', async () => await look(media, request, context))
  }
})
