/** How what a tool answered is handed to programs. */
import type { InvokeOutcome } from './invocation.ts'

type Done = Extract<InvokeOutcome, { kind: 'done' }>
type Would = Extract<InvokeOutcome, { kind: 'would' }>
type Fields = { readonly [field: string]: unknown }

/** Tools whose answer is a list, by the field of `details` in which it stands. */
const lists: { readonly [tool: string]: string } = {
  sessions_list: 'sessions', sessions_history: 'messages', memory_search: 'results', subagents: 'subagents'
}
/** Tools whose answer is an object that programs read on the result itself. */
const flat: ReadonlySet<string> = new Set(['session_status'])

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields : undefined

/** `content` and `details`; where the older contract has an object, its fields too. */
export function resultOf ({ toolName, result: { content, details, isError } }: Done): object {
  const fields = flat.has(toolName) ? fieldsOf(details) : undefined
  return {
    ...fields,
    content,
    ...(details === undefined ? {} : { details }),
    ...(isError ? { isError } : {})
  }
}

/** Only what the older contract shows: a list for tools that list, an object for the others, a text where there is nothing else. */
export function plainResultOf ({ toolName, result: { content, details } }: Done): unknown {
  const list = fieldsOf(details)?.[lists[toolName] ?? '']
  if (Array.isArray(list)) return list
  if (details !== undefined) return details
  return content.map(part => part.type === 'text' ? part.text : `[${part.type}]`).join('\n')
}

/** What a call would do. The rules that allow it are the configuration's: for administrators. */
export function planOf ({ toolName, plan: { sessionKey, agentId, args, effects, verdict, foreseen } }: Would, isAdmin: boolean): object {
  return {
    dryRun: true,
    tool: toolName,
    sessionKey,
    agentId,
    args,
    effects,
    ...foreseen,
    ...(isAdmin ? { policy: verdict.steps } : {})
  }
}
