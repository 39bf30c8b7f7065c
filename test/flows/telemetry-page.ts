/** A strict reader of the text that Prometheus reads. */

export type AttributeValue = string | number | boolean

export interface Page {
  readonly names: ReadonlySet<string>
  value (name: string, labels?: { readonly [label: string]: string }): number | undefined
}

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)$/
const keyOf = (name: string, labels: ReadonlyArray<readonly [string, string]>): string =>
  `${name} ${labels.map(([label, value]) => `${label}=${value}`).sort().join(' ')}`

/** Throws for a line that is none, a sample without a type, and one that is there twice. */
export function parsePage (text: string): Page {
  const values = new Map<string, number>()
  const types = new Set<string>()
  const names = new Set<string>()
  for (const row of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(row)
    if (type) types.add(type[1]!)
    if (row.startsWith('# ')) continue
    const [, name, labelText = '', value] = line.exec(row) ?? []
    if (name === undefined) throw new Error(`no sample: ${row}`)
    if (!types.has(name) && !types.has(name.replace(/_(total|bucket|sum|count)$/, ''))) throw new Error(`without a type: ${row}`)
    const labels = [...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label!, text!] as const)
    const key = keyOf(name, labels)
    if (values.has(key)) throw new Error(`twice: ${row}`)
    values.set(key, Number(value))
    names.add(name)
  }
  return { names, value: (name, labels = {}) => values.get(keyOf(name, Object.entries(labels))) }
}
