/** Rounds to medians, medians to a table. */
import { median } from './statistics.ts'
import type { Figure } from './scenarios/scenario.ts'

/** The bare servers share a column: a scenario has one of them beside it. */
export type Column = 'ours' | 'ceiling' | 'peer' | 'url'

/** One scenario of one target in one round. */
export interface Sample {
  readonly scenario: string
  readonly column: Column
  readonly round: number
  readonly figures: readonly Figure[]
}

export interface Row {
  readonly scenario: string
  readonly key: string
  readonly unit: string
  readonly medians: { readonly [column in Column]?: number }
  /** The subject beside the ceiling, and the subject beside the peer. */
  readonly toCeiling: number
  readonly toPeer: number
  /** What is wanted, in words, and whether the subject has it; both empty where nothing is asked for. */
  readonly wanted: string
  readonly met?: boolean
  readonly detail: boolean
}

/** The column that is judged: ours, or what stands in its place. */
const subjectOf = (columns: readonly Column[]): Column | undefined =>
  (['ours', 'url', 'peer'] as const).find(column => columns.includes(column))

const wantedText = ({ wanted, better, unit }: Figure): string => {
  const sign = better === 'more' ? '≥' : '≤'
  if (wanted?.ratio !== undefined) return `${sign} ${number(wanted.ratio)}× ceiling`
  return wanted?.value === undefined ? '' : `${sign} ${wanted.value} ${unit}`.trim()
}

function meets ({ wanted, better }: Figure, value: number, ratio: number): boolean | undefined {
  const actual = wanted?.ratio === undefined ? value : ratio
  const limit = wanted?.ratio ?? wanted?.value
  if (limit === undefined || Number.isNaN(actual)) return undefined
  return better === 'more' ? actual >= limit : actual <= limit
}

function rowOf (scenario: string, figure: Figure, samples: readonly Sample[], judged: Column | undefined): Row {
  const medians: { [column in Column]?: number } = {}
  for (const column of ['ours', 'ceiling', 'peer', 'url'] as const) {
    const values = samples.filter(sample => sample.column === column)
      .flatMap(sample => sample.figures.filter(({ key }) => key === figure.key).map(({ value }) => value))
    if (values.length > 0) medians[column] = median(values)
  }
  const subject = (judged && medians[judged]) ?? NaN
  const toCeiling = subject / (medians.ceiling ?? NaN)
  return {
    scenario,
    key: figure.key,
    unit: figure.unit,
    medians,
    toCeiling,
    toPeer: subject / (medians.peer ?? NaN),
    wanted: wantedText(figure),
    met: meets(figure, subject, toCeiling),
    detail: figure.detail === true
  }
}

/** One row per figure that any target gave, in the order in which they were first seen. */
export function rowsOf (samples: readonly Sample[]): Row[] {
  const seen = new Map<string, { scenario: string, figure: Figure }>()
  for (const { scenario, figures } of samples) {
    for (const figure of figures) {
      const id = `${scenario}\n${figure.key}`
      if (!seen.has(id)) seen.set(id, { scenario, figure })
    }
  }
  const judged = subjectOf(samples.map(({ column }) => column))
  return [...seen.values()].map(({ scenario, figure }) =>
    rowOf(scenario, figure, samples.filter(sample => sample.scenario === scenario), judged))
}

export function number (value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function table (rows: readonly Row[], columns: readonly Column[]): string {
  const subject = subjectOf(columns)
  const beside = [
    ...(subject && columns.includes('ceiling') ? [`${subject}/ceiling`] : []),
    ...(subject && subject !== 'peer' && columns.includes('peer') ? [`${subject}/peer`] : [])
  ]
  const lines = rows.map(row => [
    row.unit ? `${row.key} [${row.unit}]` : row.key,
    ...columns.map(column => number(row.medians[column])),
    ...beside.map(name => number(name.endsWith('/peer') ? row.toPeer : row.toCeiling)),
    ...(subject ? [row.wanted && `${row.wanted}${row.met === undefined ? '' : row.met ? '  ok' : '  MISSED'}`] : [])
  ])
  const head = ['', ...columns, ...beside, ...(subject ? ['wanted'] : [])]
  return sections(rows, lines, head)
}

function sections (rows: readonly Row[], lines: readonly string[][], head: readonly string[]): string {
  const widths = head.map((title, index) => Math.max(title.length, ...lines.map(line => line[index]!.length)))
  const format = (cells: readonly string[]): string =>
    cells.map((cell, index) => index === 0 || head[index] === 'wanted' ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)).join('  ').trimEnd()
  let scenario = ''
  const out: string[] = []
  rows.forEach((row, index) => {
    if (row.scenario !== scenario) {
      scenario = row.scenario
      out.push('', format([scenario.toUpperCase(), ...head.slice(1)]))
    }
    out.push(format(lines[index]!))
  })
  return out.join('\n').trimStart()
}
