import t from 'tap'
import { createAttemptLimiter, type AttemptLimiter, type AttemptLimits, type LimiterSubject } from '../../src/auth/limiter.ts'

const defaults: AttemptLimits = { maxAttempts: 10, windowMs: 60_000, lockoutMs: 300_000, exemptLoopback: true }

function setup (limits: Partial<AttemptLimits> = {}, maxKeys = 10_000) {
  const settings = { ...defaults, ...limits }
  let nowMs = 1_000_000
  const limiter = createAttemptLimiter({ settings: () => settings, now: () => nowMs, maxKeys })
  return { limiter, settings, advance: (ms: number) => { nowMs += ms } }
}

const remote = (address = '203.0.113.7'): LimiterSubject => ({ address, loopback: false })
const local: LimiterSubject = { address: '127.0.0.1', loopback: true }
const page = (browserOrigin: string): LimiterSubject => ({ ...local, browserOrigin })

const fail = (limiter: AttemptLimiter, subject: LimiterSubject, times: number): void => {
  for (let attempt = 0; attempt < times; attempt++) limiter.recordFailure('shared-secret', subject)
}
const isAllowed = (limiter: AttemptLimiter, subject: LimiterSubject): boolean => limiter.check('shared-secret', subject).allowed

t.test('the tenth failure within a minute shuts an address out for five minutes', async t => {
  const { limiter, advance } = setup()
  fail(limiter, remote(), 9)
  t.equal(isAllowed(limiter, remote()), true)
  t.same(limiter.recordFailure('shared-secret', remote()), { lockedForMs: 300_000, delayMs: 0 })
  t.same(limiter.check('shared-secret', remote()), { allowed: false, retryAfterMs: 300_000 })
  advance(299_999)
  t.same(limiter.check('shared-secret', remote()), { allowed: false, retryAfterMs: 1 })
  advance(1)
  t.equal(isAllowed(limiter, remote()), true)
})

t.test('a lockout does not grow by knocking, and afterwards the count starts anew', async t => {
  const { limiter, advance } = setup()
  fail(limiter, remote(), 10)
  for (let second = 1; second < 300; second++) {
    advance(1_000)
    limiter.check('shared-secret', remote())
    t.equal(limiter.recordFailure('shared-secret', remote()).lockedForMs, 300_000 - second * 1_000)
  }
  advance(1_000)
  t.equal(isAllowed(limiter, remote()), true)
  fail(limiter, remote(), 9)
  t.equal(isAllowed(limiter, remote()), true)
  fail(limiter, remote(), 1)
  t.equal(isAllowed(limiter, remote()), false)
})

t.test('the window slides: old failures stop counting one by one', async t => {
  const { limiter, advance } = setup()
  for (let attempt = 0; attempt < 100; attempt++) {
    fail(limiter, remote(), 1)
    advance(6_000)
  }
  t.equal(isAllowed(limiter, remote()), false, 'ten failures lie within 54 seconds')
  const slow = setup()
  for (let attempt = 0; attempt < 100; attempt++) {
    fail(slow.limiter, remote(), 1)
    slow.advance(6_700)
  }
  t.equal(isAllowed(slow.limiter, remote()), true, 'never more than nine within a minute')
})

t.test('a success forgives, but only in its own scope', async t => {
  const { limiter } = setup()
  fail(limiter, remote(), 9)
  for (let attempt = 0; attempt < 9; attempt++) limiter.recordFailure('device-token', remote())
  limiter.recordSuccess('shared-secret', remote())
  fail(limiter, remote(), 9)
  t.equal(isAllowed(limiter, remote()), true)
  limiter.recordFailure('device-token', remote())
  t.equal(limiter.check('device-token', remote()).allowed, false)
  t.equal(isAllowed(limiter, remote()), true)
})

t.test('one IPv6 network and all spellings of an IPv4 address are one sender', async t => {
  const { limiter } = setup()
  for (let host = 1; host <= 10; host++) fail(limiter, remote(`2001:db8:0:1::${host.toString(16)}`), 1)
  t.equal(isAllowed(limiter, remote('2001:db8:0:1:ffff:ffff:ffff:ffff')), false)
  t.equal(isAllowed(limiter, remote('2001:db8:0:2::1')), true)
  fail(limiter, remote('203.0.113.7'), 5)
  fail(limiter, remote('::ffff:203.0.113.7'), 5)
  t.equal(isAllowed(limiter, remote('::FFFF:cb00:7107')), false)
  t.equal(isAllowed(limiter, remote('203.0.113.8')), true)
})

t.test('exempt loopback is never shut out but answered ever more slowly, until it is right', async t => {
  const { limiter, advance } = setup()
  const delays: number[] = []
  for (let attempt = 0; attempt < 30; attempt++) {
    const { delayMs, lockedForMs } = limiter.recordFailure('shared-secret', local)
    t.equal(lockedForMs, undefined)
    t.equal(isAllowed(limiter, local), true)
    delays.push(delayMs)
    advance(delayMs)
  }
  t.same(delays.slice(0, 8), [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000])
  t.ok(delays.slice(8).every(delay => delay === 5_000))
  limiter.recordSuccess('shared-secret', local)
  t.equal(limiter.recordFailure('shared-secret', local).delayMs, 250)
  advance(61_000)
  t.equal(limiter.recordFailure('shared-secret', local).delayMs, 250, 'what lies outside the window is forgotten')
})

