import type { Tool } from './tool.ts'

/** One spelling for all: whoever writes a name differently means the same tool, in a call as in a rule. */
export const normalName = (name: string): string => name.normalize('NFKC').trim().toLowerCase()

/** Every name that the tool answers to, its own first. */
export const namesOf = (tool: Tool): string[] => [tool.name, ...tool.aliases ?? []].map(normalName)

/** A tool with every name that it answers to. */
export interface NamedTool {
  readonly tool: Tool
  readonly names: readonly string[]
}

export const named = (tool: Tool): NamedTool => ({ tool, names: namesOf(tool) })
