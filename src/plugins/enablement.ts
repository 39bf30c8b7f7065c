/** Whether a plugin that is there is also wanted. */
import type { Config } from '../config/schema.ts'
import type { Candidate } from './discovery.ts'
import { isInside } from './bounded-file.ts'

type PluginsConfig = Config['plugins']
type Entry = PluginsConfig['entries'][string]

const names = (list: readonly string[], id: string): boolean => list.some(name => name.toLowerCase() === id.toLowerCase())

/** The settings of the plugin, however its name is written; never what an object inherits. */
export function entryOf ({ entries }: PluginsConfig, id: string): Entry | undefined {
  const name = Object.keys(entries).find(key => key.toLowerCase() === id.toLowerCase())
  return name === undefined ? undefined : entries[name]
}

/** Undefined when it is wanted, else the setting that keeps it away. */
export function whyNot (plugins: PluginsConfig, { manifest: { id }, root }: Candidate, workspaces: readonly string[]): string | undefined {
  const entry = entryOf(plugins, id)
  if (!plugins.enabled) return 'plugins.enabled is false'
  if (names(plugins.deny, id)) return 'plugins.deny names it'
  if (plugins.allow && !names(plugins.allow, id)) return 'plugins.allow does not name it'
  if (entry?.enabled === false) return `plugins.entries.${id}.enabled is false`
  const workspace = workspaces.find(directory => directory === root || isInside(directory, root))
  if (workspace === undefined || entry?.enabled === true || plugins.allow) return undefined
  return `it lies in a workspace, where agents may write; if that is meant: openclaw plugins enable ${id}`
}
