import t from 'tap'
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTail } from '../../src/log/continued-tail.ts'
import { rotate } from '../../src/log/log-files.ts'
import { createLogging } from '../../src/log/logger.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

t.test('a cursor survives rotation: what the old file still had comes first, and nothing twice', async t => {
  const file = join(ownDirectory(t), 'gateway.log')
  const tail = createTail(line => line)
  writeFileSync(file, 'one\ntwo\n')
  const first = await tail({ file })
  appendFileSync(file, 'three\n')
  rotate(file)
  // Longer than the old one was: the offset alone would be a place inside it.
  writeFileSync(file, 'four is much longer than what stood there\nfive\n')
  const second = await tail({ file, cursor: first.cursor })
  t.match(second, { lines: ['three', 'four is much longer than what stood there', 'five'], reset: false, truncated: false })
  rotate(file)
  rotate(file)
  writeFileSync(file, 'six\n')
  t.match(await tail({ file, cursor: second.cursor }), { lines: ['six'], reset: false })
})

t.test('a file that was moved away before the next line is written is waited for', async t => {
  const file = join(ownDirectory(t), 'gateway.log')
  const tail = createTail(line => line)
  writeFileSync(file, 'one\ntwo\n')
  const first = await tail({ file })
  appendFileSync(file, 'three\n')
  rotate(file)
  const between = await tail({ file, cursor: first.cursor })
  t.match(between, { file, lines: ['three'], reset: false })
  t.match(await tail({ file, cursor: between.cursor }), { file, lines: [], reset: false })
  writeFileSync(file, 'four\n')
  t.match(await tail({ file, cursor: between.cursor }), { file, lines: ['four'], reset: false })
})

t.test('a file that is gone altogether, and a cursor that nobody handed out, are said to be so', async t => {
  const file = join(ownDirectory(t), 'gateway.log')
  const tail = createTail(line => line)
  writeFileSync(file, 'one\ntwo\n')
  const { cursor } = await tail({ file })
  rmSync(file)
  writeFileSync(`${file}.new`, 'three is a long line\n')
  renameSync(`${file}.new`, file)
  t.match(await tail({ file, cursor }), { lines: ['three is a long line'], reset: true })
  t.match(await createTail(line => line)({ file, cursor: 1000 }), { reset: true, lines: ['three is a long line'] })
})

t.test('a log that rolls by day is followed from one file into the next', async t => {
  const directory = ownDirectory(t)
  const tail = createTail(line => line)
  writeFileSync(join(directory, 'openclaw-2026-01-01.log'), 'one\n')
  const { cursor } = await tail({ file: join(directory, 'openclaw-2026-01-01.log') })
  appendFileSync(join(directory, 'openclaw-2026-01-01.log'), 'two\n')
  writeFileSync(join(directory, 'openclaw-2026-01-02.log'), 'three of the next day\n')
  t.match(await tail({ file: join(directory, 'openclaw-2026-01-02.log'), cursor }), { lines: ['two', 'three of the next day'], reset: false })
})

t.test('every line is read once while a real log is rotated under the reader', async t => {
  const file = join(ownDirectory(t), 'gateway.log')
  const nowhere = { write: () => true }
  const logging = createLogging({
    level: 'info', consoleLevel: 'silent', file, maxFileBytes: 4096, maxTotalBytes: 100_000, now: Date.now, stdout: nowhere, stderr: nowhere, isTty: false
  })
  t.teardown(() => logging.close())
  const tail = createTail(line => line)
  const seen: number[] = []
  const read = (lines: readonly string[]): void => {
    for (const line of lines) seen.push(Number(/line (\d+) of many/.exec(line)?.[1]))
  }
  logging.logger.info('line 0 of many')
  await logging.flush()
  let last = await tail({ file })
  read(last.lines)
  for (let number = 1; number <= 200; number++) {
    logging.logger.info(`line ${number} of many`)
    if (number % 7 !== 0) continue
    await logging.flush()
    last = await tail({ file, cursor: last.cursor })
    read(last.lines)
  }
  await logging.flush()
  read((await tail({ file, cursor: last.cursor })).lines)
  t.same(seen, Array.from({ length: 201 }, (_, number) => number))
})
