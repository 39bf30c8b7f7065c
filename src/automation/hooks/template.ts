/** Fills what a rule says with what came in: `{{payload.a.b[0]}}`, `{{headers.x}}`, `{{query.k}}`, `{{path}}`, `{{now}}`. */

export type Scope = { readonly [name: string]: unknown }

/** A message does not become longer than a model would read. */
const maxFilled = 200_000

const isIndexable = (value: unknown): value is { readonly [name: string]: unknown } => typeof value === 'object' && value !== null

/** What lies at a path; nothing that an object merely inherits. */
export function pick (scope: unknown, path: string): unknown {
  const steps = path.replace(/\[(\d+)\]/g, '.$1').split('.').map(step => step.trim()).filter(step => step !== '')
  let value: unknown = scope
  for (const step of steps) {
    if (!isIndexable(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}

export function textOf (value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

export function fill (template: string, scope: Scope): string {
  let length = 0
  return template.replace(/\{\{([^{}]{1,200})\}\}/g, (_whole, path: string) => {
    const text = textOf(pick(scope, path)).slice(0, Math.max(0, maxFilled - length))
    length += text.length
    return text
  })
}
