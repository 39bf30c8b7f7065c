import t from 'tap'
import { chmod, mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createPrivateFile, ensurePrivateDirectory, quarantineFile, readIfPresent, writePrivateFile } from '../../src/lib/private-file.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

t.test('a file and its new directory are private whatever the umask', async t => {
  for (const mask of [0, 0o777]) {
    const before = process.umask(mask)
    const directory = ownDirectory(t, {})
    const file = join(directory, 'new', 'secret')
    try {
      await writePrivateFile(file, 'x')
    } finally {
      process.umask(before)
    }
    t.equal(await mode(join(directory, 'new')), '700')
    t.equal(await mode(file), '600')
  }
})

t.test('a directory that exists keeps its rights', async t => {
  const directory = join(ownDirectory(t, {}), 'shared')
  await mkdir(directory)
  await chmod(directory, 0o755)
  await ensurePrivateDirectory(directory)
  t.equal(await mode(directory), '755')
})

t.test('a file that is replaced all the time is never seen half written', async t => {
  const file = join(ownDirectory(t, {}), 'state')
  const texts = ['a', 'b', 'c'].map(letter => letter.repeat(200_000))
  await writePrivateFile(file, texts[0]!)
  const readAll = async () => {
    for (let i = 0; i < 60; i++) if (!texts.includes(await readFile(file, 'utf8'))) t.fail('a reader saw a mixture')
  }
  const reader = readAll()
  for (let i = 0; i < 30; i++) await writePrivateFile(file, texts[i % 3]!)
  await reader
  t.same(await readdir(join(file, '..')), ['state'], 'no temporary file is left')
})

t.test('of many that create one file, one wins and the others are told', async t => {
  const file = join(ownDirectory(t, {}), 'once')
  const won = await Promise.all(Array.from({ length: 6 }, (_, index) => createPrivateFile(file, `text ${index}`)))
  t.equal(won.filter(Boolean).length, 1)
  t.equal(await readFile(file, 'utf8'), `text ${won.indexOf(true)}`)
})

t.test('a missing file reads as nothing, a directory in its place as an error', async t => {
  const directory = ownDirectory(t, { sub: {} })
  t.equal(await readIfPresent(join(directory, 'none')), undefined)
  await t.rejects(readIfPresent(join(directory, 'sub')), { code: 'EISDIR' })
})

t.test('what is set aside keeps its content under a new name', async t => {
  const file = join(ownDirectory(t, { broken: 'half' }), 'broken')
  const aside = await quarantineFile(file)
  t.equal(await readIfPresent(file), undefined)
  t.equal(await readFile(aside, 'utf8'), 'half')
})
