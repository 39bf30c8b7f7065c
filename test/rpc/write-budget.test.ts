import t from 'tap'
import { createWriteBudget } from '../../src/rpc/write-budget.ts'

t.test('thirty writes a minute, then a refusal that says how long to wait', async t => {
  let clock = 0
  const budget = createWriteBudget({ now: () => clock })
  for (let i = 0; i < 30; i++) budget.spend('config.patch', 'a')
  clock = 20_000
  t.throws(() => budget.spend('config.patch', 'a'), {
    code: 'WRITE_BUDGET_EXCEEDED',
    message: 'rate limit exceeded for config.patch; retry after 40s',
    retryAfterMs: 40_000,
    details: { method: 'config.patch', limit: '30 per 60s' }
  })
  budget.spend('config.apply', 'a')
  budget.spend('config.patch', 'b')
  clock = 60_000
  budget.spend('config.patch', 'a')
  t.pass('methods, owners and windows count apart')
})

t.test('it remembers a bounded number of owners', async t => {
  const budget = createWriteBudget({ now: () => 0, maxOwners: 100 })
  for (let i = 0; i < 1000; i++) budget.spend('m', `owner-${i}`)
  t.equal(budget.size(), 100)
})
