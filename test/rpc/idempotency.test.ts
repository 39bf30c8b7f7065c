import t from 'tap'
import { createIdempotencyCache } from '../../src/rpc/idempotency.ts'

const scope = (key: string, principal = 'device:a', method = 'system-event') => ({ principal, method, key })

t.test('the same key does the work once, for callers at the same time and later', async t => {
  const cache = createIdempotencyCache<number>({ now: () => 0 })
  let runs = 0
  const work = async () => { await new Promise(resolve => setImmediate(resolve)); return ++runs }
  const together = await Promise.all(Array.from({ length: 200 }, () => cache.run(scope('k'), work)))
  t.same(new Set(together), new Set([1]))
  t.equal(await cache.run(scope('k'), work), 1)
})

t.test('a key belongs to its caller and method', async t => {
  const cache = createIdempotencyCache<string>({ now: () => 0 })
  t.equal(await cache.run(scope('k', 'device:a'), async () => 'a'), 'a')
  t.equal(await cache.run(scope('k', 'device:b'), async () => 'b'), 'b')
  t.equal(await cache.run(scope('k', 'device:a', 'other'), async () => 'c'), 'c')
})

t.test('no choice of names lets one caller meet the key of another', async t => {
  const cache = createIdempotencyCache<string>({ now: () => 0 })
  await cache.run({ principal: 'a","b', method: 'm', key: 'k' }, async () => 'first')
  t.equal(await cache.run({ principal: 'a', method: 'b","m', key: 'k' }, async () => 'second'), 'second')
})

t.test('a failure is not kept, and an answer is forgotten after its time', async t => {
  let clock = 0
  const cache = createIdempotencyCache<string>({ now: () => clock, ttlMs: 1000 })
  await t.rejects(cache.run(scope('k'), async () => { throw new Error('no') }))
  t.equal(await cache.run(scope('k'), async () => 'yes'), 'yes')
  clock = 1001
  t.equal(await cache.run(scope('k'), async () => 'again'), 'again')
})

t.test('it stays within its bound and never forgets work in progress', async t => {
  const cache = createIdempotencyCache<string>({ now: () => 0, maxEntries: 50 })
  let finish: (value: string) => void = () => {}
  const slow = cache.run(scope('slow'), () => new Promise(resolve => { finish = resolve }))
  for (let i = 0; i < 500; i++) await cache.run(scope(`k${i}`), async () => 'x')
  t.ok(cache.size() <= 51, `${cache.size()} entries`)
  const repeat = cache.run(scope('slow'), async () => 'ran twice')
  finish('once')
  t.equal(await slow, 'once')
  t.equal(await repeat, 'once')
})
