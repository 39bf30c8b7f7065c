import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/sqlite-store.ts'
import { maxAuditEntries, storeConformance } from '../conformance/store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const open = async (t: Test, stateDir: string, options: Partial<SqliteStoreOptions> = {}) => {
  const store = await createSqliteStore({ stateDir, ...options })
  t.teardown(() => store.close())
  return store
}
const modeOf = (path: string) => statSync(path).mode & 0o777
const openFiles = () => existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0

async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

t.test('the SQLite store', async t => {
  storeConformance(t, async t => {
    const stateDir = ownDirectory(t)
    let store = await open(t, stateDir, { maxAuditEntries })
    return {
      store,
      reopen: async () => {
        await store.close()
        store = await open(t, stateDir, { maxAuditEntries })
        return store
      }
    }
  })
})

t.test('with durability "process" it keeps the same promises towards a reopened store', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir, { durability: 'process' })
  await store.collection('devices').put('a', { text: 'kept' })
  await store.close()
  const again = await open(t, stateDir)
  t.strictSame(await again.collection('devices').get('a'), { text: 'kept' })
})

t.test('opening and reading where nothing was kept creates no file', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  await store.collection('devices').all()
  t.strictSame(readdirSync(stateDir), [])
})

t.test('every file it makes is for its owner only, whatever the umask', async t => {
  const stateDir = join(ownDirectory(t), 'new', 'state')
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const store = await open(t, stateDir, { snapshotDelayMs: 0 })
  await store.collection('devices').put('a', 1)
  t.equal(modeOf(stateDir), 0o700)
  await until(() => existsSync(join(stateDir, 'state.snapshot.sqlite')))
  for (const file of readdirSync(stateDir)) t.equal(modeOf(join(stateDir, file)), 0o600, file)
  t.ok(readdirSync(stateDir).includes('state.sqlite-wal'))
})

t.test('without work the writer ends and the database is closed; the next change starts it again', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir, { idleMs: 20 })
  const before = openFiles()
  await store.collection('devices').put('a', 1)
  await until(() => !existsSync(join(stateDir, 'state.sqlite-wal')) && openFiles() <= before)
  await Promise.all(Array.from({ length: 50 }, async (_, index) => {
    await sleep(index * 2)
    await store.collection('devices').put(`k${index}`, index)
  }))
  t.equal((await store.collection('devices').all()).length, 51)
  t.strictSame(store.status().notices, [])
})

t.test('the log stays small however much is written', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir, { durability: 'process' })
  const text = 'x'.repeat(2000)
  let largestBytes = 0
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.collection('devices').put(`k${index}`, { round, text })))
    largestBytes = Math.max(largestBytes, statSync(join(stateDir, 'state.sqlite-wal')).size)
  }
  t.ok(largestBytes < 4 * 1024 * 1024, `${largestBytes} bytes`)
  await store.close()
  t.notOk(existsSync(join(stateDir, 'state.sqlite-wal')))
})

/** Commits that a log holds: the last page of each says how large the database is after it. */
function commitsIn (log: string): number {
  const bytes = readFileSync(log)
  const frameBytes = 24 + bytes.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at + frameBytes <= bytes.length; at += frameBytes) {
    const isOfThisLog = bytes.compare(bytes, 16, 24, at + 8, at + 16) === 0
    if (isOfThisLog && bytes.readUInt32BE(at + 4) > 0) commits++
  }
  return commits
}

t.test('changes that queue up while the disk works are committed together', async t => {
  const stateDir = ownDirectory(t)
  const notes = (await open(t, stateDir)).collection('devices')
  await notes.put('first', 0)
  const before = commitsIn(join(stateDir, 'state.sqlite-wal'))
  for (let index = 0; index < 20; index++) await notes.put(`k${index}`, index)
  const oneByOne = commitsIn(join(stateDir, 'state.sqlite-wal'))
  t.equal(oneByOne - before, 20)
  await Promise.all(Array.from({ length: 400 }, (_, index) => notes.put(`k${index}`, -index)))
  const together = commitsIn(join(stateDir, 'state.sqlite-wal')) - oneByOne
  t.ok(together < 40, `${together} commits of 400 changes`)
  t.equal(await notes.get('k399'), -399)
})

