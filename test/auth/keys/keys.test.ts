import t from 'tap'
import { createKeys } from '../../../src/auth/keys/keys.ts'
import type { Keys } from '../../../src/auth/keys/room.ts'
import { isApiKey, newApiKey } from '../../../src/auth/keys/secret-form.ts'
import { hashToken } from '../../../src/auth/secret.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'

interface Scene { readonly keys: Keys, readonly store: Store, readonly ended: string[], pass (ms: number): void }

async function scene (t: Tap, store: Store = createMemoryStore()): Promise<Scene> {
  let atMs = Date.UTC(2027, 0, 1, 12)
  const ended: string[] = []
  const keys = await createKeys({ store, now: () => atMs, disconnect: (_matches, code, reason) => { ended.push(`${code} ${reason}`) } })
  t.teardown(() => keys.close())
  return { keys, store, ended, pass: ms => { atMs += ms } }
}

interface Tap { teardown (fn: () => unknown): void }

const codeOf = (work: () => unknown): unknown => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code: unknown }).code
  }
}

t.test('only what looks like a key is looked up as one', async t => {
  t.ok(isApiKey(newApiKey()))
  for (const other of ['', 'ocgw_', `ocgw_${'x'.repeat(42)}`, `ocgw_${'x'.repeat(44)}`, `OCGW_${'x'.repeat(43)}`, `ocgw_${'x'.repeat(42)}\n`, `sk-${'x'.repeat(45)}`]) {
    t.notOk(isApiKey(other), JSON.stringify(other))
  }
})

t.test('records that are not understood open nothing, and stay where they are', async t => {
  const store = createMemoryStore()
  const { keys: first } = await scene(t, store)
  const { key, secret } = await first.create({ name: 'good' }, 'tester')
  const good = await store.collection<object>('api-keys').get(key.id)
  await store.collection('api-keys').put('k1', { ...good, id: 'k2' })
  await store.collection('api-keys').put('k3', 'text')
  await store.collection('api-keys').put('k4', { ...good, id: 'k4', name: 'older', tokenHash: hashToken('older'), ownSessionsOnly: undefined, scopes: ['operator.read', 'operator.future'], limits: undefined })
  const notices: string[] = []
  const keys = await createKeys({ store, now: Date.now, disconnect () {}, notice: text => { notices.push(text) } })
  t.equal(notices.length, 2)
  t.equal((await store.collection('api-keys').all()).length, 4)
  t.equal(keys.prove(hashToken(secret), '127.0.0.1').principal, `key:${key.id}`)
  const older = keys.prove(hashToken('older'), '127.0.0.1')
  t.same(older.scopes, ['operator.read'], 'a scope that nobody knows grants nothing')
  t.equal(older.key.ownSessionsOnly, true, 'what is not said is closed')
  t.equal(codeOf(() => keys.prove(good!['tokenHash' as never], '127.0.0.1')), undefined)
  t.equal(codeOf(() => keys.prove(hashToken(hashToken(secret)), '127.0.0.1')), 'AUTH_KEY_UNKNOWN', 'the hash of a key is no key')
})

t.test('a change that the disk does not take changes nothing', async t => {
  const store = createMemoryStore()
  let isFull = false
  const failing: Store = { ...store, commit: async ops => isFull ? Promise.reject(new Error('no space left')) : await store.commit(ops) }
  const { keys, ended } = await scene(t, failing)
  const { secret } = await keys.create({ name: 'a' }, 'tester')
  isFull = true
  await t.rejects(keys.create({ name: 'b' }, 'tester'))
  await t.rejects(keys.rotate('a', 0))
  await t.rejects(keys.revoke('a'))
  t.same(ended, [])
  t.same(keys.list().map(({ name, status }) => [name, status]), [['a', 'active']])
  t.ok(keys.prove(hashToken(secret), '::1').isInForce())
  isFull = false
  await keys.revoke('a')
  t.same(ended, ['4001 API key revoked'])
})

