/** Agents as models. */
import type { Caller } from '../../auth/caller.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { AgentFacts } from '../../host/health.ts'
import { invalid } from './errors.ts'

export interface ModelList {
  /** The whole list, as text that is made once for each state of the configuration. */
  list (caller: Caller): string
  /** Throws for what is not in it. */
  one (id: string, caller: Caller): object
}

const modelOf = (id: string): object => ({ id, object: 'model', created: 0, owned_by: 'openclaw', permission: [] })

const idsOf = (agents: readonly AgentFacts[]): string[] =>
  ['openclaw', 'openclaw/default', ...agents.map(({ agentId }) => `openclaw/${agentId}`).filter(id => id !== 'openclaw/default')]

const textOf = (agents: readonly AgentFacts[]): string => JSON.stringify({ object: 'list', data: idsOf(agents).map(modelOf) })

export function createModelList (agents: () => readonly AgentFacts[], config: () => LoadedConfig): ModelList {
  let made: { readonly of: LoadedConfig, readonly text: string } | undefined
  const visible = ({ key }: Caller): readonly AgentFacts[] => {
    const names = key?.agents
    return names ? agents().filter(({ agentId }) => names.has(agentId.toLowerCase())) : agents()
  }

  return {
    list (caller) {
      if (caller.key?.agents) return textOf(visible(caller))
      const loaded = config()
      if (made?.of !== loaded) made = { of: loaded, text: textOf(agents()) }
      return made.text
    },
    one (id, caller) {
      if (!idsOf(visible(caller)).includes(id)) throw invalid('Invalid model id.', 'model', 'model_not_found')
      return modelOf(id)
    }
  }
}
