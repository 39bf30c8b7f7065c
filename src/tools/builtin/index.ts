/** Every tool that comes with the gateway, one line each. */
import { sessionTools, type SessionTools } from '../sessions/index.ts'
import type { MediaSources } from '../media/sources.ts'
import type { NodeSources } from '../nodes/port.ts'
import type { MemorySources } from '../memory/memory.ts'
import type { MessageSources } from '../messages/port.ts'
import type { Tool } from '../tool.ts'
import type { AutomationSources } from '../automation/port.ts'
import { applyPatch } from './apply-patch.ts'
import { automations } from './automations.ts'
import { edit } from './edit.ts'
import { exec, type CommandSources } from './exec.ts'
import { image } from './image.ts'
import { ls } from './ls.ts'
import { memoryGet } from './memory-get.ts'
import { memorySearch } from './memory-search.ts'
import { message } from './message.ts'
import { nodes } from './nodes.ts'
import { processTool } from './process.ts'
import { read, type ReadSources } from './read.ts'
import { tts } from './tts.ts'
import { webFetch, type WebSources } from './web-fetch.ts'
import { webSearch } from './web-search.ts'
import { write } from './write.ts'

export type BuiltinSources =
  AutomationSources & CommandSources & ReadSources & MediaSources & MemorySources & NodeSources & MessageSources & SessionTools & WebSources

export const builtinTools = (sources: BuiltinSources): readonly Tool[] => [
  exec(sources),
  processTool(sources),
  read(sources),
  ls(sources),
  write(sources),
  edit(sources),
  applyPatch(sources),
  webFetch(sources),
  webSearch(sources),
  image(sources),
  tts(sources),
  memorySearch(sources),
  memoryGet(sources),
  automations(sources),
  nodes(sources),
  message(sources),
  ...sessionTools(sources)
]
