import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool } from '../tool.ts'
import type { FileSources } from './read.ts'

/** Lets an agent change several files at once. */
export const applyPatch = ({ files }: FileSources): Tool => defineTool({
  name: 'apply_patch',
  description: 'Changes several files, all or none. The input begins with "*** Begin Patch" and ends with "*** End Patch"; in between stand ' +
    '"*** Add File: path" with "+" lines, "*** Delete File: path", and "*** Update File: path" (then "*** Move to: path" if it moves) with ' +
    'hunks: "@@ a line before it" and lines that start with " ", "-" or "+".',
  params: Type.Object({ input: Type.String({ minLength: 1, maxLength: 4 * 1024 * 1024, description: 'The whole patch.' }) }),
  capability: 'file.write',
  groups: ['fs'],
  reach: 'run',
  effects: true,
  async foresee ({ input }, context) {
    const [{ foreseeFiles }, { parsePatch }] = await Promise.all([import('../files/foreseeing.ts'), import('../files/patch-text.ts')])
    // What an earlier part of the patch makes is there for a later one: whether files are there is not asked.
    const names = parsePatch(input).flatMap(patch => [patch.path, ...patch.kind === 'update' && patch.movedTo !== undefined ? [patch.movedTo] : []])
    return await foreseeFiles(await files.view(context), names.map(name => ({ name, use: 'write', isNeeded: false })))
  },
  async run ({ input }, context) {
    const [{ answering }, { parsePatch }, work] = await Promise.all([
      import('../files/failure.ts'), import('../files/patch-text.ts'), import('../files/patching.ts')
    ])
    const patches = parsePatch(input)
    return await answering('apply_patch', patches[0]!.path, async () => {
      const view = await files.view(context)
      return await work.applyPatch({ files, view, signal: context.signal }, patches)
    })
  }
})
