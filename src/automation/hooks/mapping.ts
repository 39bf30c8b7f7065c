/** Turns what came in under a path of a mapping into calls. */
import { agentCall, BadCall, isFields, wakeCall, wakeModeOf, type Call, type Fields } from './calls.ts'
import type { HookCall } from './room.ts'
import { ofPath, type Mapping } from './settings.ts'
import { fill, pick, textOf, type Scope } from './template.ts'
import type { Transform } from './transforms.ts'

const maxItems = 200

export interface Mapped {
  readonly mapping: Mapping
  /** None: the transform wanted nothing done. */
  readonly calls: readonly Call[]
}

const hasSource = ({ match }: Mapping, payload: unknown): boolean =>
  match?.source === undefined || (isFields(payload) && payload.source === match.source)

/** The first rule that matches is taken. */
export const findMapping = (mappings: readonly Mapping[], path: string, payload: unknown): Mapping | undefined =>
  ofPath(mappings, path).find(mapping => hasSource(mapping, payload))

const scopeOf = ({ headers, query, path }: HookCall, payload: unknown, now: number): Scope =>
  ({ payload, headers, query, path, now: new Date(now).toISOString() })

function itemsOf (forEach: string, scope: Scope): unknown[] {
  const items = pick(scope, forEach.startsWith('payload') ? forEach : `payload.${forEach}`)
  if (!Array.isArray(items)) throw new BadCall(`forEach: ${forEach} is not a list`)
  if (items.length > maxItems) throw new BadCall(`forEach: more than ${maxItems} items`)
  return items
}

/** Templates for what a sender may choose in words; what decides about rights comes from the rule alone. */
function fieldsOf (mapping: Mapping, scope: Scope): Fields {
  const { messageTemplate, textTemplate, name, agentId, sessionKey, model, thinking, timeoutSeconds } = mapping
  // Where a reply goes is the rule's to say, like everything that decides about rights.
  const { deliver, channel, to, accountId } = mapping
  const whole = textOf(scope.item ?? scope.payload)
  const words = mapping.action === 'wake'
    ? { text: fill(textTemplate ?? messageTemplate ?? '', scope) || whole, mode: wakeModeOf(mapping.wakeMode) }
    : { message: fill(messageTemplate ?? textTemplate ?? '', scope) || whole, name: fill(name ?? mapping.id, scope).slice(0, 100) }
  const where = { agentId, sessionKey: sessionKey === undefined ? undefined : fill(sessionKey, scope), deliver, channel, to, accountId }
  return { ...words, ...where, model, thinking, timeoutSeconds }
}

const toCall = (mapping: Mapping, fields: Fields): Call => {
  const action = fields.action ?? fields.kind ?? mapping.action
  return action === 'wake' ? wakeCall(fields) : agentCall(fields)
}

/** `null` from a transform means that there is nothing to do; fields that it gives win over those of the rule. */
async function oneCall (mapping: Mapping, scope: Scope, transform: Transform | undefined): Promise<Call | undefined> {
  const fields = fieldsOf(mapping, scope)
  if (!transform) return toCall(mapping, fields)
  const made = await transform({ ...scope, mapping: { id: mapping.id } })
  if (made === null) return undefined
  if (made === undefined) return toCall(mapping, fields)
  if (!isFields(made)) throw new TypeError('a transform returns an object, null or nothing')
  // Where it runs is the operator's to say, and transforms are the operator's.
  return toCall(mapping, { ...fields, ...made })
}

export async function applyMapping (
  mapping: Mapping, call: HookCall, payload: unknown, { now, transform }: { now: number, transform?: Transform }
): Promise<Mapped> {
  const scope = scopeOf(call, payload, now)
  const scopes = mapping.forEach === undefined
    ? [scope]
    : itemsOf(mapping.forEach, scope).map((item, index) => ({ ...scope, item, index }))
  const calls: Call[] = []
  for (const each of scopes) {
    const made = await oneCall(mapping, each, transform)
    if (made) calls.push(made)
  }
  return { mapping, calls }
}
