/** The workspaces of agents: their bootstrap files to read and write, everything else to look at. */
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const named = { agentId: text({ maxLength: 256 }), name: text({ maxLength: 256 }) }
const workspaceFiles = () => import('../agent/roster/workspace-files.ts')
const count = (minimum: number) => Type.Optional(Type.Integer({ minimum }))

export const agentFiles = {
  'agents.files.list': method({
    scope: 'operator.read',
    params: Type.Object({ agentId: named.agentId }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId }, { rooms: { roster } }) {
      const { id, workspace } = roster.get(agentId)
      return { agentId: id, workspace, files: await (await workspaceFiles()).listFiles(workspace) }
    }
  }),
  'agents.files.get': method({
    scope: 'operator.read',
    params: Type.Object(named, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, name }, { rooms: { roster } }) {
      const { id, workspace } = roster.get(agentId)
      return { agentId: id, workspace, file: await (await workspaceFiles()).getFile(workspace, name) }
    }
  }),
  'agents.files.set': method({
    scope: 'operator.admin',
    params: Type.Object({ ...named, content: Type.String(), expectedHash: Type.Optional(Type.String()) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, ...file }, { rooms: { roster } }) {
      const agent = roster.get(agentId)
      return { ok: true, agentId: agent.id, workspace: agent.workspace, file: await roster.setFile(agent, file) }
    }
  }),
  'agents.workspace.list': method({
    scope: 'operator.read',
    params: Type.Object({
      agentId: named.agentId, path: Type.Optional(Type.String({ maxLength: 4096 })), offset: count(0), limit: count(1)
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, ...page }, { rooms: { roster } }) {
      const { id, workspace } = roster.get(agentId)
      return { agentId: id, ...await (await workspaceFiles()).listWorkspace(workspace, page) }
    }
  }),
  'agents.workspace.get': method({
    scope: 'operator.read',
    params: Type.Object({ agentId: named.agentId, path: text({ maxLength: 4096 }) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, path }, { rooms: { roster } }) {
      const { id, workspace } = roster.get(agentId)
      return { agentId: id, file: await (await workspaceFiles()).getWorkspaceFile(workspace, path) }
    }
  })
}
