/** The files of a workspace that tell an agent who it is and how it works. Only these are read and written by name. */
export const bootstrapFiles = [
  'AGENTS.md', 'SOUL.md', 'TOOLS.md', 'IDENTITY.md', 'USER.md', 'HEARTBEAT.md', 'BOOTSTRAP.md', 'MEMORY.md'
] as const

/** Nobody misses these when they are not there. */
const seldom: ReadonlySet<string> = new Set(['TOOLS.md', 'IDENTITY.md', 'HEARTBEAT.md', 'BOOTSTRAP.md', 'MEMORY.md'])

export const isBootstrapFile = (name: string): boolean => (bootstrapFiles as readonly string[]).includes(name)
export const isSeldomThere = (name: string): boolean => seldom.has(name)
