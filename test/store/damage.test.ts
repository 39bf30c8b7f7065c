import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../src/store/store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const open = async (t: Test, stateDir: string, options: Partial<SqliteStoreOptions> = {}) => {
  const store = await createSqliteStore({ stateDir, snapshotDelayMs: 0, snapshotIntervalMs: 0, ...options })
  t.teardown(() => store.close())
  return store
}
/** One record of each kind under one name. */
const add = (store: Store, key: string) => store.commit([
  { op: 'put', collection: 'devices', key, value: { key } },
  { op: 'append', sessionId: 's', seq: key.charCodeAt(0) * 1e6 + Number(key.slice(1)), id: key, value: { key } },
  { op: 'run', run: { runId: key, sessionKey: 'agent:main:main', claim: key, open: true, atMs: 1, value: { key } } }
])
/** The names under which there is something, and where that is not the same everywhere, what there is instead. */
async function keysOf (store: Store) {
  const keys = (await store.collection('devices').all()).map(({ key }) => key)
  const lines = (await store.lines.tail('s', { limit: 1e6 })).map(({ id }) => id)
  const runs = (await store.runs.open()).map(({ runId }) => runId)
  return String(keys) === String(lines) && String(keys) === String(runs) ? keys : { keys, lines, runs }
}
const quarantined = (stateDir: string) => readdirSync(stateDir).filter(name => /^state\.sqlite\.quarantine-[^.]*$/.test(name) && !/-(wal|shm)$/.test(name))

async function until (condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

/** A closed state directory with three records; closing made its last-good copy. */
async function filled (t: Test): Promise<string> {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  for (const key of ['a', 'b', 'c']) await add(store, key)
  await store.close()
  return stateDir
}

const database = (stateDir: string) => join(stateDir, 'state.sqlite')

const damages: { [name: string]: (path: string) => void } = {
  'of 0 bytes': path => truncateSync(path, 0),
  'cut short in its header': path => truncateSync(path, 50),
  'cut short in its pages': path => truncateSync(path, 4096),
  'of another kind': path => writeFileSync(path, 'this is not a database\n'.repeat(500)),
  'of zeros': path => writeFileSync(path, Buffer.alloc(8192)),
  'of another program': path => {
    const bytes = readFileSync(path)
    bytes.writeUInt32BE(0, 68)
    writeFileSync(path, bytes)
  },
  'with a page of noise': path => {
    const bytes = readFileSync(path)
    bytes.fill(0xa5, 4096, 8192)
    writeFileSync(path, bytes)
  },
  'that is a directory': path => {
    rmSync(path)
    mkdirSync(path)
  }
}

for (const [name, damage] of Object.entries(damages)) {
  t.test(`a database ${name} is set aside at start and the last-good copy takes its place`, async t => {
    const stateDir = await filled(t)
    damage(database(stateDir))
    const heard: string[] = []
    const store = await open(t, stateDir, { notice: text => heard.push(text) })
    t.strictSame(await keysOf(store), ['a', 'b', 'c'])
    t.equal(quarantined(stateDir).length, 1)
    t.match(store.status().notices, [/set aside as .*quarantine.*last-good copy/])
    t.strictSame(heard, store.status().notices)
    await add(store, 'd')
    await store.close()
    const again = await open(t, stateDir)
    t.strictSame(await keysOf(again), ['a', 'b', 'c', 'd'])
    t.strictSame(again.status().notices, [])
  })
}

t.test('without a last-good copy the gateway comes up anew, and the damaged bytes are kept', async t => {
  const stateDir = await filled(t)
  rmSync(join(stateDir, 'state.snapshot.sqlite'))
  writeFileSync(database(stateDir), 'precious remains')
  const store = await open(t, stateDir)
  t.strictSame(await keysOf(store), [])
  t.match(store.status().notices, [/begins anew/])
  t.equal(readFileSync(join(stateDir, quarantined(stateDir)[0]!), 'utf8'), 'precious remains')
})

t.test('a damaged last-good copy is put aside too, not overwritten', async t => {
  const stateDir = await filled(t)
  truncateSync(database(stateDir), 0)
  writeFileSync(join(stateDir, 'state.snapshot.sqlite'), 'noise')
  const store = await open(t, stateDir)
  t.strictSame(await keysOf(store), [])
  t.ok(readdirSync(stateDir).some(name => name.startsWith('state.snapshot.sqlite.quarantine-')))
})

t.test('a database that is gone is brought back from the last-good copy', async t => {
  const stateDir = await filled(t)
  rmSync(database(stateDir))
  const store = await open(t, stateDir)
  t.strictSame(await keysOf(store), ['a', 'b', 'c'])
  t.match(store.status().notices, [/is gone; the last-good copy/])
})

t.test('a log without its database is never applied to the copy that takes its place', async t => {
  const stateDir = await filled(t)
  rmSync(database(stateDir))
  writeFileSync(`${database(stateDir)}-wal`, Buffer.alloc(40_000, 7))
  const store = await open(t, stateDir)
  t.strictSame(await keysOf(store), ['a', 'b', 'c'])
  t.ok(readdirSync(stateDir).some(name => /quarantine-.*-wal$/.test(name)))
})

t.test('damage twice in the same instant keeps both remains', async t => {
  const stateDir = await filled(t)
  const now = () => 1_800_000_000_000
  for (let count = 1; count <= 2; count++) {
    truncateSync(database(stateDir), 0)
    const store = await open(t, stateDir, { now })
    await store.close()
    t.equal(quarantined(stateDir).length, count)
  }
})

t.test('a command that only reads looks at the last-good copy and moves nothing', async t => {
  const stateDir = await filled(t)
  truncateSync(database(stateDir), 0)
  const store = await open(t, stateDir, { readOnly: true })
  t.strictSame(await keysOf(store), ['a', 'b', 'c'])
  t.strictSame(quarantined(stateDir), [])
  t.equal(statSync(database(stateDir)).size, 0)
})

const accidents: { [name: string]: (path: string) => void } = {
  emptied: path => truncateSync(path, 0),
  'cut short': path => truncateSync(path, 4096),
  deleted: path => rmSync(path),
  'deleted with its log': path => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  },
  overwritten: path => writeFileSync(path, 'noise '.repeat(5000)),
  'replaced by another file': path => {
    writeFileSync(`${path}.other`, Buffer.alloc(9000, 1))
    renameSync(`${path}.other`, path)
  }
}