t.test('what was opened with a secret ends with it, once', async t => {
  const { keys, pass } = await scene(t)
  const first = await keys.create({ name: 'a', expiresAtMs: Date.UTC(2027, 0, 2) }, 'tester')
  const proven = keys.prove(hashToken(first.secret), '::1')
  const heard: string[] = []
  proven.key.whenEnded(() => { heard.push('old') }, proven.tokenHash)
  proven.key.whenEnded(() => { heard.push('forgotten') }, proven.tokenHash)()
  const second = await keys.rotate('a', 60_000)
  t.same(heard, [])
  t.ok(proven.isInForce())
  pass(60_001)
  t.notOk(proven.isInForce(), 'the grace is over')
  const later = keys.prove(hashToken(second.secret), '::1')
  later.key.whenEnded(() => { heard.push('new') }, later.tokenHash)
  await keys.rotate('a', 60_000)
  t.same(heard, ['old'])
  await keys.revoke('a')
  t.same(heard, ['old', 'new'])
  await keys.revoke('a')
  t.same(heard, ['old', 'new'])
  t.equal(codeOf(() => keys.prove(hashToken(first.secret), '::1')), 'AUTH_KEY_UNKNOWN', 'of old secrets the last one is remembered')
})

t.test('requests come back evenly: after a part of the minute a part of them', async t => {
  const { keys, pass } = await scene(t)
  const { secret } = await keys.create({ name: 'a', limits: { requestsPerMinute: 6 } }, 'tester')
  const { key } = keys.prove(hashToken(secret), '::1')
  for (let left = 5; left >= 0; left--) t.equal(key.takeRequest()!.remaining, left)
  t.equal(codeOf(() => key.takeRequest()), 'KEY_RATE_LIMITED')
  pass(20_000)
  t.same([0, 1, 2].map(() => codeOf(() => key.takeRequest())), [undefined, undefined, 'KEY_RATE_LIMITED'])
  pass(-3_600_000)
  t.equal(codeOf(() => key.takeRequest()), 'KEY_RATE_LIMITED', 'a clock that is set back gives nothing away')
  pass(3_600_000 + 3_600_000)
  t.equal(key.takeRequest()!.remaining, 5, 'and nobody saves more than a minute')
})

t.test('usage of the day is the sum of its runs, in dollars, too', async t => {
  const { keys, store } = await scene(t)
  const { key: { id } } = await keys.create({ name: 'a', limits: { spendPerDayUsd: 1, concurrentRuns: 2 } }, 'tester')
  const usage = (totalTokens: number, total: number) => ({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total } })
  const release = keys.beginRun(id, { counts: true })
  keys.beginRun(id, { counts: true })
  t.equal(codeOf(() => keys.beginRun(id, { counts: true })), 'KEY_RUNS_EXCEEDED')
  t.equal(codeOf(() => keys.beginRun(id, { counts: false })), undefined, 'a helper takes no place')
  release()
  release()
  t.equal(codeOf(() => keys.beginRun(id, { counts: true })), undefined)
  t.equal(codeOf(() => keys.beginRun(id, { counts: true })), 'KEY_RUNS_EXCEEDED', 'a place is given back once')
  await store.commit(keys.book(id, usage(10, 0.4))())
  t.equal(codeOf(() => keys.beginRun(id, { counts: false })), undefined)
  keys.book(id, usage(20, 0.7))
  t.equal(codeOf(() => keys.beginRun(id, { counts: false })), 'KEY_BUDGET_SPENT')
  keys.save(id)
  await keys.close()
  const { keys: again, pass: passAgain } = await scene(t, store)
  t.match(again.get('a').today, { tokens: 30, runs: 2, day: '2027-01-01' })
  t.equal(codeOf(() => again.beginRun(id, { counts: false })), 'KEY_BUDGET_SPENT')
  passAgain(12 * 3_600_000)
  t.equal(codeOf(() => again.beginRun(id, { counts: false })), undefined)
  t.match(again.get('a').today, { tokens: 0, day: '2027-01-02' })
})

t.test('there are so many keys and no more, and of those that ended the last ones are remembered', async t => {
  const { keys, pass } = await scene(t)
  for (let index = 0; index < 1000; index++) await keys.create({ name: `k${index}` }, 'tester')
  await t.rejects(keys.create({ name: 'one-more' }, 'tester'), { code: 'KEYS_FULL' })
  for (let index = 0; index < 1000; index++) await keys.revoke(`k${index}`)
  pass(1)
  await keys.create({ name: 'next' }, 'tester')
  await keys.revoke('next')
  await keys.create({ name: 'last' }, 'tester')
  t.equal(keys.list().length, 1000)
})
