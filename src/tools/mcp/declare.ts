/** Tools of a server as tools of ours. What a server says of itself decides about no right. */
import { ToolRefusal } from '../invocation.ts'
import { normalName } from '../names.ts'
import { globMatches } from '../policy/patterns.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import { visible } from '../web/visible-text.ts'
import type { ForeignTool } from './connection.ts'
import { separator, toolNamesOf } from './names.ts'
import type { ServerSettings } from './settings.ts'

/** Undefined: the server is no longer there. */
export type Call = (tool: string, args: object, context: ToolContext) => Promise<ToolResult> | undefined

const maxDescription = 4_000
const maxSchemaChars = 64_000
const maxToolName = 256

const isPassed = ({ name }: ForeignTool, filter: ServerSettings['entry']['toolFilter']): boolean => {
  const { include, exclude } = filter
  const means = (pattern: string): boolean => globMatches(pattern.trim(), name)
  return (include === undefined || include.some(means)) && !exclude.some(means)
}

function descriptionOf ({ name, title, description, annotations }: ForeignTool, server: string): string {
  const label = title ?? annotations?.title
  const said = visible(description ?? label ?? '').trim().slice(0, maxDescription)
  return said === '' ? `${visible(name).slice(0, 100)} of the MCP server ${server}` : said
}

/** A schema that is too large to be told to a model is told as "anything". */
function parametersOf ({ inputSchema }: ForeignTool): Tool['parameters'] {
  const isShown = JSON.stringify(inputSchema).length <= maxSchemaChars
  const { $schema, ...schema } = isShown ? inputSchema : {}
  return { ...schema, type: 'object', properties: (schema as { properties?: object }).properties ?? {} } as Tool['parameters']
}

/** The server judges the arguments; what it certainly needs is asked for before it is started. */
function checkOf (name: string, required: unknown): Tool['check'] {
  const names = Array.isArray(required) ? required.filter(item => typeof item === 'string') : []
  return args => {
    const missing = names.find(item => !Object.hasOwn(args, item))
    if (missing !== undefined) throw new ToolRefusal(`${name}: ${missing} is required. Correct the arguments and call it again.`)
    return args
  }
}

const commonOf = ({ name, prefix }: ServerSettings) => ({
  capability: 'outside',
  groups: ['mcp', `mcp:${normalName(name)}`, `mcp:${prefix}`],
  reach: 'anywhere'
} as const)

/** Asked about in place of the tools of a server that has not said yet what it has. */
export function sampleOf (settings: ServerSettings): Tool {
  return {
    ...commonOf(settings),
    name: `${settings.prefix}${separator}`,
    description: '',
    parameters: { type: 'object', properties: {} } as Tool['parameters'],
    origin: { kind: 'mcp', id: settings.name },
    effects: true,
    run: () => Promise.reject(new ToolRefusal('this is no tool'))
  }
}

export function toolsOf (settings: ServerSettings, found: readonly ForeignTool[], call: Call): Tool[] {
  const passed = found.filter(tool => tool.name.length <= maxToolName && isPassed(tool, settings.entry.toolFilter))
  const names = toolNamesOf(settings.prefix, passed.map(({ name }) => name))
  return passed.map((tool, index) => {
    const name = names[index]!
    return {
      ...commonOf(settings),
      name,
      description: descriptionOf(tool, settings.name),
      parameters: parametersOf(tool),
      origin: { kind: 'mcp', id: settings.name, toolName: tool.name },
      effects: tool.annotations?.readOnlyHint !== true,
      check: checkOf(name, tool.inputSchema.required),
      async run (args, context) {
        const result = await call(tool.name, args, context)
        if (!result) throw new ToolRefusal(`${name}: the MCP server "${settings.name}" is no longer in the configuration.`)
        return result
      }
    }
  })
}
