import { agentEntries } from '../../config/agent-entries.ts'
import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import { normalName } from '../names.ts'
import type { Tool } from '../tool.ts'
import { answer } from './answers.ts'
import type { SessionToolSources } from './ports.ts'
import { spawnTargets } from './spawn-rules.ts'

/** Names the agents that this one may begin as helpers. */
export const agentsList = ({ config, agents, models }: SessionToolSources): Tool => defineTool({
  name: 'agents_list',
  description: 'Lists the agents that sessions_spawn may begin from here.',
  params: Type.Object({}),
  capability: 'session.read',
  groups: ['agents'],
  reach: 'anywhere',
  effects: false,
  async run (_args, { agentId: requester }) {
    const { config: current } = config()
    const { any, ids } = spawnTargets(current, requester)
    const entries = new Map(agentEntries(current).map(entry => [normalName(entry.id), entry]))
    const targets = agents().filter(({ agentId }) => any || ids.has(normalName(agentId)))
    return answer({
      requester,
      allowAny: any,
      agents: targets.map(({ agentId }) => {
        const entry = entries.get(normalName(agentId))
        const { model } = models.route(agentId)
        return {
          id: agentId,
          name: entry?.name ?? agentId,
          configured: entry !== undefined,
          model: `${model.provider}/${model.id}`,
          agentRuntime: { id: entry?.runtime ?? 'auto', source: entry?.runtime === undefined ? 'implicit' : 'agent' }
        }
      })
    })
  }
})
