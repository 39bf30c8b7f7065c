import { namesOf, normalName } from './names.ts'
import type { Tool } from './tool.ts'

/** The tools there are, by any of their names and however these are written. */
export interface ToolRegistry {
  find (name: string): Tool | undefined
  all (): readonly Tool[]
  /** Another number whenever there are other tools. */
  revision (): number
  /** Takes tools from outside (plugins, MCP servers). Whoever came first keeps its names; returns those that were not taken. */
  add (tools: readonly Tool[]): readonly string[]
  remove (names: readonly string[]): void
}

/** More tools than any model can choose from. */
const maxTools = 1000

export function createRegistry (builtin: readonly Tool[]): ToolRegistry {
  const tools = new Set<Tool>()
  const byName = new Map<string, Tool>()
  let revision = 0

  function add (more: readonly Tool[]): string[] {
    const refused: string[] = []
    revision++
    for (const tool of more) {
      const names = namesOf(tool)
      if (byName.has(names[0]!) || tools.size >= maxTools) {
        refused.push(tool.name)
        continue
      }
      tools.add(tool)
      for (const name of names) if (!byName.has(name)) byName.set(name, tool)
    }
    return refused
  }

  const twice = add(builtin)
  if (twice.length > 0) throw new Error(`two tools have the name ${twice.join(', ')}`)

  return {
    find: name => byName.get(normalName(name)),
    all: () => [...tools],
    revision: () => revision,
    add,
    remove (names) {
      revision++
      for (const name of names) {
        const tool = byName.get(normalName(name))
        if (!tool || normalName(tool.name) !== normalName(name)) continue
        tools.delete(tool)
        for (const [known, owner] of byName) if (owner === tool) byName.delete(known)
      }
    }
  }
}
