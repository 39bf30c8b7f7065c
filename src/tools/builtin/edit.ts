import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { FileSources } from './read.ts'

/** Lets an agent change parts of a file. */
export const edit = ({ files }: FileSources): Tool => defineTool({
  name: 'edit',
  description: 'Replaces text in a file. Each oldText must stand there exactly once, in the file as it is before this call; edits must not overlap.',
  params: Type.Object({
    path: Type.String({ minLength: 1, description: 'The file, relative to the workspace or absolute.' }),
    edits: Type.Array(Type.Object({
      oldText: Type.String({ minLength: 1, description: 'What stands there, copied exactly, with enough around it to be the only place.' }),
      newText: Type.String({ description: 'What is to stand there.' })
    }, { additionalProperties: false }), { minItems: 1, maxItems: 100 })
  }),
  capability: 'file.write',
  groups: ['fs'],
  reach: 'run',
  effects: true,
  async foresee ({ path }, context) {
    const { foreseeFiles } = await import('../files/foreseeing.ts')
    return await foreseeFiles(await files.view(context), [{ name: path, use: 'write', isNeeded: true }])
  },
  async run ({ path, edits }, context) {
    const [{ answering }, { editFile }] = await Promise.all([import('../files/failure.ts'), import('../files/writing.ts')])
    return await answering('edit', path, async () => {
      const view = await files.view(context)
      return await editFile({ files, view, signal: context.signal }, path, edits)
    })
  }
})
