/** The tools that agents of this gateway have. */
import { sessionStatus, type StatusSources } from './builtin/session-status.ts'
import { sessionsList, type ListSources } from './builtin/sessions-list.ts'
import type { Tools } from './tool.ts'

export type ToolsOptions = StatusSources & ListSources

export function createTools (options: ToolsOptions): Tools {
  const builtin = [sessionStatus(options), sessionsList(options)]
  return { forRun: () => builtin }
}
