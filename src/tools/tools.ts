/** The tools that agents of this gateway have. */
import { builtinTools, type BuiltinSources } from './builtin/index.ts'
import { createRegistry } from './registry.ts'
import type { Tools } from './tool.ts'

export type ToolsOptions = BuiltinSources

export function createTools (options: ToolsOptions): Tools {
  const registry = createRegistry(builtinTools(options))
  return { forRun: () => registry.all() }
}
