/** Every tool that comes with the gateway, one line each. */
import type { Tool } from '../tool.ts'
import { sessionStatus, type StatusSources } from './session-status.ts'
import { sessionsList, type ListSources } from './sessions-list.ts'

export type BuiltinSources = StatusSources & ListSources

export const builtinTools = (sources: BuiltinSources): readonly Tool[] => [
  sessionStatus(sources),
  sessionsList(sources)
]
