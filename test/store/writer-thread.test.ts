import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import t from 'tap'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

t.test('the text of the writer stands alone, so it also works out of a bundle', async t => {
  const directory = ownDirectory(t)
  const program = `
    import { openStore } from './src/store/open.ts'
    const store = await openStore({ stateDir: process.argv[2] })
    await store.collection('devices').put('a', { kept: true })
    console.log(JSON.stringify(await store.collection('devices').all()))
    // A copy of so much is made by a thread of its own.
    if (process.argv[3]) await store.collection('devices').put('large', 'x'.repeat(2_000_000))
    await store.close()`
  for (const minify of [false, true]) {
    const outfile = join(directory, `bundle-${minify}.mjs`)
    await build({ stdin: { contents: program, resolveDir: root }, bundle: true, platform: 'node', format: 'esm', target: 'node22.19', minify, outfile })
    for (const size of ['', 'large']) {
      const stateDir = join(directory, `state-${minify}-${size}`)
      const output = execFileSync(process.execPath, [outfile, stateDir, size], { encoding: 'utf8' })
      t.strictSame(JSON.parse(output), [{ key: 'a', value: { kept: true } }])
      t.ok(existsSync(join(stateDir, 'state.snapshot.sqlite')), 'the copier stands alone, too')
    }
  }
})

const threads = () => readdirSync('/proc/self/task').length

t.test('no thread is started before something is written, and none is left when all is written', {
  skip: existsSync('/proc/self/task') ? false : 'threads are counted in /proc'
}, async t => {
  const stateDir = ownDirectory(t)
  const filled = await createSqliteStore({ stateDir })
  await filled.collection('devices').put('a', 1)
  await filled.close()
  const before = threads()
  const store = await createSqliteStore({ stateDir })
  t.equal(await store.collection('devices').get('a'), 1)
  t.equal(threads(), before)
  await store.collection('devices').put('a', 2)
  t.ok(threads() > before)
  await store.close()
  t.equal(threads(), before)
  t.strictSame(readdirSync(stateDir).sort(), ['state.snapshot.sqlite', 'state.sqlite'], 'the log is folded in')
})

t.test('a small database is copied without a thread of its own', {
  skip: existsSync('/proc/self/task') ? false : 'threads are counted in /proc'
}, async t => {
  const stateDir = ownDirectory(t)
  const store = await createSqliteStore({ stateDir, snapshotDelayMs: 20 })
  await store.collection('devices').put('a', 1)
  const withWriter = threads()
  let most = 0
  while (!existsSync(join(stateDir, 'state.snapshot.sqlite'))) {
    most = Math.max(most, threads())
    await sleep(1)
  }
  await store.close()
  t.ok(most <= withWriter, `${most} threads, and ${withWriter} before the copy`)
})
