import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Files } from '../files/files.ts'
import type { Tool } from '../tool.ts'

export interface FileSources { readonly files: Files }

/** Shows a file to an agent: text by lines, pictures as pictures. */
export const read = ({ files }: FileSources): Tool => defineTool({
  name: 'read',
  description: 'Reads a file. Text comes by lines, at most 2000 lines or 50 KB at once; offset and limit choose which. Pictures are shown.',
  params: Type.Object({
    path: Type.String({ minLength: 1, description: 'The file, relative to the workspace or absolute.' }),
    offset: Type.Optional(Type.Integer({ minimum: 1, description: 'First line, from 1.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, description: 'Most lines.' }))
  }),
  capability: 'file.read',
  groups: ['fs'],
  reach: 'run',
  effects: false,
  rest: 'Call read with offset and limit for the rest.',
  async foresee ({ path }, context) {
    const { foreseeFiles } = await import('../files/foreseeing.ts')
    return await foreseeFiles(await files.view(context), [{ name: path, use: 'read', isNeeded: true }])
  },
  async run (request, context) {
    const [{ answering }, { readFile }] = await Promise.all([import('../files/failure.ts'), import('../files/reading.ts')])
    return await answering('read', request.path, async () => await readFile(await files.view(context), request, context.signal))
  }
})
