import t from 'tap'
import { median, percentile, summarize } from '../../bench/statistics.ts'

t.test('the median is the middle value, or the mean of the two middle ones, whatever the order', async t => {
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([100, 20, 3]), 20, 'compared as numbers, not as text')
  t.ok(Number.isNaN(median([])))
})

t.test('a percentile is the smallest value that enough of the values do not exceed', async t => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  t.equal(percentile(hundred, 50), 50)
  t.equal(percentile(hundred, 99), 99)
  t.equal(percentile(hundred, 100), 100)
  t.equal(percentile([7], 1), 7)
  t.ok(Number.isNaN(percentile([], 50)))
})

t.test('a summary leaves the values as they were and says how many there were', async t => {
  const values = [3, 1, 2]
  t.same(summarize(values), { count: 3, p50Ms: 2, p95Ms: 3, p99Ms: 3, maxMs: 3 })
  t.same(values, [3, 1, 2])
  t.equal(summarize([]).count, 0)
})
