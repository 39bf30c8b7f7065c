import t from 'tap'
import type { Test } from 'tap'
import { spawn } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFileSink } from '../../src/log/file-sink.ts'
import type { FileSink, FileSinkOptions } from '../../src/log/file-sink.ts'
import { linesOf, namesIn } from './capture.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

interface Opened { sink: FileSink, directory: string, said: string[], nowMs: number }

function openSink (t: Test, options: Partial<FileSinkOptions> = {}, name = 'gateway.log'): Opened {
  const directory = ownDirectory(t)
  const opened = { directory, said: [] as string[], nowMs: Date.now() }
  const sink = createFileSink({
    file: join(directory, name),
    maxFileBytes: 1_000_000,
    maxTotalBytes: 100_000_000,
    now: () => opened.nowMs,
    missingLine: count => `missing ${count}\n`,
    onTrouble: (error: NodeJS.ErrnoException) => opened.said.push(`trouble ${error.code ?? error.message}`),
    onRecovered: () => opened.said.push('recovered'),
    retryMs: 5,
    ...options
  })
  t.teardown(() => sink.close())
  return Object.assign(opened, { sink })
}

const totalBytes = (directory: string): number => namesIn(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('lines arrive in their order, appended to what is there', async t => {
  const { sink, directory } = openSink(t)
  writeFileSync(join(directory, 'gateway.log'), 'before\n')
  for (let n = 0; n < 2000; n++) sink.write(`line ${n}\n`)
  await sink.flush()
  sink.write('last\n')
  await sink.flush()
  t.same(linesOf(sink.path()), ['before', ...Array.from({ length: 2000 }, (_, n) => `line ${n}`), 'last'])
  t.match(sink.stats(), { bytesWritten: linesOf(sink.path()).join('\n').length + 1 - 'before\n'.length, dropped: 0, queued: 0 })
})

t.test('a full file becomes the first archive, five are kept, and writing goes on', async t => {
  const { sink, directory } = openSink(t, { maxFileBytes: 1000 })
  for (let n = 0; n < 100; n++) {
    sink.write(`${n} ${'x'.repeat(90)}\n`)
    await sink.flush()
  }
  t.same(namesIn(directory), ['gateway.1.log', 'gateway.2.log', 'gateway.3.log', 'gateway.4.log', 'gateway.5.log', 'gateway.log'])
  for (const name of namesIn(directory)) t.ok(statSync(join(directory, name)).size <= 1000)
  const kept = ['5.', '4.', '3.', '2.', '1.', ''].flatMap(index => linesOf(join(directory, `gateway.${index}log`))).map(line => Number.parseInt(line))
  t.same(kept, Array.from({ length: kept.length }, (_, at) => 100 - kept.length + at), 'without a hole up to the last line')
})

t.test('the files together never exceed the total, and what is newest is kept', async t => {
  const { sink, directory } = openSink(t, { maxFileBytes: 10_000, maxTotalBytes: 25_000 })
  for (let n = 0; n < 2000; n++) {
    sink.write(`${n} ${'x'.repeat(90)}\n`)
    if (n % 20 === 0) await sink.flush()
    if (totalBytes(directory) > 25_000) t.fail(`${totalBytes(directory)} bytes after line ${n}`)
  }
  await sink.flush()
  t.ok(totalBytes(directory) > 12_000)
  t.equal(linesOf(sink.path()).at(-1)?.startsWith('1999 '), true)
})

t.test('a total below the size of a file holds as well, and a line that cannot fit is counted', async t => {
  const { sink, directory } = openSink(t, { maxFileBytes: 1_000_000, maxTotalBytes: 4000 })
  sink.write(`${'y'.repeat(5000)}\n`)
  for (let n = 0; n < 200; n++) {
    sink.write(`${n} ${'x'.repeat(90)}\n`)
    await sink.flush()
  }
  t.ok(totalBytes(directory) <= 4000)
  t.equal(sink.stats().dropped, 1)
})

t.test('at midnight a dated file gives way to the next one, and what is older than a day goes', async t => {
  const opened = openSink(t, {}, 'openclaw-2026-01-01.log')
  const { sink, directory } = opened
  const day = (text: string): number => new Date(`${text}:00`).getTime()
  const others = ['openclaw-2026-11-18.log', 'openclaw-2026-11-18.3.log', 'openclaw-2026-11-19.1.log', 'openclaw-dev-2026-11-01.log', 'notes.log', 'openclaw-2026-11-18.txt']
  for (const name of others) {
    writeFileSync(join(directory, name), 'old\n')
    const at = new Date(`${/\d{4}-\d\d-\d\d/.exec(name)?.[0] ?? '2026-11-01'}T12:00:00`)
    utimesSync(join(directory, name), at, at)
  }
  opened.nowMs = day('2026-11-19T23:59')
  sink.write('evening\n')
  await sink.flush()
  const firstDay = sink.path()
  opened.nowMs = day('2026-11-20T00:01')
  sink.write('morning\n')
  await sink.flush()
  t.equal(readFileSync(firstDay, 'utf8'), 'evening\n')
  t.equal(readFileSync(join(directory, 'openclaw-2026-11-20.log'), 'utf8'), 'morning\n')
  t.same(namesIn(directory), ['notes.log', 'openclaw-2026-11-18.txt', 'openclaw-2026-11-19.1.log', 'openclaw-2026-11-19.log', 'openclaw-2026-11-20.log', 'openclaw-dev-2026-11-01.log'])
})

t.test('a name without a date does not roll, and nothing beside it is removed', async t => {
  const opened = openSink(t)
  writeFileSync(join(opened.directory, 'gateway-2020-01-01.log'), 'mine\n')
  utimesSync(join(opened.directory, 'gateway-2020-01-01.log'), 1, 1)
  opened.sink.write('one\n')
  await opened.sink.flush()
  opened.nowMs += 3 * 24 * 3600 * 1000
  opened.sink.write('two\n')
  await opened.sink.flush()
  t.same(namesIn(opened.directory), ['gateway-2020-01-01.log', 'gateway.log'])
})

t.test('a flood loses its oldest lines and says how many', async t => {
  const { sink } = openSink(t)
  for (let n = 0; n < 10_000; n++) sink.write(`line ${n}\n`)
  await sink.flush()
  const lines = linesOf(sink.path())
  t.equal(lines[0], `missing ${10_000 - 4096}`)
  t.equal(lines[1], `line ${10_000 - 4096}`)
  t.equal(lines.length, 4097)
  t.equal(sink.stats().dropped, 10_000 - 4096)
})

t.test('long lines are bounded by their bytes, not only by their number', async t => {
  const { sink } = openSink(t, { maxFileBytes: 100_000_000 })
  for (let n = 0; n < 1000; n++) sink.write(`${'x'.repeat(50_000)}\n`)
  await sink.flush()
  t.ok(statSync(sink.path()).size <= 8_388_608)
  t.match(linesOf(sink.path())[0], /^missing 8\d\d$/)
})

t.test('a file that somebody moved or removed is opened anew', async t => {
  const { sink, directory } = openSink(t)
  sink.write('one\n')
  await sink.flush()
  renameSync(sink.path(), join(directory, 'elsewhere'))
  sink.write('two\n')
  await sink.flush()
  t.equal(readFileSync(sink.path(), 'utf8'), 'two\n')
  unlinkSync(sink.path())
  sink.write('three\n')
  await sink.flush()
  t.equal(readFileSync(sink.path(), 'utf8'), 'three\n')
})

t.test('two gateways can share a file, also when it rotates', async t => {
  const first = openSink(t, { maxFileBytes: 2000 })
  const second = createFileSink({
    file: first.sink.path(),
    maxFileBytes: 2000,
    maxTotalBytes: 100_000,
    now: Date.now,
    missingLine: () => '',
    onTrouble: error => t.error(error),
    onRecovered: () => {}
  })
  t.teardown(() => second.close())
  for (let n = 0; n < 60; n++) {
    first.sink.write(`a${n} ${'x'.repeat(40)}\n`)
    second.write(`b${n} ${'x'.repeat(40)}\n`)
    await Promise.all([first.sink.flush(), second.flush()])
  }
  const lines = namesIn(first.directory).flatMap(name => linesOf(join(first.directory, name)))
  t.equal(new Set(lines).size, 120)
  t.same(first.said, [])
})

t.test('a line that was cut by a crash does not spoil the next one', async t => {
  const { sink, directory } = openSink(t)
  writeFileSync(join(directory, 'gateway.log'), 'whole\n{"half')
  sink.write('next\n')
  await sink.flush()
  t.same(linesOf(sink.path()), ['whole', '{"half', 'next'])
})

t.test('a file that cannot be written is said once, and its lines arrive when it can', async t => {
  const { sink, directory, said } = openSink(t, {}, 'sub/gateway.log')
  writeFileSync(join(directory, 'sub'), 'in the way')
  sink.write('one\n')
  await sink.flush()
  sink.write('two\n')
  await sink.flush()
  t.same(said, ['trouble ENOTDIR'])
  t.equal(sink.stats().failing, true)
  for (let n = 0; n < 5000; n++) sink.write(`line ${n}\n`)
  rmSync(join(directory, 'sub'))
  await until(() => !sink.stats().failing && sink.stats().queued === 0)
  t.same(said, ['trouble ENOTDIR', 'recovered'])
  const lines = linesOf(sink.path())
  t.equal(lines[0], 'missing 906')
  t.equal(lines.at(-1), 'line 4999')
})

t.test('what is not a regular file is refused instead of waited for', async t => {
  const { sink, directory, said } = openSink(t)
  mkdirSync(join(directory, 'gateway.log'))
  sink.write('one\n')
  await sink.flush()
  t.match(said, [/^trouble the log file is not a regular file/])
  await sink.close()
})

const sinkModule = JSON.stringify(new URL('../../src/log/file-sink.ts', import.meta.url))

/** Runs a program with a sink on `file` in a process of its own, under the limits of a shell. */
async function runWithSink (shell: string, file: string, program: string): Promise<{ stdout: string, code: number | null }> {
  const source = `
    import { createFileSink } from ${sinkModule}
    const sink = createFileSink({ file: ${JSON.stringify(file)}, maxFileBytes: 1e6, maxTotalBytes: 1e7, now: Date.now, retryMs: 5,
      missingLine: n => 'missing ' + n + '\\n', onTrouble: error => console.log('trouble', error.code), onRecovered: () => console.log('recovered') })
    ${program}`
  const child = spawn('sh', ['-c', `${shell}; exec "$0" --input-type=module -e "$1"`, process.execPath, source], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  return new Promise(resolve => child.on('close', code => resolve({ stdout, code })))
}

t.test('files are 0600 and directories 0700 whatever the umask, and what exists keeps its rights', { skip: process.platform === 'win32' }, async t => {
  const directory = ownDirectory(t)
  await runWithSink('umask 000', join(directory, 'new', 'gateway.log'), "sink.write('x\\n'); await sink.flush()")
  t.equal(statSync(join(directory, 'new')).mode & 0o777, 0o700)
  t.equal(statSync(join(directory, 'new', 'gateway.log')).mode & 0o777, 0o600)
  await runWithSink('umask 277', join(directory, 'strict.log'), "sink.write('x\\n'); await sink.flush()")
  t.equal(statSync(join(directory, 'strict.log')).mode & 0o777, 0o600)
  chmodSync(join(directory, 'strict.log'), 0o640)
  await runWithSink('umask 000', join(directory, 'strict.log'), "sink.write('y\\n'); await sink.flush()")
  t.equal(statSync(join(directory, 'strict.log')).mode & 0o777, 0o640)
})

t.test('a full disk in the middle of a line costs no line and doubles none', { skip: process.platform === 'win32' }, async t => {
  const directory = ownDirectory(t)
  const file = join(directory, 'gateway.log')
  // A limit on the size of files is a disk that is full for us alone; the first archive makes room again.
  const { stdout } = await runWithSink('ulimit -f 12', file, `
    import { renameSync, readFileSync } from 'node:fs'
    process.on('SIGXFSZ', () => {})
    for (let n = 0; n < 150; n++) sink.write(n + ' ' + 'x'.repeat(60) + '\\n')
    await sink.flush()
    console.log('queued', sink.stats().queued > 0)
    renameSync(${JSON.stringify(file)}, ${JSON.stringify(`${file}.old`)})
    while (sink.stats().queued > 0) await new Promise(resolve => setTimeout(resolve, 5))
    await sink.close()`)
  t.equal(stdout, 'trouble EFBIG\nqueued true\nrecovered\n')
  const whole = [`${file}.old`, file].flatMap(path => readFileSync(path, 'utf8').split('\n').filter(line => line.length > 60))
  const numbers = whole.filter(line => /^\d+ x{60}$/.test(line)).map(line => Number.parseInt(line))
  t.same(numbers, Array.from({ length: 150 }, (_, n) => n))
})

t.test('the last words of a process reach the file, with a write under way and without', async t => {
  const directory = ownDirectory(t)
  for (const [name, program] of [
    ['quiet', "process.on('exit', () => sink.flushSync()); for (let n = 0; n < 3000; n++) sink.write('line ' + n + '\\n'); process.exit(0)"],
    ['busy', `process.on('exit', () => sink.flushSync())
      for (let n = 0; n < 2000; n++) sink.write('line ' + n + '\\n')
      await new Promise(resolve => setImmediate(resolve)); for (let n = 2000; n < 3000; n++) sink.write('line ' + n + '\\n'); process.exit(0)`]
  ] as const) {
    const file = join(directory, `${name}.log`)
    await runWithSink(':', file, program)
    t.same(linesOf(file), Array.from({ length: 3000 }, (_, n) => `line ${n}`), name)
  }
})

t.test('after a flush in the last moments the sink still works', async t => {
  const { sink } = openSink(t)
  for (let n = 0; n < 3000; n++) {
    sink.write(`line ${n}\n`)
    if (n % 500 === 0) await new Promise(resolve => setImmediate(resolve))
    if (n % 700 === 0) sink.flushSync()
  }
  await sink.flush()
  await sink.close()
  sink.write('too late\n')
  t.same(linesOf(sink.path()), Array.from({ length: 3000 }, (_, n) => `line ${n}`))
})

t.test('closing tries once more what could not be written', async t => {
  const { sink, directory } = openSink(t, { retryMs: 60_000 }, 'sub/gateway.log')
  appendFileSync(join(directory, 'sub'), '')
  sink.write('kept\n')
  await sink.flush()
  t.equal(existsSync(sink.path()), false)
  rmSync(join(directory, 'sub'))
  await sink.close()
  t.same(linesOf(sink.path()), ['kept'])
})
