import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { FileSources } from './read.ts'

/** Shows a directory to an agent. */
export const ls = ({ files }: FileSources): Tool => defineTool({
  name: 'ls',
  description: 'Lists a directory: names in quotes, directories end with a slash.',
  params: Type.Object({
    path: Type.Optional(Type.String({ minLength: 1, description: 'The directory; absent: the workspace.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'Most entries.' }))
  }),
  capability: 'file.read',
  groups: ['fs'],
  reach: 'run',
  effects: false,
  async foresee ({ path = '.' }, context) {
    const { foreseeFiles } = await import('../files/foreseeing.ts')
    return await foreseeFiles(await files.view(context), [{ name: path, use: 'read', isNeeded: true }])
  },
  async run ({ path = '.', limit }, context) {
    const [{ answering }, { listDirectory, maxEntries }] = await Promise.all([import('../files/failure.ts'), import('../files/reading.ts')])
    return await answering('ls', path, async () => await listDirectory(await files.view(context), path, limit ?? maxEntries))
  }
})
