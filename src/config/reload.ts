/** What a change of the configuration takes. */
import { isObject } from '../lib/json-object.ts'
import { copyJson, formatPath, parsePath, valueAt, type PathStep } from './path-syntax.ts'
import { childOf, isClosed, type Node, type ReloadClass } from './schema/node.ts'
import { configTree } from './schema.ts'

/** The class of the key at `path`, or of the nearest part around it that is declared. What nobody reads takes nothing. */
export function reloadClassOf (path: string | readonly PathStep[]): ReloadClass {
  const steps = typeof path === 'string' ? parsePath(path) : path
  let node: Node = configTree
  let found: ReloadClass = 'restart'
  for (const step of steps) {
    const child = childOf(node, step)
    if (!child) return isClosed(node) ? 'none' : found
    node = child
    found = node.reload ?? found
  }
  return found
}

function isSame (a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

/** The paths whose values differ, leaf by leaf; a list counts as one leaf. The order of keys is no difference. */
export function diffConfig (before: unknown, after: unknown): string[] {
  const changed: string[] = []
  const compare = (a: unknown, b: unknown, steps: PathStep[]): void => {
    if (isSame(a, b)) return
    const left = a === undefined && isObject(b) ? {} : a
    const right = b === undefined && isObject(a) ? {} : b
    if (!isObject(left) || !isObject(right) || Object.keys(left).length + Object.keys(right).length === 0) {
      changed.push(formatPath(steps))
      return
    }
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      compare(Object.hasOwn(left, key) ? left[key] : undefined, Object.hasOwn(right, key) ? right[key] : undefined, [...steps, key])
    }
  }
  compare(before ?? {}, after ?? {}, [])
  return changed
}

/** `asked`: somebody wants it to take effect now. `seen`: the file has changed, or a program has changed it. */
export type ReloadWay = 'asked' | 'seen'

export type ReloadMode = 'off' | 'hot' | 'restart' | 'hybrid'

/** Those of the changed paths that do not take effect while the gateway runs. */
export function heldPaths (changed: readonly string[], mode: ReloadMode, way: ReloadWay): string[] {
  const holdsAll = way === 'seen' && (mode === 'off' || mode === 'restart')
  return changed.filter(path => {
    const reload = reloadClassOf(path)
    return reload === 'restart' || (holdsAll && reload !== 'none')
  })
}

/** A copy in which the places named are as they are in `running`: what waits for a restart. */
export function holdBack<T> (value: T, running: unknown, paths: readonly string[]): T {
  if (paths.length === 0) return value
  const copy: unknown = copyJson(value)
  for (const steps of paths.map(path => parsePath(path))) put(copy, steps, running)
  return copy as T
}

function put (root: unknown, steps: readonly PathStep[], running: unknown): void {
  const wanted = valueAt(running, steps)
  const name = steps.at(-1)!
  const around = steps.slice(0, -1)
  if (wanted === undefined) {
    const parent = valueAt(root, around)
    if (isObject(parent)) delete parent[name]
    // An object that was only made for what is held back goes with it.
    const isLeft = isObject(parent) && Object.keys(parent).length === 0
    if (around.length > 0 && isLeft && valueAt(running, around) === undefined) put(root, around, running)
    return
  }
  let at = root
  for (const step of around) {
    if (!isObject(at)) return
    if (!isObject(at[step])) at[step] = {}
    at = at[step]
  }
  if (isObject(at)) at[name] = copyJson(wanted)
}