t.test('failures at the same time share one deadline and still count', async t => {
  const { limiter, advance } = setup()
  t.equal(limiter.recordFailure('shared-secret', local).delayMs, 250)
  advance(100)
  for (let parallel = 0; parallel < 64; parallel++) t.equal(limiter.recordFailure('shared-secret', local).delayMs, 150)
  advance(150)
  t.equal(limiter.recordFailure('shared-secret', local).delayMs, 5_000)
})

t.test('all addresses of loopback are one caller', async t => {
  const { limiter } = setup({ exemptLoopback: false })
  for (const address of ['127.0.0.1', '127.0.0.2', '127.1.2.3', '::1', '::ffff:127.0.0.1', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6', '127.0.0.7']) {
    fail(limiter, { address, loopback: true }, 1)
  }
  t.equal(isAllowed(limiter, { address: '127.9.9.9', loopback: true }), false)
})

t.test('a caller who only says loopback gets no exemption', async t => {
  const { limiter } = setup()
  fail(limiter, { address: '203.0.113.7', loopback: true }, 10)
  t.equal(isAllowed(limiter, { address: '203.0.113.7', loopback: true }), false)
  fail(limiter, { address: '127.0.0.1', loopback: false }, 10)
  t.equal(isAllowed(limiter, { address: '127.0.0.1', loopback: false }), false)
  t.equal(isAllowed(limiter, local), true, 'the programs of this machine are not shut out with it')
})

t.test('a page on loopback is shut out alone: not other pages, not programs', async t => {
  const { limiter } = setup()
  fail(limiter, page('https://evil.example'), 10)
  t.same(limiter.check('shared-secret', page('https://EVIL.example:443')), { allowed: false, retryAfterMs: 300_000 })
  t.equal(isAllowed(limiter, page('https://other.example')), true)
  t.equal(isAllowed(limiter, local), true)
})

t.test('pages without a readable origin share one count', async t => {
  const { limiter } = setup()
  for (const origin of ['null', '', 'x'.repeat(5_000), 'file://', 'a, b']) fail(limiter, page(origin), 2)
  t.equal(isAllowed(limiter, page('anything unreadable')), false)
  t.equal(limiter.size(), 1)
  t.equal(isAllowed(limiter, page('https://fine.example')), true)
})

t.test('a page from elsewhere counts by its address, whatever origin it claims', async t => {
  const { limiter } = setup()
  for (let attempt = 0; attempt < 10; attempt++) fail(limiter, { ...remote(), browserOrigin: `https://${attempt}.example` }, 1)
  t.equal(isAllowed(limiter, { ...remote(), browserOrigin: 'https://new.example' }), false)
  t.equal(isAllowed(limiter, remote()), false)
})

t.test('a credential of its own is not refused for what a neighbour did, and pays for its own failures', async t => {
  const { limiter } = setup()
  const device = { ...remote(), credentialId: 'device:a' }
  fail(limiter, remote(), 10)
  t.equal(isAllowed(limiter, remote()), false)
  t.equal(isAllowed(limiter, device), true)
  t.equal(isAllowed(limiter, { ...device, browserOrigin: 'https://ui.example' }), true)
  fail(limiter, device, 10)
  t.equal(isAllowed(limiter, device), false)
  t.equal(isAllowed(limiter, { ...device, credentialId: 'device:b' }), true)
  t.equal(isAllowed(limiter, { ...remote('198.51.100.1'), credentialId: 'device:a' }), false, 'it is the same credential from everywhere')
})

t.test('changed settings hold at once for what is already counted', async t => {
  const { limiter, settings, advance } = setup()
  fail(limiter, remote(), 5)
  advance(10_000)
  settings.maxAttempts = 5
  t.same(limiter.check('shared-secret', remote()), { allowed: false, retryAfterMs: 290_000 }, 'tightening shuts out from the last failure on')
  settings.lockoutMs = 60_000
  t.same(limiter.check('shared-secret', remote()), { allowed: false, retryAfterMs: 50_000 })
  settings.maxAttempts = 100
  t.equal(isAllowed(limiter, remote()), false, 'loosening does not open a lockout')
  settings.lockoutMs = 5_000
  t.equal(isAllowed(limiter, remote()), true)

  fail(limiter, local, 12)
  settings.exemptLoopback = false
  settings.maxAttempts = 10
  t.equal(isAllowed(limiter, local), false)
  settings.exemptLoopback = true
  t.equal(isAllowed(limiter, local), true)
})

t.test('memory is bounded: who failed longest ago is forgotten, a lockout is not', async t => {
  const { limiter, advance } = setup({}, 100)
  fail(limiter, remote('203.0.113.1'), 10)
  fail(limiter, remote('203.0.113.2'), 9)
  advance(1)
  for (let sender = 0; sender < 5_000; sender++) fail(limiter, remote(`10.${sender >> 8}.${sender & 255}.1`), 1)
  t.equal(limiter.size(), 100)
  t.equal(isAllowed(limiter, remote('203.0.113.1')), false)
  fail(limiter, remote('203.0.113.2'), 1)
  t.equal(isAllowed(limiter, remote('203.0.113.2')), true)
  t.equal(limiter.size(), 100)
})

t.test('when lockouts fill every place, strangers wait for the first to end; known credentials and loopback do not', async t => {
  const { limiter, advance } = setup({ maxAttempts: 1 }, 3)
  for (const [index, address] of ['203.0.113.1', '203.0.113.2', '203.0.113.3'].entries()) {
    advance(index * 1_000)
    fail(limiter, remote(address), 1)
  }
  t.same(limiter.check('shared-secret', remote('198.51.100.1')), { allowed: false, retryAfterMs: 297_000 })
  t.same(limiter.recordFailure('shared-secret', remote('198.51.100.1')), { lockedForMs: 297_000, delayMs: 0 })
  t.equal(isAllowed(limiter, { ...remote('198.51.100.1'), credentialId: 'device:a' }), true)
  t.same(limiter.recordFailure('shared-secret', { ...remote('198.51.100.1'), credentialId: 'device:a' }), { delayMs: 5_000 })
  t.equal(isAllowed(limiter, local), true)
  t.equal(limiter.recordFailure('shared-secret', local).delayMs, 5_000, 'what cannot be counted waits longest')
  t.equal(limiter.size(), 3)
  advance(297_000)
  t.equal(isAllowed(limiter, remote('198.51.100.1')), true)
  t.equal(limiter.size(), 2)
})

t.test('what has expired takes no memory', async t => {
  const { limiter, advance } = setup()
  for (let sender = 0; sender < 200; sender++) fail(limiter, remote(`10.0.${sender}.1`), sender % 2 ? 1 : 10)
  t.equal(limiter.size(), 200)
  advance(60_000)
  t.equal(limiter.size(), 100)
  advance(240_000)
  t.equal(limiter.size(), 0)
})

t.test('the history of one sender is bounded even where the configuration allows millions of attempts', async t => {
  const { limiter } = setup({ maxAttempts: 1_000_000 })
  fail(limiter, remote(), 1_500)
  t.equal(limiter.list()[0]?.failures, 1_000)
  t.equal(isAllowed(limiter, remote()), false)
})

t.test('the list shows who failed and who is shut out; clearing forgives one or all', async t => {
  const { limiter } = setup()
  fail(limiter, remote(), 10)
  fail(limiter, page('https://evil.example'), 2)
  limiter.recordFailure('hook-auth', remote())
  t.same(limiter.list(), [
    { scope: 'shared-secret', subject: '203.0.113.7', failures: 10, lockedForMs: 300_000 },
    { scope: 'shared-secret', subject: 'browser-origin:https://evil.example', failures: 2 },
    { scope: 'hook-auth', subject: '203.0.113.7', failures: 1 }
  ])
  t.equal(limiter.clear(remote()), 2)
  t.equal(isAllowed(limiter, remote()), true)
  t.equal(limiter.size(), 1)
  t.equal(limiter.clear(), 1)
  t.equal(limiter.size(), 0)
})

t.test('on random histories the limiter decides as the plain rule does', async t => {
  let state = 7
  const next = (limit: number): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) % limit
  const { limiter, advance } = setup({ maxAttempts: 4, windowMs: 1_000, lockoutMs: 3_000 })
  const histories = new Map<string, { failures: number[], lockedUntilMs: number }>()
  let nowMs = 0
  const mismatches: string[] = []
  let refusals = 0
  for (let step = 0; step < 5_000; step++) {
    const pause = next(300)
    advance(pause)
    nowMs += pause
    const address = `203.0.113.${next(4)}`
    const history = histories.get(address) ?? { failures: [], lockedUntilMs: 0 }
    histories.set(address, history)
    const expected = nowMs >= history.lockedUntilMs
    if (!expected) refusals++
    if (isAllowed(limiter, remote(address)) !== expected) mismatches.push(`step ${step} ${address}`)
    const action = next(10)
    if (action === 0 && expected) {
      limiter.recordSuccess('shared-secret', remote(address))
      history.failures = []
    } else {
      fail(limiter, remote(address), 1)
      if (!expected) continue
      history.failures = [...history.failures.filter(atMs => atMs > nowMs - 1_000), nowMs]
      if (history.failures.length >= 4) Object.assign(history, { failures: [], lockedUntilMs: nowMs + 3_000 })
    }
  }
  t.same(mismatches, [])
  t.ok(refusals > 100 && refusals < 4_900, `${refusals} of 5000 refused`)
})
