import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { FileSources } from './read.ts'

/** Lets an agent write a file. */
export const write = ({ files }: FileSources): Tool => defineTool({
  name: 'write',
  description: 'Writes a whole file: makes it, with its directories, or replaces what it says. edit changes parts of one.',
  params: Type.Object({
    path: Type.String({ minLength: 1, description: 'The file, relative to the workspace or absolute.' }),
    content: Type.String({ description: 'Everything that the file is to say.' })
  }),
  capability: 'file.write',
  groups: ['fs'],
  reach: 'run',
  effects: true,
  async foresee ({ path }, context) {
    const { foreseeFiles } = await import('../files/foreseeing.ts')
    return await foreseeFiles(await files.view(context), [{ name: path, use: 'write', isNeeded: false }])
  },
  async run ({ path, content }, context) {
    const [{ answering }, { writeFile }] = await Promise.all([import('../files/failure.ts'), import('../files/writing.ts')])
    return await answering('write', path, async () => {
      const view = await files.view(context)
      return await writeFile({ files, view, signal: context.signal }, path, content)
    })
  }
})
