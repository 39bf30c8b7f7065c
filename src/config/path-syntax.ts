/**
 * Names of places in the configuration: `agents.list[0].id`, `models.providers["my.host"].apiKey`. Names that reach into an object's
 * prototype are refused here and in everything that was parsed from outside (CVE-2026-27524).
 */
export type PathStep = string | number
export type ConfigPath = readonly PathStep[]

const reserved = new Set(['__proto__', 'prototype', 'constructor'])

export const isReservedKey = (name: PathStep): boolean => typeof name === 'string' && reserved.has(name)

const maxPathChars = 1024
const stepPattern = /\.?([^.[\]"']+)|\[(\d+)\]|\[(\*?)\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]/y

/** Reads a path; throws a RangeError that says what is wrong with it. An empty index (`[]`) and `*` stand for every item. */
export function parsePath (path: string): PathStep[] {
  if (path.length > maxPathChars) throw new RangeError(`config path is longer than ${maxPathChars} characters`)
  const steps: PathStep[] = []
  stepPattern.lastIndex = 0
  while (stepPattern.lastIndex < path.length) {
    const at = stepPattern.lastIndex
    const match = stepPattern.exec(path)
    const misplacedDot = match?.[1] !== undefined && (path[at] === '.') !== (at > 0)
    if (!match || misplacedDot) {
      throw new RangeError(`invalid config path "${path}" at character ${at + 1}`)
    }
    const [, plain, index, every, double, single] = match
    steps.push(plain ?? (index !== undefined ? Number(index) : every !== undefined ? '*' : ((double ?? single) as string).replace(/\\(.)/g, '$1')))
  }
  if (steps.length === 0) throw new RangeError('config path is empty')
  const bad = steps.find(isReservedKey)
  if (bad !== undefined) throw new RangeError(`config path "${path}" uses the reserved name "${bad}"`)
  return steps
}

export function formatPath (steps: ConfigPath): string {
  let text = ''
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[^.[\]"'\s]+$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** The container that a step leads into, or undefined; never what an object inherits. */
export function stepInto (value: unknown, step: PathStep): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, step) ? (value as { [key: PathStep]: unknown })[step] : undefined
}

export const valueAt = (value: unknown, steps: ConfigPath): unknown => steps.reduce<unknown>(stepInto, value)

interface Visit { value: object, step: PathStep, parent: Visit | undefined }

function pathOf (visit: Visit, last: PathStep): PathStep[] {
  const steps = [last]
  for (let at = visit; at.parent; at = at.parent) steps.push(at.step)
  return steps.reverse()
}

/** The places of reserved names in something that was parsed, at most `limit` of them. However deep it is, it is no danger to the stack. */
export function reservedKeysIn (root: unknown, limit = 16): PathStep[][] {
  const found: PathStep[][] = []
  const open: Visit[] = typeof root === 'object' && root !== null ? [{ value: root, step: '', parent: undefined }] : []
  for (let visit = open.pop(); visit && found.length < limit; visit = open.pop()) {
    for (const name of Object.keys(visit.value)) {
      const step = Array.isArray(visit.value) ? Number(name) : name
      const value = (visit.value as { [key: string]: unknown })[name]
      if (isReservedKey(step)) found.push(pathOf(visit, step))
      else if (typeof value === 'object' && value !== null) open.push({ value, step, parent: visit })
    }
  }
  return found
}

/** Takes reserved names out of what was parsed, in place, and returns where they stood. */
export function dropReservedKeys (value: unknown): PathStep[][] {
  const places = reservedKeysIn(value, Number.POSITIVE_INFINITY)
  for (const steps of places) delete (valueAt(value, steps.slice(0, -1)) as { [key: string]: unknown })[steps.at(-1) as string]
  return places
}

/** A copy of a parsed value. Reserved names must be out of it already. */
export function copyJson<T> (value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyJson) as T
  const copy: { [key: string]: unknown } = {}
  for (const key in value) copy[key] = copyJson(value[key])
  return copy as T
}
