/** Every tool that comes with the gateway, one line each. */
import { sessionTools, type SessionTools } from '../sessions/index.ts'
import type { Tool } from '../tool.ts'

export type BuiltinSources = SessionTools

export const builtinTools = (sources: BuiltinSources): readonly Tool[] => [
  ...sessionTools(sources)
]
