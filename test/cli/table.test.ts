import t from 'tap'
import { ago, duration, facts, table } from '../../src/cli/table.ts'

t.test('columns are as wide as their widest cell, colours not counted', async t => {
  const red = '\u001b[31mbad\u001b[0m'
  t.equal(table(['Name', 'State'], [['a', red], ['longer', 'ok']]), `Name    State\na       ${red}\nlonger  ok`)
  t.equal(table(['A', 'B'], []), 'A  B')
})

t.test('facts without a value are left out, and many lines stay in their column', async t => {
  t.equal(facts([['One', '1'], ['Missing', undefined], ['Several', 'x\ny']]), 'One      1\nSeveral  x\n         y')
})

t.test('a duration is told in its two largest units', async t => {
  t.same([0, 40, 999, 1000, 61_000, 3_600_000, 90_061_000].map(duration), ['0ms', '40ms', '999ms', '1s', '1m 1s', '1h', '1d 1h'])
  t.equal(ago(undefined, 5), '-')
  t.equal(ago(1000, 4000), '3s ago')
  t.equal(ago(9000, 4000), '0ms ago', 'a clock that runs ahead is not the future')
})
