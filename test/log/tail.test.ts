import t from 'tap'
import type { Test } from 'tap'
import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { GatewayError } from '../../src/protocol/errors.ts'
import { tailLog } from '../../src/log/tail.ts'
import type { LogsTailResult, TailOptions } from '../../src/log/tail.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const schema = JSON.parse(readFileSync(new URL('../../node_modules/@openclaw/gateway-protocol/protocol.schema.json', import.meta.url), 'utf8')) as
  { definitions: { LogsTailResult: object } }
const isTailResult = new Ajv({ strict: false }).compile({ ...schema.definitions.LogsTailResult, definitions: schema.definitions })

const redact = (line: string): string => line.replaceAll('secret', '***')

/** Every answer of these tests has the published shape. */
async function tail (t: Test, options: Omit<TailOptions, 'redact'>): Promise<LogsTailResult> {
  const result = await tailLog({ redact, ...options })
  t.ok(isTailResult(JSON.parse(JSON.stringify(result))), JSON.stringify(isTailResult.errors))
  return result
}

const withFile = (t: Test, text: string): string => {
  const file = join(ownDirectory(t), 'gateway.log')
  writeFileSync(file, text)
  return file
}

t.test('without a cursor the end of the file comes, and the cursor goes on from there', async t => {
  const file = withFile(t, 'one\ntwo\nthree\n')
  t.same(await tail(t, { file }), { file, cursor: 14, size: 14, lines: ['one', 'two', 'three'], truncated: false, reset: false })
  t.same((await tail(t, { file, cursor: 14 })).lines, [])
  appendFileSync(file, 'four\nfi')
  t.same(await tail(t, { file, cursor: 14 }), { file, cursor: 19, size: 21, lines: ['four'], truncated: false, reset: false }, 'a line without an end is held back')
  appendFileSync(file, 've\n')
  t.same((await tail(t, { file, cursor: 19 })).lines, ['five'])
})

t.test('a window that begins inside a line leaves that line out, one that begins with a line does not', async t => {
  const file = withFile(t, 'one\ntwo\nthree\n')
  t.match(await tail(t, { file, maxBytes: 7 }), { lines: ['three'], truncated: true, cursor: 14 })
  t.match(await tail(t, { file, maxBytes: 6 }), { lines: ['three'], truncated: true })
  t.match(await tail(t, { file, maxBytes: 5 }), { lines: [], truncated: true, cursor: 14 })
  t.match(await tail(t, { file, cursor: 4 }), { lines: ['two', 'three'] })
  t.match(await tail(t, { file, cursor: 5 }), { lines: ['three'] })
})

t.test('more lines than the limit lose the oldest', async t => {
  const file = withFile(t, 'one\ntwo\nthree\n')
  t.match(await tail(t, { file, limit: 2 }), { lines: ['two', 'three'], truncated: true, cursor: 14 })
  t.match(await tail(t, { file, limit: 3 }), { truncated: false })
})

t.test('a cursor behind the end means another file, and says so', async t => {
  const file = withFile(t, 'one\n')
  t.match(await tail(t, { file, cursor: 5 }), { lines: ['one'], reset: true, truncated: false, cursor: 4 })
  t.equal((await tail(t, { file, cursor: 5, maxBytes: 1 })).truncated, true)
})

t.test('a gap larger than the window is jumped over, and says how far', async t => {
  const file = withFile(t, Array.from({ length: 100 }, (_, n) => `line ${String(n).padStart(2, '0')}\n`).join(''))
  t.match(await tail(t, { file, cursor: 8, maxBytes: 16 }), { lines: ['line 98', 'line 99'], reset: true, truncated: true, skippedBytes: 776, cursor: 800 })
})

t.test('following a file shows every line once, whatever the chunks it grows by', async t => {
  const file = withFile(t, '')
  const text = Array.from({ length: 300 }, (_, n) => `${n} ${'äß😀'.repeat(n % 7)}\n`).join('')
  const bytes = Buffer.from(text)
  const seen: string[] = []
  let cursor = 0
  // A seed of its own for the sizes: the same on every machine.
  let seed = 42
  for (let at = 0; at < bytes.length;) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    const size = 1 + seed % 97
    appendFileSync(file, bytes.subarray(at, at + size))
    at += size
    const result = await tailLog({ file, cursor, redact })
    seen.push(...result.lines)
    cursor = result.cursor
  }
  t.equal(`${seen.join('\n')}\n`, text)
})

t.test('a window inside one endless line has nothing yet and does not run away', async t => {
  const file = withFile(t, `first\n${'x'.repeat(1000)}`)
  t.match(await tail(t, { file, maxBytes: 100 }), { lines: [], cursor: 906, truncated: true })
  appendFileSync(file, '\nlast\n')
  t.match(await tail(t, { file, cursor: 906 }), { lines: ['last'], cursor: 1012 })
})

t.test('a missing file is an empty one', async t => {
  const file = join(ownDirectory(t), 'none', 'gateway.log')
  t.same(await tail(t, { file }), { file, cursor: 0, size: 0, lines: [], truncated: false, reset: false })
  t.equal((await tail(t, { file, cursor: 10 })).reset, true)
  t.same((await tail(t, { file: null })).lines, [])
})

t.test('before the first line of a day the newest file of the same log is read', async t => {
  const directory = ownDirectory(t)
  for (const name of ['openclaw-2026-11-18.log', 'openclaw-2026-11-19.log', 'openclaw-2026-11-19.1.log', 'openclaw-dev-2026-11-21.log', 'openclaw-2026-11-22.txt']) {
    writeFileSync(join(directory, name), `${name}\n`)
  }
  utimesSync(join(directory, 'openclaw-2026-11-19.log'), 1, 1)
  t.match(await tail(t, { file: join(directory, 'openclaw-2026-11-20.log') }), { file: join(directory, 'openclaw-2026-11-19.log'), lines: ['openclaw-2026-11-19.log'] })
  t.match(await tail(t, { file: join(directory, 'openclaw-work-2026-11-20.log') }), { lines: [] })
  t.match(await tail(t, { file: join(directory, 'gateway.log') }), { lines: [] })
})

t.test('lines are redacted, and limits out of range are brought into it', async t => {
  const file = withFile(t, 'a secret\nb\n'.repeat(3000))
  const { lines } = await tail(t, { file, limit: 100_000, maxBytes: 100_000_000 })
  t.equal(lines.length, 5000)
  t.equal(lines.some(line => line.includes('secret')), false)
  t.match(await tail(t, { file, limit: 0 }), { lines: ['b'] })
})

t.test('what cannot be read is refused with the code of an unavailable log', async t => {
  const directory = ownDirectory(t)
  mkdirSync(join(directory, 'gateway.log'))
  await t.rejects(tailLog({ file: join(directory, 'gateway.log'), redact }), { code: 'LOG_READ_FAILED', message: /^log read failed: / })
  const refusal = await tailLog({ file: join(directory, 'gateway.log'), redact }).catch((error: unknown) => error)
  t.equal(refusal instanceof GatewayError && refusal.toWire().code, 'UNAVAILABLE')
})
