/** Agents in the text of the configuration: in whichever of the two spellings its author uses, comments and all the rest kept. */
import { agentEntries } from '../../config/agent-entries.ts'
import { setConfigValue, unsetConfigValue } from '../../config/edit.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { valueAt, type PathStep } from '../../config/path-syntax.ts'
import { isObject } from '../../lib/json-object.ts'

export interface AgentChange {
  readonly name?: string
  readonly workspace?: string
  /** `null`: the one that all agents have. */
  readonly model?: string | null
  /** An empty text takes it away. */
  readonly emoji?: string
  readonly avatar?: string
  readonly theme?: string
}

const idOf = (entry: unknown): unknown => isObject(entry) ? entry['id'] : undefined
const isSame = (a: unknown, b: string): boolean => typeof a === 'string' && a.toLowerCase() === b.toLowerCase()

/** Where the agent stands in the file itself; what wins comes first. Includes are files of their own and not looked into. */
function placesOf ({ parsed }: LoadedConfig, agentId: string): PathStep[][] {
  const entries = valueAt(parsed, ['agents', 'entries'])
  const list = valueAt(parsed, ['agents', 'list'])
  return [
    ...(isObject(entries) ? Object.keys(entries).filter(id => isSame(id, agentId)).map(id => ['agents', 'entries', id]) : []),
    ...(Array.isArray(list) ? list.flatMap((entry, index) => isSame(idOf(entry), agentId) ? [['agents', 'list', index]] : []) : [])
  ]
}

function changeAt (text: string, loaded: LoadedConfig, base: readonly PathStep[], change: AgentChange): string {
  let result = text
  const put = (steps: PathStep[], value: string | undefined): void => {
    if (value === undefined) return
    result = value === '' ? unsetConfigValue(result, [...base, ...steps]) : setConfigValue(result, [...base, ...steps], value)
  }
  const { name, workspace, model, emoji, avatar, theme } = change
  put(['name'], name)
  put(['identity', 'name'], name)
  put(['workspace'], workspace)
  put(['identity', 'emoji'], emoji)
  put(['identity', 'avatar'], avatar)
  put(['identity', 'theme'], theme)
  if (model === null) return unsetConfigValue(result, [...base, 'model'])
  put(isObject(valueAt(loaded.parsed, [...base, 'model'])) ? ['model', 'primary'] : ['model'], model)
  return result
}

export function updateAgent (text: string, loaded: LoadedConfig, agentId: string, change: AgentChange): string {
  const id = agentEntries(loaded.config).find(entry => isSame(entry.id, agentId))?.id ?? agentId
  return changeAt(text, loaded, placesOf(loaded, agentId)[0] ?? ['agents', 'entries', id], change)
}

export function addAgent (text: string, loaded: LoadedConfig, agentId: string, agent: AgentChange): string {
  const { name, workspace, model, emoji, avatar } = agent
  const { list, entries } = loaded.config.agents
  const identity = { ...(name ? { name } : {}), ...(emoji ? { emoji } : {}), ...(avatar ? { avatar } : {}) }
  const entry = { ...(name ? { name } : {}), ...(workspace ? { workspace } : {}), ...(model ? { model } : {}), identity }
  const written = valueAt(loaded.parsed, ['agents', 'list'])
  if (Array.isArray(written) && written.length > 0 && Object.keys(entries).length === 0) {
    return setConfigValue(text, ['agents', 'list', written.length], { id: agentId, ...entry })
  }
  // The agent that is there without being named would be gone once another one is named.
  const isImplicit = list.length + Object.keys(entries).length === 0 && agentId !== 'main'
  const started = isImplicit ? setConfigValue(text, ['agents', 'entries', 'main'], { default: true }) : text
  return setConfigValue(started, ['agents', 'entries', agentId], entry)
}

const bindingsOf = ({ parsed }: LoadedConfig, agentId: string): number[] => {
  const bindings = valueAt(parsed, ['bindings'])
  if (!Array.isArray(bindings)) return []
  return bindings.flatMap((rule, index) => isObject(rule) && isSame(rule['agentId'], agentId) ? [index] : [])
}

export function removeAgent (text: string, loaded: LoadedConfig, agentId: string): { text: string, removedBindings: number } {
  const places = placesOf(loaded, agentId)
  const included = places.length === 0
    ? loaded.originOf(['agents', 'entries', agentId]).file
    : places.map(steps => loaded.originOf(steps).file).find(file => file !== loaded.path)
  if (included) throw new RangeError(`the agent "${agentId}" stands in another file (${included}); remove it there`)
  const bindings = bindingsOf(loaded, agentId)
  // Backwards, so that the places before keep their numbers.
  const doomed = [...places.reverse(), ...bindings.reverse().map(index => ['bindings', index])]
  return { text: doomed.reduce((result, steps) => unsetConfigValue(result, steps), text), removedBindings: bindings.length }
}
