import { readFileSync } from 'node:fs'
import t from 'tap'
import { metricTable } from '../../src/telemetry/names.ts'
import { createGatewayMeters } from '../../src/telemetry/gateway-meters.ts'

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: ReadonlyArray<{ readonly expr: string, readonly legendFormat: string }>
}

const { panels } = JSON.parse(readFileSync(new URL('../../config/grafana-dashboard.json', import.meta.url), 'utf8')) as { panels: Panel[] }

const baseOf = (name: string): string => metricTable[name] ? name : name.replace(/_(bucket|sum|count)$/, '')

t.test('every query of the example dashboard asks for metrics that there are, in the right way', async t => {
  const asked = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
  t.ok(asked.length > 30)
  for (const { title, expr } of asked) {
    const names = expr.match(/\b(?:openclaw|process)_[a-z0-9_]+/g) ?? []
    t.ok(names.length > 0, title)
    for (const name of names) {
      const row = metricTable[baseOf(name)]
      t.ok(row, `${title}: ${name}`)
      t.equal(row?.type === 'histogram', name !== baseOf(name), `${title}: ${name} is a ${row?.type}`)
      t.equal(row?.type === 'counter', new RegExp(`(rate|increase)\\(${name}\\[`).test(expr) && name === baseOf(name), `${title}: counters are read as rates`)
    }
  }
})

t.test('the labels that a query groups by are labels of its metric', async t => {
  const labels = new Map([...createGatewayMeters().all.families()].map(({ name, labelNames }) => [name, labelNames]))
  for (const { title, targets = [] } of panels) {
    for (const { expr } of targets) {
      const [name = ''] = expr.match(/\bopenclaw_[a-z0-9_]+/) ?? []
      const known = labels.get(baseOf(name))
      if (!known) continue
      const grouped = [...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list]) => list!.split(', '))
      t.same(grouped.filter(label => label !== 'le' && !known.includes(label)), [], `${title}: ${expr}`)
    }
  }
})

t.test('everything that is counted is on the table, and the most of it on the dashboard', async t => {
  const all = [...createGatewayMeters().all.families()].map(({ name }) => name)
  t.same(all.filter(name => !metricTable[name]), [])
  const text = JSON.stringify(panels)
  t.same(all.filter(name => !text.includes(name)), ['openclaw_gateway_connects_total', 'openclaw_tool_execution_duration_seconds'])
})
