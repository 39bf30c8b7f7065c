/** Tools of plugins: what they say about themselves counts only as far as it takes nothing from the policy. */
import type { TObject } from '../protocol/type.ts'
import { defineTool } from '../tools/define-tool.ts'
import { ToolRefusal } from '../tools/invocation.ts'
import type { CapabilityClass, Tool, ToolContext, ToolResult } from '../tools/tool.ts'
import { containedNow } from './containment.ts'
import type { ForeignTool } from './declaration.ts'
import { PluginProblem, reasonOf } from './failure.ts'
import type { Plugin } from './plugin.ts'

const limitMs = 10 * 60_000
const namePattern = /^[A-Za-z][\w-]{0,63}$/
const maxSchemaLength = 64 * 1024
const maxDescriptionLength = 4096
const maxResultLength = 8 * 1024 * 1024

const classes: { readonly [name in CapabilityClass]: true } = {
  'session.read': true,
  'session.write': true,
  'file.read': true,
  'file.write': true,
  exec: true,
  net: true,
  'memory.read': true,
  message: true,
  automation: true,
  node: true,
  gateway: true,
  media: true,
  outside: true
}

function asDeclared (tool: Tool | ForeignTool): Tool {
  if ('run' in tool && typeof tool.run === 'function') return tool
  const { name, description = '', parameters, capability = 'outside', ownerOnly, execute } = tool as ForeignTool
  if (typeof execute !== 'function') throw new PluginProblem(`the tool ${String(name)} has no function that carries it out`)
  return defineTool({
    name,
    description,
    params: parameters as TObject,
    capability,
    groups: [],
    reach: 'anywhere',
    effects: true,
    ...(ownerOnly ? { ownerOnly: true as const } : {}),
    run: async (args, { callId, signal, update }) =>
      await execute.call(tool, callId, args as never, signal, partial => update(partial as ToolResult)) as ToolResult
  })
}

function checkDeclaration ({ name, description, parameters, capability, run }: Tool): void {
  if (typeof name !== 'string' || !namePattern.test(name)) throw new PluginProblem(`the tool name "${String(name).slice(0, 80)}" must be letters, digits, - and _ (at most 64)`)
  const about = `the tool ${name}`
  if (typeof run !== 'function') throw new PluginProblem(`${about} has no function that carries it out`)
  if (typeof description !== 'string' || description.length > maxDescriptionLength) throw new PluginProblem(`${about}: description must be a text of at most ${maxDescriptionLength} characters`)
  if (!Object.hasOwn(classes, capability)) throw new PluginProblem(`${about}: capability must be one of ${Object.keys(classes).join(', ')}`)
  if (typeof parameters !== 'object' || parameters === null) throw new PluginProblem(`${about} has no schema of its parameters`)
  if (JSON.stringify(parameters).length > maxSchemaLength) throw new PluginProblem(`${about}: the schema of its parameters is longer than ${maxSchemaLength} characters`)
}

/** Compiled here, so that a schema that is none is found before anybody needs the tool. */
function checkSchema ({ name, check }: Tool): void {
  try {
    check?.({})
  } catch (error) {
    if (!(error instanceof ToolRefusal)) throw new PluginProblem(`the parameters of the tool ${name} are no JSON Schema: ${reasonOf(error)}`)
  }
}

const isPart = (part: unknown): part is ToolResult['content'][number] => {
  const { type, text, data, mimeType } = (part ?? {}) as { [field: string]: unknown }
  return (type === 'text' && typeof text === 'string') || (type === 'image' && typeof data === 'string' && typeof mimeType === 'string')
}

/** Text, an object, or the form of a result: everything else has no meaning to a model. */
export function resultOf (value: unknown): ToolResult {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '') ?? ''
  if (text.length > maxResultLength) throw new PluginProblem(`its result is longer than ${maxResultLength} characters`)
  if (typeof value === 'string' || value === undefined || value === null) return { content: [{ type: 'text', text: typeof value === 'string' ? value : '' }] }
  const plain = JSON.parse(text) as { content?: unknown, details?: unknown, isError?: unknown }
  if (!Array.isArray(plain.content) || !plain.content.every(isPart)) return { content: [{ type: 'text', text }], details: plain }
  return {
    content: plain.content,
    ...(plain.details === undefined ? {} : { details: plain.details }),
    ...(plain.isError === true ? { isError: true } : {})
  }
}

function contextFor (context: ToolContext, signal: AbortSignal): ToolContext {
  const { runId, sessionKey, agentId, callId, delivery, isOwner, from, update } = context
  const known = { runId, sessionKey, agentId, callId, delivery, isOwner, from }
  return Object.freeze({ ...known, signal, update: (partial: ToolResult) => update(resultOf(partial)) }) as ToolContext
}

/**
 * The name of the plugin is written on it, whatever it says. Groups and further names are left out: by them a tool would get into
 * lists that name something else.
 */
export function pluginTool (given: Tool | ForeignTool, isOptional: boolean, plugin: Plugin): Tool {
  const tool = asDeclared(given)
  checkDeclaration(tool)
  checkSchema(tool)
  const { name, description, parameters, capability, reach, effects, ownerOnly, optional, check } = tool
  return {
    name,
    description,
    parameters,
    capability,
    groups: [],
    origin: { kind: 'plugin', id: plugin.id, toolName: name },
    reach: reach === 'run' ? 'run' : 'anywhere',
    effects: effects !== false,
    ...(ownerOnly ? { ownerOnly: true as const } : {}),
    ...(isOptional || optional ? { optional: true as const } : {}),
    ...(check ? { check: args => containedNow(plugin, () => check.call(tool, args)) } : {}),
    run: async (args, context) => await plugin.guard(`the tool ${name}`, { limitMs, signal: context.signal }, async signal =>
      resultOf(await tool.run(args, contextFor(context, signal))))
  }
}
