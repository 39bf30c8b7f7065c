import t from 'tap'
import { rowsOf, table, type Column } from '../../bench/report.ts'
import type { Figure } from '../../bench/scenarios/scenario.ts'

const sample = (column: Column, round: number, ...figures: Figure[]) => ({ scenario: 'rpc', column, round, figures })
const rate = (value: number): Figure => ({ key: 'calls', value, unit: '/s', better: 'more', wanted: { ratio: 0.6 } })
const refused = (value: number): Figure => ({ key: 'refused', value, unit: '', better: 'less', wanted: { value: 0 } })

t.test('medians of the rounds stand side by side with the ratio that is judged', async t => {
  const rows = rowsOf([
    sample('ours', 1, rate(70), refused(0)), sample('ceiling', 1, rate(100)), sample('peer', 1, rate(7)),
    sample('ceiling', 2, rate(110)), sample('ours', 2, rate(90), refused(0)),
    sample('ours', 3, rate(10), refused(5)), sample('ceiling', 3, rate(90))
  ])
  t.match(rows, [
    { key: 'calls', medians: { ours: 70, ceiling: 100, peer: 7 }, toCeiling: 0.7, toPeer: 10, met: true },
    { key: 'refused', medians: { ours: 0 }, met: true }
  ])
})

t.test('what is wanted and missed is said so, and what could not be measured is not called met', async t => {
  const [missed] = rowsOf([sample('ours', 1, rate(59)), sample('ceiling', 1, rate(100))])
  t.equal(missed!.met, false)
  const [, unserved] = rowsOf([sample('ours', 1, refused(0)), sample('ceiling', 1, rate(100)), sample('peer', 1, rate(100))])
  t.match(unserved, { key: 'calls', met: undefined, toCeiling: NaN }, 'another gateway is not judged in place of ours')
  const [alone] = rowsOf([sample('ours', 1, rate(59))])
  t.equal(alone!.met, undefined)
  t.match(table([missed!], ['ours', 'ceiling']), /calls \[\/s\]\s+59\s+100\s+0\.59\s+≥ 0\.60× ceiling {2}MISSED/)
})
