/** Plain aligned columns: readable, greppable, and nothing to strip. */

// eslint-disable-next-line no-control-regex -- the width of a cell is what a terminal shows
const visibleLength = (text: string): number => [...text.replace(/\u001b\[\d+m/g, '')].length

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - visibleLength(text)))

export function table (head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => visibleLength(row[column] ?? ''))))
  return all.map(row => head.map((_, column) => pad(row[column] ?? '', widths[column]!)).join('  ').trimEnd()).join('\n')
}

/** Two columns, names on the left. Rows without a value are left out. */
export function facts (rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined)
  const width = Math.max(0, ...shown.map(([name]) => visibleLength(name)))
  return shown.map(([name, value]) => `${pad(name, width)}  ${value.split('\n').join(`\n${' '.repeat(width + 2)}`)}`).join('\n')
}

const units = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const

/** `3d 4h`, `12s`, `40ms`: the two largest units that say something. */
export function duration (ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  const parts: string[] = []
  let rest = ms
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

export const ago = (thenMs: number | undefined, nowMs: number): string => thenMs === undefined ? '-' : `${duration(Math.max(0, nowMs - thenMs))} ago`
