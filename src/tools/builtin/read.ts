import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { Files } from '../files/files.ts'
import type { NodeSkill } from '../nodes/port.ts'
import type { Tool, ToolContext } from '../tool.ts'

export interface FileSources { readonly files: Files }

export interface ReadSources extends FileSources {
  /** Absent: no node brings any. */
  readonly nodeSkills?: (place: Pick<ToolContext, 'agentId' | 'sessionKey'>) => Promise<readonly NodeSkill[]>
}

/** Skills of nodes are known here; their machines are not asked for them. */
const onNode = /^node:\/\//

/** Shows a file to an agent: text by lines, pictures as pictures. */
export const read = ({ files, nodeSkills }: ReadSources): Tool => defineTool({
  name: 'read',
  description: 'Reads a file. Text comes by lines, at most 2000 lines or 50 KB at once; offset and limit choose which. Pictures are shown.',
  params: Type.Object({
    path: Type.String({ minLength: 1, description: 'The file, relative to the workspace or absolute, or the node:// address of a skill.' }),
    offset: Type.Optional(Type.Integer({ minimum: 1, description: 'First line, from 1.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, description: 'Most lines.' }))
  }),
  capability: 'file.read',
  groups: ['fs'],
  reach: 'run',
  effects: false,
  rest: 'Call read with offset and limit for the rest.',
  async foresee ({ path }, context) {
    if (onNode.test(path)) return { wouldRun: true }
    const { foreseeFiles } = await import('../files/foreseeing.ts')
    return await foreseeFiles(await files.view(context), [{ name: path, use: 'read', isNeeded: true }])
  },
  async run (request, context) {
    if (onNode.test(request.path)) {
      const { readSkill } = await import('../nodes/skills.ts')
      return readSkill(await nodeSkills?.(context) ?? [], request)
    }
    const [{ answering }, { readFile }] = await Promise.all([import('../files/failure.ts'), import('../files/reading.ts')])
    return await answering('read', request.path, async () => await readFile(await files.view(context), request, context.signal))
  }
})
