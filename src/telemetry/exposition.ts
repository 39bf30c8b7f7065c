/** The numbers as text: Prometheus 0.0.4, and OpenMetrics 1.0 for whoever asks for it. */
import type { Family, Series } from './meters.ts'
import { metricTable } from './names.ts'

/** What is read off the gateway at this moment. */
export interface Reading {
  readonly name: string
  readonly labels?: { readonly [label: string]: string }
  readonly value: number
}

export type ExpositionFormat = 'prometheus' | 'openmetrics'

export const contentTypes: { readonly [format in ExpositionFormat]: string } = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8'
}

/** By the Accept header: OpenMetrics only where it is named. */
export const formatFor = (accept: string | undefined): ExpositionFormat =>
  /application\/openmetrics-text(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accept ?? '') ? 'openmetrics' : 'prometheus'

const escaped = (text: string): string => text.replace(/[\\"\n]/g, character => character === '\n' ? '\\n' : `\\${character}`)

const labelText = (labels: ReadonlyArray<readonly [string, string]>): string =>
  labels.length === 0 ? '' : `{${labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`

const numberText = (value: number): string => Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN'

/** Bounds are floating-point numbers by the standard, and have to look like some. */
const boundText = (bound: number, format: ExpositionFormat): string =>
  format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound)

function head (name: string, format: ExpositionFormat): string {
  const { type, help } = metricTable[name]!
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name
  return `# HELP ${family} ${help.replace(/[\\\n]/g, ' ')}\n# TYPE ${family} ${type}\n`
}

type Labels = ReadonlyArray<readonly [string, string]>

function histogramLines ({ name, bounds }: Family, { buckets, count, sum }: Series, labels: Labels, format: ExpositionFormat): string {
  let total = 0
  let text = ''
  for (const [index, bound] of bounds!.entries()) {
    total += buckets![index]!
    text += `${name}_bucket${labelText([...labels, ['le', boundText(bound, format)]])} ${total}\n`
  }
  const all = labelText(labels)
  return `${text}${name}_bucket${labelText([...labels, ['le', '+Inf']])} ${count}\n${name}_sum${all} ${numberText(sum)}\n${name}_count${all} ${count}\n`
}

function familyText (family: Family, format: ExpositionFormat): string {
  let text = ''
  for (const series of family.all()) {
    const labels = family.labelNames.map((name, index) => [name, series.labels[index] ?? ''] as const)
    text += family.bounds ? histogramLines(family, series, labels, format) : `${family.name}${labelText(labels)} ${numberText(series.count)}\n`
  }
  return text === '' ? '' : head(family.name, format) + text
}

export function exposition (families: Iterable<Family>, readings: readonly Reading[], format: ExpositionFormat): string {
  let text = ''
  for (const family of families) text += familyText(family, format)
  for (const [name, group] of Map.groupBy(readings, reading => reading.name)) {
    text += head(name, format)
    for (const { labels = {}, value } of group) text += `${name}${labelText(Object.entries(labels))} ${numberText(value)}\n`
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text
}
