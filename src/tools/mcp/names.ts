/** Names of tools from elsewhere: `<server>__<tool>`, in letters that every provider takes. */

const maxPrefix = 30
const maxName = 64
export const separator = '__'

/** Appended to what would be somebody else's name. */
function unique (wanted: string, longest: number, taken: ReadonlySet<string>): string {
  let name = wanted.slice(0, longest)
  for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${wanted.slice(0, longest - String(number).length - 1)}-${number}`
  return name
}

const safe = (name: string): string => name.replace(/[^A-Za-z0-9_-]+/g, '-')

function prefixOf (server: string): string {
  const name = safe(server.toLowerCase()).replace(/_{2,}/g, '_')
  return /^[a-z]/.test(name) ? name : `mcp-${name}`
}

export function prefixesOf (servers: readonly string[]): Map<string, string> {
  const taken = new Set<string>()
  return new Map(servers.map(server => {
    const prefix = unique(prefixOf(server), maxPrefix, taken)
    taken.add(prefix)
    return [server, prefix]
  }))
}

/** In the order of the tools. */
export function toolNamesOf (prefix: string, tools: readonly string[]): string[] {
  const taken = new Set<string>()
  return tools.map(tool => {
    const name = unique(`${prefix}${separator}${safe(tool)}`, maxName, taken)
    taken.add(name.toLowerCase())
    return name
  })
}
