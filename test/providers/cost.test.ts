import t from 'tap'
import { normalUsage, withCost } from '../../src/providers/cost.ts'

const prices = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 }

t.test('each token has one price: what came from the cache is no input', async t => {
  const usage = normalUsage({ prompt: 1_000_000, completion: 100_000, cacheRead: 600_000, cacheWrite: 200_000 })
  t.same(usage, { input: 200_000, output: 100_000, cacheRead: 600_000, cacheWrite: 200_000, totalTokens: 1_100_000 })
  const { cost } = withCost(usage, prices)
  const rounded = Object.fromEntries(Object.entries(cost!).map(([name, dollars]) => [name, Number(dollars.toFixed(6))]))
  t.same(rounded, { input: 0.6, output: 1.5, cacheRead: 0.18, cacheWrite: 0.75, total: 3.03 })
})

t.test('without prices there is no cost instead of a cost of nothing', async t => {
  t.notOk('cost' in withCost(normalUsage({ prompt: 5 }), undefined))
})

t.test('counts that make no sense become zero', async t => {
  t.same(normalUsage({ prompt: NaN, completion: '7', cacheRead: -1, total: Infinity }), { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 })
  t.match(normalUsage({ prompt: 5, cacheRead: 9 }), { input: 0, cacheRead: 9 })
})
