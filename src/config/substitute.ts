/** `${NAME}` in strings becomes the variable; `$${NAME}` stays as `${NAME}`. A variable that is missing stays as it is written. */
import type { Environment } from './environment.ts'
import type { PathStep } from './path-syntax.ts'

const reference = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g

export interface Substituted {
  value: unknown
  missing: Array<{ steps: PathStep[], name: string }>
  /** Values that consist of one variable and nothing else: their text may stand for a number or a flag. */
  replaced: PathStep[][]
  /** Texts that variables were put into, as they read then. */
  texts: ReadonlySet<string>
}

export const isUnresolvedReference = (text: string): boolean => /\$\{[A-Z_][A-Z0-9_]*\}/.test(text)

/** A copy in which variables are put in; parts without any are shared with the original. */
export function substituteVariables (root: unknown, env: Environment): Substituted {
  const missing: Substituted['missing'] = []
  const replaced: PathStep[][] = []
  const texts = new Set<string>()

  const text = (value: string, steps: PathStep[]): string => {
    let known = true
    const result = value.replace(reference, (all: string, escape: string, name: string) => {
      if (escape) return all.slice(1)
      const found = env[name]
      if (found !== undefined && found !== '') return found
      known = false
      missing.push({ steps, name })
      return all
    })
    if (result !== value) texts.add(result)
    if (known && /^\$\{[A-Z0-9_]+\}$/.test(value)) replaced.push(steps)
    return result
  }

  const visit = (value: unknown, steps: PathStep[]): unknown => {
    if (typeof value === 'string') return value.includes('${') ? text(value, steps) : value
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) {
      const items = value.map((item, index) => visit(item, [...steps, index]))
      return items.some((item, index) => item !== value[index]) ? items : value
    }
    let copy: { [key: string]: unknown } | undefined
    for (const [key, item] of Object.entries(value)) {
      const next = visit(item, [...steps, key])
      if (next === item) continue
      copy ??= { ...value }
      copy[key] = next
    }
    return copy ?? value
  }

  return { value: visit(root, []), missing, replaced, texts }
}
