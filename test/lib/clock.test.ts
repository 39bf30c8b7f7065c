import t from 'tap'
import { hasPassed, leftUntil, steadyNow } from '../../src/lib/clock.ts'

const hour = 3_600_000

t.test('what is left of a span shrinks, ends, and does not grow when the clock is set back', async t => {
  t.equal(leftUntil(1_000_000, 60_000, 950_000), 50_000)
  t.equal(leftUntil(1_000_000, 60_000, 1_000_000), 0)
  t.equal(leftUntil(1_000_000, 60_000, 1_000_000 + hour), 0)
  t.equal(leftUntil(10 * hour, 60_000, 5 * hour), 0, 'it began later than now')
  t.equal(leftUntil(1_000_000, 60_000, 930_000), 70_000, 'a clock that is corrected by seconds changes nothing')
})

t.test('a span has passed when it has, or when nobody knows', async t => {
  t.notOk(hasPassed(1_000_000, 60_000, 1_000_000))
  t.notOk(hasPassed(1_000_000, 60_000, 999_000))
  t.ok(hasPassed(1_000_000, 60_000, 1_060_000))
  t.ok(hasPassed(10 * hour, 60_000, 5 * hour))
})

t.test('the steady clock looks like a time and only grows', async t => {
  const before = steadyNow()
  await new Promise(resolve => setTimeout(resolve, 5))
  t.ok(steadyNow() > before)
  t.ok(Number.isInteger(before))
  const { now } = Date
  t.teardown(() => { Date.now = now })
  Date.now = () => now() - 5 * hour
  t.ok(steadyNow() > before, 'whatever the clock of the machine says')
})