t.test('a queue that does not fit is refused as busy, and what was taken is kept', async t => {
  const store = await open(t, ownDirectory(t))
  const outcomes = await Promise.allSettled(Array.from({ length: 10_050 }, (_, index) => store.collection('devices').put(`k${index}`, 1)))
  const refused = outcomes.filter(outcome => outcome.status === 'rejected')
  t.equal(refused.length, 50)
  t.match(refused[0]!.reason, { code: 'BUSY' })
  t.equal((await store.collection('devices').all()).length, 10_000)
})

t.test('a store opened to read only sees what a running one wrote, writes nothing and leaves damage alone', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  await store.collection('devices').put('a', 1)
  const beside = await open(t, stateDir, { readOnly: true })
  t.equal(await beside.collection('devices').get('a'), 1)
  await store.collection('devices').put('a', 2)
  t.equal(await beside.collection('devices').get('a'), 2)
  await t.rejects(beside.collection('devices').put('a', 3), { code: 'STORE_UNAVAILABLE' })
  t.equal(beside.status().writable, false)
})

t.test('one record that cannot be understood is left out and left alone, with a notice', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  await store.collection('devices').put('good', 1)
  await store.close()
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const raw = new DatabaseSync(join(stateDir, 'state.sqlite'))
  raw.exec("INSERT INTO entries VALUES ('devices', 'bad', '{')")
  raw.close()
  const again = await open(t, stateDir)
  t.strictSame(await again.collection('devices').all(), [{ key: 'good', value: 1 }])
  t.match(again.status().notices, [/devices\/bad cannot be read/])
  await again.collection('devices').put('other', 2)
  await again.close()
  const check = new DatabaseSync(join(stateDir, 'state.sqlite'), { readOnly: true })
  t.strictSame(check.prepare("SELECT value FROM entries WHERE key = 'bad'").get()?.value, '{')
  check.close()
})

t.test('an older schema is brought up to date before anyone reads, a newer one is not touched', async t => {
  const stateDir = ownDirectory(t)
  const { migrations } = await import('../../src/store/sqlite/migrations.ts')
  const next = [...migrations, { name: 'a further table', sql: 'CREATE TABLE further (id INTEGER PRIMARY KEY) STRICT; INSERT INTO further VALUES (7)' }]
  const first = await open(t, stateDir)
  await first.collection('devices').put('a', 1)
  await first.close()
  const second = await open(t, stateDir, { migrations: next })
  t.equal(await second.collection('devices').get('a'), 1)
  await second.close()
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const raw = new DatabaseSync(join(stateDir, 'state.sqlite'), { readOnly: true })
  t.equal(raw.prepare('SELECT id FROM further').get()?.id, 7)
  raw.close()
  await t.rejects(createSqliteStore({ stateDir }), { code: 'STORE_UNAVAILABLE', message: /newer version/ })

  const copy = join(stateDir, `state.v${migrations.length}.sqlite`)
  t.equal(statSync(copy).mode & 0o777, 0o600)
  const earlier = join(stateDir, 'earlier')
  mkdirSync(earlier)
  copyFileSync(copy, join(earlier, 'state.sqlite'))
  const back = await open(t, earlier)
  t.equal(await back.collection('devices').get('a'), 1, 'the version before goes on with the copy that was made')
  await back.close()
})

t.test('a step of the schema that fails changes nothing and says so', async t => {
  const stateDir = ownDirectory(t)
  const { migrations } = await import('../../src/store/sqlite/migrations.ts')
  const first = await open(t, stateDir)
  await first.collection('devices').put('a', 1)
  await first.close()
  const broken = [...migrations, { name: 'broken', sql: 'CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1)' }]
  await t.rejects(createSqliteStore({ stateDir, migrations: broken }), /nowhere/)
  const again = await open(t, stateDir)
  t.equal(await again.collection('devices').get('a'), 1)
})

t.test('the database warning of older Node versions does not reach the terminal, other warnings do', async t => {
  const { loadSqlite } = await import('../../src/store/sqlite/load-sqlite.ts')
  const seen: string[] = []
  const { emitWarning } = process
  process.emitWarning = ((warning: string) => { seen.push(String(warning)) }) as typeof emitWarning
  t.teardown(() => { process.emitWarning = emitWarning })
  const replaced = process.emitWarning
  loadSqlite()
  t.equal(process.emitWarning, replaced)
  process.emitWarning('something else')
  t.strictSame(seen, ['something else'])
})
