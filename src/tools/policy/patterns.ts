/**
 * Which tools an entry of an allow or deny list means: a name, an alias, `group:<name>`, a plugin, a server (`mcp:<name>`), or any of
 * these with `*`.
 */
import { normalName, type NamedTool } from '../names.ts'
import type { Tool } from '../tool.ts'

/** Tools that reach into this machine or drive a screen; `group:openclaw` is everything else that comes with the gateway. */
const beyondOpenclaw: ReadonlySet<string> = new Set(['exec', 'process', 'canvas'])

function isInGroup (tool: Tool, group: string): boolean {
  if (group === 'plugins') return tool.origin !== undefined
  if (group === 'openclaw') return tool.origin === undefined && !tool.groups.includes('fs') && !beyondOpenclaw.has(normalName(tool.name))
  return tool.groups.includes(group)
}

/** `*` stands for anything, also for nothing. Linear in the length of the name, whatever the pattern. */
export function globMatches (pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return pattern === name
  const first = parts[0]!
  const last = parts.at(-1)!
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

function means (entry: string, { tool, names }: NamedTool): boolean {
  const pattern = normalName(entry)
  if (pattern.startsWith('group:')) return isInGroup(tool, pattern.slice(6))
  if (names.some(name => globMatches(pattern, name))) return true
  if (!tool.origin) return false
  const { kind, id } = tool.origin
  return (kind === 'mcp' && (pattern === 'bundle-mcp' || pattern === `mcp:${normalName(id)}`)) || pattern === normalName(id)
}

/** The first entry that means this tool. */
export const entryFor = (asked: NamedTool, entries: readonly string[]): string | undefined => entries.find(entry => means(entry, asked))

/** Who may write files may patch them; who may not write has not been forbidden to patch. */
const impliedBy: { readonly [name: string]: string } = { apply_patch: 'write' }

export function allowingEntry (asked: NamedTool, entries: readonly string[]): string | undefined {
  const implied = impliedBy[asked.names[0]!]
  return entryFor(asked, entries) ?? (implied === undefined ? undefined : entries.find(entry => normalName(entry) === implied))
}
