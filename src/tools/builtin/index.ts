/** Every tool that comes with the gateway, one line each. */
import { sessionTools, type SessionTools } from '../sessions/index.ts'
import type { Tool } from '../tool.ts'
import { applyPatch } from './apply-patch.ts'
import { edit } from './edit.ts'
import { exec, type CommandSources } from './exec.ts'
import { ls } from './ls.ts'
import { processTool } from './process.ts'
import { read, type FileSources } from './read.ts'
import { write } from './write.ts'

export type BuiltinSources = CommandSources & FileSources & SessionTools

export const builtinTools = (sources: BuiltinSources): readonly Tool[] => [
  exec(sources),
  processTool(sources),
  read(sources),
  ls(sources),
  write(sources),
  edit(sources),
  applyPatch(sources),
  ...sessionTools(sources)
]
