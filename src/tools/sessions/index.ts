/** The tools about conversations, the agents in them, and the gateway around them. */
import type { Tool } from '../tool.ts'
import { agentsList } from './agents-list.ts'
import { gateway } from './gateway.ts'
import type { SessionToolSources } from './ports.ts'
import { sessionStatus } from './session-status.ts'
import { sessionsHistory } from './sessions-history.ts'
import { sessionsList } from './sessions-list.ts'
import { sessionsSearch } from './sessions-search.ts'
import { sessionsSend } from './sessions-send.ts'
import { sessionsSpawn } from './sessions-spawn.ts'
import type { Spawns } from './spawns.ts'
import { subagents } from './subagents.ts'

export interface SessionTools {
  readonly conversations: SessionToolSources
  readonly spawns: Spawns
}

export const sessionTools = ({ conversations, spawns }: SessionTools): readonly Tool[] => [
  sessionStatus(conversations),
  sessionsList(conversations),
  sessionsHistory(conversations),
  sessionsSearch(conversations),
  sessionsSend(conversations),
  sessionsSpawn(conversations, spawns),
  subagents(conversations, spawns),
  agentsList(conversations),
  gateway(conversations)
]