for (const [name, accident] of Object.entries(accidents)) {
  for (const writing of [true, false]) {
    t.test(`a database ${name} under a running gateway (writer ${writing ? 'at work' : 'at rest'}) loses nothing that was acknowledged`, async t => {
      const stateDir = await filled(t)
      const store = await open(t, stateDir, { idleMs: writing ? 10_000 : 10, snapshotIntervalMs: 60_000 })
      const keys = ['a', 'b', 'c']
      for (let index = 0; index < 10; index++) {
        await add(store, `d${index}`)
        keys.push(`d${index}`)
      }
      if (!writing) await until(() => !existsSync(`${database(stateDir)}-wal`))
      accident(database(stateDir))
      await add(store, 'e')
      t.strictSame(await keysOf(store), [...keys, 'e'])
      t.match(store.status().notices, [/last-good copy/])
      t.equal(store.status().writable, true)
      await store.close()
      const again = await open(t, stateDir)
      t.strictSame(await keysOf(again), [...keys, 'e'])
      t.strictSame(again.status().notices, [])
    })
  }
}

t.test('reading alone also notices that the database was emptied, and brings it back', async t => {
  const stateDir = await filled(t)
  const store = await open(t, stateDir, { idleMs: 10 })
  await add(store, 'd')
  await until(() => !existsSync(`${database(stateDir)}-wal`))
  truncateSync(database(stateDir), 0)
  t.strictSame(await keysOf(store), ['a', 'b', 'c', 'd'])
})

t.test('a damaged database never becomes the last-good copy', async t => {
  const stateDir = await filled(t)
  const good = readFileSync(join(stateDir, 'state.snapshot.sqlite'))
  const store = await open(t, stateDir, { snapshotDelayMs: 50, snapshotIntervalMs: 50 })
  await add(store, 'd')
  truncateSync(database(stateDir), 0)
  await until(() => quarantined(stateDir).length > 0)
  t.ok(readFileSync(join(stateDir, 'state.snapshot.sqlite')).length >= good.length)
  t.strictSame(await keysOf(store), ['a', 'b', 'c', 'd'])
})

t.test('the last-good copy is renewed soon after a change', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  await add(store, 'a')
  const copy = join(stateDir, 'state.snapshot.sqlite')
  await until(() => existsSync(copy))
  const elsewhere = join(stateDir, 'elsewhere')
  mkdirSync(elsewhere)
  copyFileSync(copy, database(elsewhere))
  const restored = await open(t, elsewhere)
  t.strictSame(await keysOf(restored), ['a'])
})

t.test('a database above the size limit of copies still works', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir, { snapshotMaxBytes: 100 })
  await add(store, 'a')
  await store.close()
  t.notOk(existsSync(join(stateDir, 'state.snapshot.sqlite')))
  chmodSync(database(stateDir), 0o600)
  t.strictSame(await keysOf(await open(t, stateDir)), ['a'])
})

t.test('what is written while a copy is made waits for nobody, and the copy knows how far it goes', async t => {
  const stateDir = await filled(t)
  // What is kept through the end of the process alone waits for no disk, so that it is the copy that takes its time.
  const store = await open(t, stateDir, { durability: 'process' })
  const value = 'x'.repeat(2000)
  await store.commit(Array.from({ length: 8000 }, (_, seq) => ({ op: 'append', sessionId: 'large', seq, id: String(seq), value })))
  const copy = join(stateDir, 'state.snapshot.sqlite')
  const before = statSync(copy).ino
  const keys = ['a', 'b', 'c']
  let duringCopy = 0
  while (statSync(copy).ino === before) {
    if (existsSync(`${copy}.creating`)) duringCopy++
    const key = `d${String(keys.length).padStart(6, '0')}`
    await add(store, key)
    keys.push(key)
    await sleep(1)
  }
  t.ok(duringCopy > 0, `${duringCopy} commits while the copy was made`)
  truncateSync(database(stateDir), 4096)
  await add(store, 'e')
  t.strictSame(await keysOf(store), [...keys, 'e'])
  t.equal((await store.lines.extent('large')).lines, 8000)
  t.strictSame(store.status().notices.filter(text => text.includes('could not be brought back')), [])
})
