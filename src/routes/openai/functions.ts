/** Functions that a program brings and carries out itself, and how the model is to choose among them. */
import type { RunRequest } from '../../agent/room.ts'
import { agentEntry } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { ReplySchema, ToolChoice, ToolSpec } from '../../providers/model.ts'
import { invalid } from './errors.ts'
import { isFields, textIn, type Fields } from './fields.ts'

const efforts: ReadonlySet<string> = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])

export function functionOf ({ name, description, parameters, strict }: Fields, param: string): ToolSpec {
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name)) {
    throw invalid(`\`${param}.name\` must be 1 to 64 letters, digits, _ or -.`, param)
  }
  if (parameters != null && !isFields(parameters)) throw invalid(`\`${param}.parameters\` must be a JSON Schema.`, param)
  return {
    name,
    description: typeof description === 'string' ? description : '',
    parameters: parameters ?? { type: 'object', properties: {} },
    ...(typeof strict === 'boolean' ? { strict } : {})
  }
}

/** A program that carries out the runs of an agent is told the messages, and no functions. */
export function refuseForExternal ({ clientTools }: Pick<RunRequest, 'clientTools'>, agentId: string, { config }: LoadedConfig): void {
  if (!clientTools || agentEntry(config, agentId)?.runtime !== 'external') return
  throw invalid(`\`tools\` cannot be used: the runs of agent "${agentId}" are carried out by a program of their own.`, 'tools')
}

export function refuseTwins (tools: readonly ToolSpec[]): void {
  const names = new Set<string>()
  for (const { name } of tools) {
    if (names.has(name)) throw invalid(`\`tools\` has two functions named ${name}.`, 'tools')
    names.add(name)
  }
}

/** `form` is how this surface names one function; `nameIn` finds the name in it. */
export function choiceOf (
  { tool_choice: choice }: Fields, tools: readonly ToolSpec[], form: string, nameIn: (choice: Fields) => unknown
): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined
  if (choice === 'none' || choice === 'auto') return choice
  const name = isFields(choice) && choice.type === 'function' ? nameIn(choice) : undefined
  if (choice !== 'required' && typeof name !== 'string') {
    throw invalid(`\`tool_choice\` must be none, auto, required, or ${form}.`, 'tool_choice')
  }
  if (tools.length === 0) throw invalid('`tool_choice` is only allowed when `tools` are specified.', 'tool_choice')
  if (typeof name !== 'string') return 'required'
  if (!tools.some(tool => tool.name === name)) throw invalid(`\`tool_choice\` names ${name.slice(0, 64)}, which is none of \`tools\`.`, 'tool_choice')
  return { name }
}

/** How the reply must look, as `param` of the request says. */
export function replySchemaOf (described: Fields, param: string): ReplySchema {
  if (!isFields(described.schema)) throw invalid(`\`${param}.schema\` must be an object.`, param)
  const name = textIn(described, 'name', `${param}.name`)
  const description = textIn(described, 'description', `${param}.description`)
  return {
    schema: described.schema,
    ...(name ? { name } : {}),
    ...(description ? { description } : {}),
    ...(typeof described.strict === 'boolean' ? { strict: described.strict } : {})
  }
}

export function effortOf (effort: string | undefined, param: string): string | undefined {
  if (effort === undefined) return undefined
  if (!efforts.has(effort)) throw invalid(`\`${param}\` must be ${[...efforts].join(', ')}.`, param)
  return effort === 'none' ? 'off' : effort
}
