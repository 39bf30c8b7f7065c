import t from 'tap'
import { createNonces } from '../../src/auth/nonces.ts'

const clock = (startMs = 1_000_000) => {
  let nowMs = startMs
  return { now: () => nowMs, advance: (ms: number) => { nowMs += ms } }
}

t.test('a nonce works once and remembers when it was issued', async t => {
  const { now } = clock()
  const nonces = createNonces({ now })
  const { nonce, ts, expiresAtMs } = nonces.issue()
  t.equal(ts, now())
  t.equal(expiresAtMs, ts + 120_000)
  t.same(nonces.take(nonce), { ts })
  t.equal(nonces.take(nonce), undefined)
})

t.test('a nonce ends with its time, and strangers have none', async t => {
  const { now, advance } = clock()
  const nonces = createNonces({ now, ttlMs: 1_000 })
  const early = nonces.issue().nonce
  const late = nonces.issue().nonce
  advance(999)
  t.ok(nonces.take(early))
  advance(1)
  t.equal(nonces.take(late), undefined)
  for (const nonce of ['', 'x', early.toUpperCase(), ` ${early}`]) t.equal(nonces.take(nonce), undefined)
})

t.test('the oldest nonce gives way, and what has expired takes no place', async t => {
  const { now, advance } = clock()
  const nonces = createNonces({ now, ttlMs: 1_000, max: 3 })
  const [first, second] = [nonces.issue().nonce, nonces.issue().nonce]
  for (let round = 0; round < 2; round++) nonces.issue()
  t.equal(nonces.size(), 3)
  t.equal(nonces.take(first), undefined)
  t.ok(nonces.take(second))
  for (let round = 0; round < 10_000; round++) nonces.issue()
  t.equal(nonces.size(), 3)
  advance(1_000)
  nonces.issue()
  t.equal(nonces.size(), 1)
})
