import { redactConfig } from '../../config/redact.ts'
import { formatPath, parsePath, valueAt, type PathStep } from '../../config/path-syntax.ts'
import { oneOf, Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import { ToolRefusal } from '../invocation.ts'
import type { Tool, ToolResult } from '../tool.ts'
import { answer } from './answers.ts'
import type { SessionToolSources } from './ports.ts'

const maxChars = 32_768

/** What gateways of this kind let agents do elsewhere. */
const changing = /^(restart|update\.run|config\.(patch|apply|set|unset))$/i

const isWhole = (path: unknown): boolean => path === undefined || (typeof path === 'string' && /^\s*\.?\s*$/.test(path))

function stepsOf (path: string): PathStep[] {
  try {
    return parsePath(path)
  } catch {
    throw new ToolRefusal(`"${path}" is no path of the configuration. Write one like gateway.port.`)
  }
}

/** What the place holds, with every credential taken out. Redacted as a whole: what a value is follows from where it stands. */
function read (path: string, { config }: Pick<SessionToolSources, 'config'>): ToolResult {
  const loaded = config()
  const steps = stepsOf(path)
  const value = valueAt(redactConfig(loaded.config, [], loaded.variableTexts), steps)
  if (value === undefined) throw new ToolRefusal(`nothing is set at ${path}. config.schema.lookup shows what may stand there.`)
  if (JSON.stringify(value).length > maxChars) throw new ToolRefusal(`what stands at ${path} is too large: name a path below it`)
  return answer({ ok: true, result: { hash: loaded.hash, path: formatPath(steps), config: value } })
}

async function lookup (path: string): Promise<ToolResult> {
  const { lookupSchema } = await import('../../config/json-schema.ts')
  const found = lookupSchema(path)
  if (!found) throw new ToolRefusal(`unknown config path: ${path}. "." lists what stands at the top.`)
  return answer({ ok: true, result: found })
}

/** Shows the configuration. It changes nothing: whoever steers an agent must not steer the gateway through it. */
export const gateway = (sources: Pick<SessionToolSources, 'config'>): Tool => defineTool({
  name: 'gateway',
  description: 'Shows the configuration of the gateway, one path at a time, without credentials, and what its keys mean.',
  params: Type.Object({
    action: oneOf(['config.get', 'config.schema.lookup']),
    path: Type.Optional(Type.String({ maxLength: 512, description: 'Like gateway.port.' }))
  }),
  capability: 'gateway',
  groups: ['automation'],
  reach: 'anywhere',
  ownerOnly: true,
  effects: false,
  verify ({ action, path }) {
    if (typeof action === 'string' && changing.test(action)) {
      throw new ToolRefusal(`gateway: ${action.slice(0, 40)} is not offered. Tell the owner what to change: openclaw config set PATH VALUE, and a restart.`)
    }
    if (action === 'config.get' && isWhole(path)) throw new ToolRefusal('the whole configuration is too large: name a path, like gateway.port')
    if (action === 'config.schema.lookup' && path === undefined) throw new ToolRefusal('config.schema.lookup takes a path; "." is the whole')
  },
  run: async ({ action, path }) => action === 'config.get' ? read(path!, sources) : await lookup(path!)
})
